"""Transcripts: what matches, and how the first difference is shown."""

from __future__ import annotations

import pytest

from headless_conformance.cluster.transcripts import (
    parse_description,
    parse_table,
    require_line,
    require_transcript,
    single_spaced,
)
from headless_conformance.core.mismatch import Mismatch

LOOKUP = """\
Server:    {dns}
Address 1: {dns} {dns_name}

Name:      nginx
Address 1: {address} {name}
"""
PRINTED = """\
Server:    192.0.2.10
Address 1: 192.0.2.10 kube-dns.kube-system.svc.cluster.local

Name:      nginx
Address 1: 198.51.100.7 web-0.nginx.default.svc.cluster.local
"""


def test_what_stands_in_the_holes_is_given_back() -> None:
    found = require_transcript("nslookup", LOOKUP, PRINTED, dns="192.0.2.10")
    assert (found["address"], found["dns_name"]) == ("198.51.100.7", "kube-dns.kube-system.svc.cluster.local")


def test_a_hole_means_the_same_on_every_line() -> None:
    printed = PRINTED.replace("Address 1: 192.0.2.10", "Address 1: 192.0.2.11")
    with pytest.raises(
        Mismatch, match=r"^nslookup: line 2: expected Address 1: 192\.0\.2\.10 <dns_name>, got"
    ):
        require_transcript("nslookup", LOOKUP, printed)


def test_a_hole_means_the_same_within_a_line() -> None:
    assert require_line("hosts file", "{name} is {name}", "db is db") == {"name": "db"}
    with pytest.raises(Mismatch, match=r"^hosts file: expected <name> is <name>, got db is mysql"):
        require_line("hosts file", "{name} is {name}", "db is mysql")


def test_the_first_difference_is_shown_with_both_lines_and_the_whole_output() -> None:
    printed = PRINTED.replace("Name:      nginx", "Name:      mysql")
    with pytest.raises(Mismatch) as raised:
        require_transcript("nslookup", LOOKUP, printed, dns="192.0.2.10")
    seen = raised.value.observation
    assert seen.subject == "nslookup: line 4"
    assert (seen.expected, seen.observed) == ("Name:      nginx", "Name:      mysql")
    assert printed in seen.details


@pytest.mark.parametrize(
    ("printed", "expected", "observed"),
    [("one\n", "two", "nothing more"), ("one\ntwo\nthree\n", "nothing more", "three")],
)
def test_missing_and_additional_lines_differ(printed: str, expected: str, observed: str) -> None:
    with pytest.raises(Mismatch) as raised:
        require_transcript("nslookup", "one\ntwo\n", printed)
    assert (raised.value.observation.expected, raised.value.observation.observed) == (expected, observed)


def test_signs_in_a_template_mean_themselves() -> None:
    with pytest.raises(AssertionError):
        require_line("hosts file", "/ # nslookup a.b", "/ # nslookup a+b")


def test_a_missing_line_is_shown_with_the_one_most_like_it() -> None:
    printed = "127.0.0.1 localhost\nff02::1 ip6-allnodes\n"
    with pytest.raises(Mismatch, match="expected fe00::1 ip6-allnodes, got ff02::1 ip6-allnodes"):
        require_line("hosts file", "fe00::1 ip6-allnodes", printed)


def test_a_line_must_be_there_once() -> None:
    with pytest.raises(Mismatch, match="expected same, got same 2 times"):
        require_line("hosts file", "same", "same\nsame\n")


def test_blanks_and_tabs_become_one_blank() -> None:
    assert single_spaced("127.0.0.1\tlocalhost\n::1  localhost \n") == "127.0.0.1 localhost\n::1 localhost"


def test_a_key_that_is_printed_twice_is_seen_twice() -> None:
    printed = "Name:       nginx\nPort:       a  1/TCP\nPort:       b  2/TCP\nEvents:     <none>\n"
    assert parse_description(printed) == {
        "Name": ["nginx"],
        "Port": ["a  1/TCP", "b  2/TCP"],
        "Events": ["<none>"],
    }


def test_indented_lines_belong_to_the_value_above() -> None:
    printed = "Labels:     app=nginx\n            team=databases\nEvents:\n  Type  Reason\n"
    assert parse_description(printed) == {
        "Labels": ["app=nginx\nteam=databases"],
        "Events": ["\nType  Reason"],
    }


def test_a_value_may_hold_colons() -> None:
    assert parse_description("Endpoints:         192.0.2.1:3306,192.0.2.2:3306\n")["Endpoints"] == [
        "192.0.2.1:3306,192.0.2.2:3306"
    ]


def test_a_table_is_read_by_its_headings() -> None:
    heading = "NAME        TYPE        CLUSTER-IP   PORT(S)    AGE\n"
    printed = f"{heading}nginx   ClusterIP   None         3306/TCP   37s\n"
    wanted = {
        "NAME": "nginx",
        "TYPE": "ClusterIP",
        "CLUSTER-IP": "None",
        "PORT(S)": "3306/TCP",
        "AGE": "37s",
    }
    assert parse_table("kubectl get svc", printed) == [wanted]
