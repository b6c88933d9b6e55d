"""Why the document needs a headless Service: three independent databases, and what load balancing does to them."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from headless_conformance.cluster.dns_client import Dns, must_be
from headless_conformance.cluster.facts import Facts
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.kube import Object
from headless_conformance.cluster.model import Capability
from headless_conformance.cluster.waiting import consistently
from suites.headless_service.sql import Sql

DATABASE = pytest.mark.needs(Capability.KUBELET, Capability.SQL)


CONNECTIONS = 60
"""With a member picked at random each time, all 60 reach the same one of three about once in 10^28 runs."""


APART_SECONDS = 1.0
"""How long members are watched to stay apart: what copies rows from one to another does it at once."""


@pytest.fixture
def database(sql: Sql, transcript_set: HeadlessSet) -> Iterator[str]:
    """A database name of this test's own; what is created under it goes afterwards."""
    name = f"spec_{uuid4().hex[:12]}"
    yield name
    for address in transcript_set.addresses():
        sql.query(address, f"DROP DATABASE IF EXISTS {name}")


def pvcs_of(pod: Object) -> list[str]:
    """Names of the claims that a pod uses."""
    volumes = [volume.get("persistentVolumeClaim", {}) for volume in pod["spec"]["volumes"]]
    return [claim["claimName"] for claim in volumes if claim]


def create_table(database: str) -> str:
    """A statement that creates the database and a table in it, unless a member's are another's too."""
    return f"CREATE DATABASE IF NOT EXISTS {database}; CREATE TABLE IF NOT EXISTS {database}.marks (mark CHAR(32))"


@pytest.mark.requirement("SEED-WHY-01")
def test_the_set_has_exactly_members_0_1_and_2(each_set: HeadlessSet) -> None:
    """The StatefulSet MUST own exactly three pods, with the ordinals 0, 1 and 2, all Ready."""
    names = [pod["metadata"]["name"] for pod in each_set.pods()]
    wanted = [each_set.member(ordinal) for ordinal in range(3)]
    assert names == wanted, f"the StatefulSet owns {names}, expected {wanted}"
    assert len(each_set.addresses()) == 3, f"Ready members: {each_set.addresses()}, expected three"


@pytest.mark.requirement("SEED-WHY-01")
@pytest.mark.needs(Capability.VOLUMES)
def test_each_member_has_a_volume_of_its_own(transcript_set: HeadlessSet) -> None:
    """Each member MUST have its own claim, bound to its own volume."""
    names = [pvcs_of(pod) for pod in transcript_set.pods()]
    wanted = [[f"data-{transcript_set.member(ordinal)}"] for ordinal in transcript_set.ordinals]
    assert names == wanted, f"expected a claim of its own for each member, came {names}"
    claims = [
        transcript_set.kube.get("PersistentVolumeClaim", transcript_set.namespace, name) for (name,) in names
    ]
    phases = [claim["status"]["phase"] for claim in claims]
    assert phases == ["Bound"] * transcript_set.replicas, f"the claims are {phases}"
    volumes = [claim["spec"]["volumeName"] for claim in claims]
    assert len(set(volumes)) == transcript_set.replicas, f"the claims' volumes are {volumes}"


@pytest.mark.requirement("SEED-WHY-01")
@DATABASE
def test_a_row_is_in_the_member_that_it_was_written_to_alone(
    transcript_set: HeadlessSet, sql: Sql, database: str
) -> None:
    """A row written to a member MUST be read back by that member's stable name, and MUST stay absent from the others."""
    marks = {
        f"{transcript_set.member(ordinal)}.{transcript_set.service}": uuid4().hex
        for ordinal in transcript_set.ordinals
    }
    for host, mark in marks.items():
        sql.query(host, f"{create_table(database)}; INSERT INTO {database}.marks VALUES ('{mark}')")

    def check() -> None:
        for host, mark in marks.items():
            found = sql.query(host, f"SELECT mark FROM {database}.marks")
            assert found == [[mark]], f"written were {marks}, found at {host} is {found}"

    consistently(check, expecting="each member to have its own row alone", during=APART_SECONDS)


