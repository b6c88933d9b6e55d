"""What members see, read from text."""

from __future__ import annotations

import pytest

from headless_conformance.cluster.inside_pod import addresses_by_name
from headless_conformance.cluster.transcripts import described_endpoints, first_line, parse_table

HOSTS = """# Kubernetes-managed hosts file.
127.0.0.1 localhost
192.0.2.66 web-1.nginx.default.svc.cluster.local # not his
198.51.100.7 web-0.nginx.default.svc.cluster.local web-0
2001:db8::7 web-0.nginx.default.svc.cluster.local web-0
"""


def test_each_name_of_a_hosts_file_has_its_addresses_in_order() -> None:
    found = addresses_by_name(HOSTS)
    assert found["web-0"] == ["198.51.100.7", "2001:db8::7"]
    assert found["web-1.nginx.default.svc.cluster.local"] == ["192.0.2.66"]
    assert "not" not in found
    assert addresses_by_name("web-0\n\n") == {}


def test_endpoints_of_all_ports_are_listed() -> None:
    first = "Port: a  1/TCP\nEndpoints: 198.51.100.7:1,198.51.100.8:1\n"
    printed = f"{first}Port: b  2/TCP\nEndpoints: 198.51.100.7:2\n"
    assert described_endpoints(printed) == ["198.51.100.7:1", "198.51.100.7:2", "198.51.100.8:1"]
    assert described_endpoints("Port: a  1/TCP\n") == []


def test_nothing_printed_is_an_empty_table_and_a_torn_one_a_broken_promise() -> None:
    assert parse_table("kubectl get svc", "") == []
    assert first_line("") == ""
    with pytest.raises(AssertionError, match="as many columns"):
        parse_table("kubectl get svc", "NAME   AGE\nnginx\n")
