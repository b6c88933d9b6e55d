"""A database server is known by its Pod's address, and not by what it calls itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import pytest

from headless_conformance.cluster.headless_set import HeadlessSet
from suites.headless_service.sql import as_pods


class Members:
    """Three Pods with addresses."""

    pod_names = ("db-0", "db-1", "db-2")
    ordinals = range(3)

    def pod_ip(self, ordinal: int) -> str:
        return f"10.0.0.{ordinal}"


def named(hostnames: Sequence[str], *by_address: str) -> list[str]:
    def ask(addresses: Sequence[str]) -> Sequence[str]:
        assert by_address, "there is nothing to ask"
        assert addresses == ["10.0.0.0", "10.0.0.1", "10.0.0.2"]
        return by_address

    return as_pods(hostnames, cast(HeadlessSet, Members()), ask)


def test_servers_that_have_their_pods_names_are_not_asked_for_again() -> None:
    assert named(["db-1", "db-1", "db-0"]) == ["db-1", "db-1", "db-0"]


def test_a_renamed_server_is_no_stranger() -> None:
    assert named(["b", "c", "b"], "a", "b", "c") == ["db-1", "db-2", "db-1"]


@pytest.mark.parametrize(
    ("by_address", "found"),
    [(("a", "b", "c"), "x"), (("x", "x", "c"), "x")],
    ids=["a server of no Pod", "two servers of one name"],
)
def test_who_cannot_be_told_keeps_its_own_name(by_address: tuple[str, ...], found: str) -> None:
    assert named(["x"], *by_address) == [found]