@pytest.mark.requirement("SEED-WHY-01")
@DATABASE
def test_the_members_are_three_different_servers(transcript_set: HeadlessSet, sql: Sql) -> None:
    """Each member's stable name MUST lead to the server of that hostname, and the servers MUST be different ones."""
    hosts = [
        f"{transcript_set.member(ordinal)}.{transcript_set.service}" for ordinal in transcript_set.ordinals
    ]
    rows = [sql.query(host, "SELECT @@hostname, @@server_uuid")[0] for host in hosts]
    hostnames, uuids = [row[0] for row in rows], {row[1] for row in rows}
    members = [transcript_set.member(ordinal) for ordinal in transcript_set.ordinals]
    assert hostnames == members, f"{hosts} lead to {hostnames}, expected {members}"
    assert len(uuids) == transcript_set.replicas, f"the servers' identities are {uuids}"


@pytest.mark.requirement("SEED-WHY-02")
@DATABASE
def test_another_container_reaches_a_database_through_the_service(
    transcript_set: HeadlessSet, sql: Sql
) -> None:
    """A pod that is no member MUST reach a database of the set under the Service's name."""
    ((hostname,),) = sql.query(transcript_set.service, "SELECT @@hostname")
    members = [transcript_set.member(ordinal) for ordinal in transcript_set.ordinals]
    assert hostname in members, f"{transcript_set.service} leads to {hostname}"


@pytest.mark.requirement("SEED-WHY-03")
@DATABASE
def test_an_ordinary_service_spreads_connections(
    load_balanced: HeadlessSet, facts: Facts, dns: Dns, sql: Sql
) -> None:
    """An ordinary Service MUST have one address of the Service range, behind which more than one database answers."""
    address = load_balanced.get_service()["spec"]["clusterIP"]
    assert facts.is_virtual(address), f"the ordinary Service's cluster IP is {address}"
    dns.require(load_balanced.domain, "A", must_be([address]))
    seen = set(
        sql.repeat(f"{load_balanced.service}.{load_balanced.namespace}", "SELECT @@hostname", CONNECTIONS)
    )
    strangers = seen - {load_balanced.member(ordinal) for ordinal in load_balanced.ordinals}
    assert not strangers, f"{strangers} answered, no members"
    assert len(seen) > 1, f"{CONNECTIONS} connections all reached {seen}, expected more than one member"


@pytest.mark.requirement("SEED-WHY-04")
@DATABASE
def test_reading_through_an_ordinary_service_gives_disagreeing_answers(
    load_balanced: HeadlessSet, sql: Sql
) -> None:
    """A row written through an ordinary Service over independent databases MUST be found by some reads and missed by others."""
    database, mark = f"spec_{uuid4().hex[:12]}", uuid4().hex
    for address in load_balanced.addresses():
        sql.query(address, create_table(database))
    host = f"{load_balanced.service}.{load_balanced.namespace}"
    sql.query(host, f"INSERT INTO {database}.marks VALUES ('{mark}')")
    seen = sql.repeat(host, f"SELECT COUNT(*) FROM {database}.marks WHERE mark = '{mark}'", CONNECTIONS)
    assert set(seen) == {"0", "1"}, (
        f"of {CONNECTIONS} reads through {host}, {seen.count('1')} found the row, expected some"
    )


@pytest.mark.requirement("SEED-WHY-04")
@DATABASE
def test_reading_through_a_members_name_always_agrees(
    transcript_set: HeadlessSet, sql: Sql, database: str
) -> None:
    """A row written through one member's name MUST be found by every read through that name."""
    host = f"{transcript_set.member(0)}.{transcript_set.service}"
    mark = uuid4().hex
    sql.query(host, f"{create_table(database)}; INSERT INTO {database}.marks VALUES ('{mark}')")
    seen = sql.repeat(host, f"SELECT COUNT(*) FROM {database}.marks WHERE mark = '{mark}'", CONNECTIONS)
    assert seen == ["1"] * CONNECTIONS, (
        f"of {CONNECTIONS} reads through {host}, {seen.count('1')} found the row, expected all"
    )
