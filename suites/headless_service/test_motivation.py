"""Why the document needs a headless Service: three independent databases, and what load balancing does to them."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from fixtures.clients import Sql
from fixtures.headless import HeadlessSet
from fixtures.providers import Capability

DATABASE = pytest.mark.needs(Capability.KUBELET, Capability.SQL)


@pytest.fixture
def table(sql: Sql, documented: HeadlessSet) -> Iterator[str]:
    """A table name of this spec's own, created in no server; the database around it is on each, and goes afterwards."""
    database = f"spec_{uuid4().hex[:12]}"
    hosts = [f"{documented.member(ordinal)}.{documented.service}" for ordinal in documented.ordinals]
    for host in hosts:
        sql.query(host, f"CREATE DATABASE {database}")
    yield f"{database}.marks"
    for host in hosts:
        sql.query(host, f"DROP DATABASE {database}")


@pytest.mark.claim("SEED-WHY-01")
def test_the_set_has_exactly_members_0_1_and_2(either: HeadlessSet) -> None:
    """The StatefulSet MUST own exactly three pods, with the ordinals 0, 1 and 2, all Ready."""
    assert [pod["metadata"]["name"] for pod in either.pods()] == [either.member(ordinal) for ordinal in range(3)]
    assert len(either.addresses()) == 3


@pytest.mark.claim("SEED-WHY-01")
@pytest.mark.needs(Capability.VOLUMES)
def test_each_member_has_a_volume_of_its_own(documented: HeadlessSet) -> None:
    """Each member MUST have its own claim, bound to its own volume."""
    claims = [
        documented.kube.get("PersistentVolumeClaim", documented.namespace, f"data-{documented.member(ordinal)}")
        for ordinal in documented.ordinals
    ]
    assert [claim["status"]["phase"] for claim in claims] == ["Bound"] * documented.replicas
    assert len({claim["spec"]["volumeName"] for claim in claims}) == documented.replicas


@pytest.mark.claim("SEED-WHY-01")
@DATABASE
def test_a_row_written_to_member_0_is_in_no_other_member(documented: HeadlessSet, sql: Sql, table: str) -> None:
    """A row written to one member MUST be read back by that member's stable name, and MUST be absent from the others."""
    hosts = [f"{documented.member(ordinal)}.{documented.service}" for ordinal in documented.ordinals]
    mark = uuid4().hex
    for host in hosts:
        sql.query(host, f"CREATE TABLE {table} (mark CHAR(32))")
    sql.query(hosts[0], f"INSERT INTO {table} VALUES ('{mark}')")
    assert [sql.query(host, f"SELECT mark FROM {table}") for host in hosts] == [[[mark]], [], []]


@pytest.mark.claim("SEED-WHY-01")
@DATABASE
def test_the_members_are_three_different_servers(documented: HeadlessSet, sql: Sql) -> None:
    """Each member's stable name MUST lead to the server of that hostname, and no two servers MUST be the same."""
    hosts = [f"{documented.member(ordinal)}.{documented.service}" for ordinal in documented.ordinals]
    rows = [sql.query(host, "SELECT @@hostname, @@server_uuid")[0] for host in hosts]
    assert [hostname for hostname, _ in rows] == [documented.member(ordinal) for ordinal in documented.ordinals]
    assert len({uuid for _, uuid in rows}) == documented.replicas
