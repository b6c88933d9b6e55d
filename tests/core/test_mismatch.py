"""Mismatches: their fields, the forms of values in them, and how they print."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from headless_conformance.core.mismatch import (
    Mismatch,
    Observation,
    PermanentFailure,
    Where,
    items_of,
    require,
    require_count,
    require_equal,
    require_items,
    text_of,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("None", "None"),
        (None, "absent"),
        (True, "true"),
        (3306, "3306"),
        (["b", "a"], "[b, a]"),
        ([], "[]"),
        ({"b", "a"}, "{a, b}"),
        ({"b": "1", "a": None}, "{a: absent, b: 1}"),
        ([("web-0", None), ("web-1", "web-1")], "[web-0 absent, web-1 web-1]"),
        ([{"port": 80, "name": "http"}], "[{name: http, port: 80}]"),
    ],
)
def test_a_value_has_one_form(value: object, text: str) -> None:
    assert text_of(value) == text


def test_items_are_sorted_and_a_doubled_one_is_shown_twice() -> None:
    assert items_of(["10.0.0.2", "10.0.0.1", "10.0.0.2"]) == "{10.0.0.1, 10.0.0.2, 10.0.0.2}"


def fields_of(check: Callable[[], None]) -> tuple[str, str]:
    with pytest.raises(Mismatch) as raised:
        check()
    return raised.value.observation.expected, raised.value.observation.observed


def test_what_is_as_required_raises_nothing() -> None:
    require_equal("A", ["a"], ["a"])
    require_items("A", ["b", "a", "a"], ["a", "b", "a"])
    require_count("A", {"a": 1}, 1)
    require(True, "A", expected="anything", observed=None)


def test_each_helper_says_what_was_expected_and_what_was_observed() -> None:
    assert fields_of(lambda: require_equal("A", None, "None")) == ("None", "absent")
    assert fields_of(lambda: require_items("A", ["b", "a"], ["a"])) == ("{a}", "{a, b}")
    assert fields_of(lambda: require_items("A", ["a", "a"], ["a"])) == ("{a}", "{a, a}")
    assert fields_of(lambda: require_count("A", {"a", "b"}, 3)) == ("3", "2 {a, b}")
    assert fields_of(lambda: require(False, "A", expected="at least 1", observed="0")) == ("at least 1", "0")


def test_it_prints_subject_expectation_observation_place_details_and_attempts() -> None:
    where = Where(server="CoreDNS 2", address="127.0.0.1:53", transport="udp")
    mismatch = Mismatch(Observation("A web-0.nginx.", "{10.0.0.1}", "NXDOMAIN", where, "flags QR\n")).after(
        7, 1.26
    )
    assert str(mismatch) == (
        "A web-0.nginx.: expected {10.0.0.1}, got NXDOMAIN at CoreDNS 2 (127.0.0.1:53) over udp\n"
        "flags QR\n"
        "(7 attempts in 1.3 s)"
    )
    assert str(Where(pod="web-0", node="worker", namespace="default")) == (
        "in Pod web-0 on node worker in namespace default"
    )


def test_what_is_stored_leaves_out_what_is_empty() -> None:
    once = Observation("A", "1", "2", Where(pod="web-0"))
    assert once.fields() == {"subject": "A", "expected": "1", "observed": "2", "where": {"pod": "web-0"}}
    assert "where" not in Observation("A", "1", "2").fields()
    counted = Mismatch(Observation("A", "1", "2", details="all")).after(3, 0.52).observation.fields()
    assert counted == {
        "subject": "A",
        "expected": "1",
        "observed": "2",
        "details": "all",
        "attempts": 3,
        "seconds": 0.5,
    }


def test_a_permanent_failure_stays_one_when_its_attempts_are_counted() -> None:
    assert isinstance(
        PermanentFailure(Observation("A", "TTL 30", "TTL 3600")).after(1, 0.0), PermanentFailure
    )


def test_python_prints_it_by_its_own_name() -> None:
    with pytest.raises(Mismatch) as raised:
        require_equal("A", 1, 2)
    assert raised.exconly() == "Mismatch: A: expected 2, got 1"


def test_items_are_compared_by_value_and_not_by_their_text() -> None:
    for observed in ([3306], ["3306", "3306"], [None]):
        with pytest.raises(Mismatch):
            require_items("ports", observed, ["3306"])
    require_items("ports", ["b", "a"], ["a", "b"])
