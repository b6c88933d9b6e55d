"""Tests of patterns for the fields of a mismatch. No cluster."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from headless_conformance.faults.expectation import FailureExpectation, matches


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("NXDOMAIN", "NXDOMAIN", True),
        ("NXDOMAIN", "NXDOMAIN, flags AA", False),
        ("NXDOMAIN*", "NXDOMAIN, flags AA\n  authority", True),
        ("a.b", "axb", False),
        ("['mysql-0', *]", "['mysql-0', 'mysql-1']", True),
        (r"/IN A 192\.0\.2\.66$/", "answer: a. 30 IN A 192.0.2.66", True),
        (r"/^IN A/", "answer: a. 30 IN A 192.0.2.66", False),
        ("/", "/", True),
    ],
)
def test_patterns(pattern: str, text: str, expected: bool) -> None:
    assert matches(pattern, text) is expected


def test_every_given_field_must_be_as_described() -> None:
    fields = {"subject": "a. A", "observed": "SERVFAIL", "where": {"server": "CoreDNS 2", "transport": "tcp"}}
    expectation = FailureExpectation(observed="SERVFAIL", transport="tcp", server="CoreDNS 2")
    assert expectation.describe(fields)
    assert not FailureExpectation(observed="SERVFAIL", transport="udp").describe(fields)
    assert not FailureExpectation(observed="SERVFAIL", pod="a").describe(fields)
    assert not FailureExpectation(observed="NXDOMAIN", transport="tcp").describe(fields)


def test_an_expectation_may_name_the_test() -> None:
    expectation = FailureExpectation(observed="x", test="*::test_a")
    assert expectation.describe({"observed": "x", "test": "suites/a.py::test_a"})
    assert not expectation.describe({"observed": "x", "test": "suites/a.py::test_b"})


@pytest.mark.parametrize(
    "row", [{}, {"server": "a"}, {"observed": "/(/"}, {"observed": ""}, {"message": "a"}]
)
def test_an_expectation_names_a_reason_in_known_fields(row: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        FailureExpectation.model_validate(row)
