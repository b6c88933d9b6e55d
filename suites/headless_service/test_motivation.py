"""Why the document needs a headless Service: three independent databases,
and what load balancing does to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from uuid import uuid4

import pytest

from headless_conformance.cluster.agent import Agent
from headless_conformance.cluster.dns_checks import must_be
from headless_conformance.cluster.dns_client import Dns
from headless_conformance.cluster.facts import Facts
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.inside_pod import pod_place
from headless_conformance.cluster.kube import node_of
from headless_conformance.cluster.model import Capability
from headless_conformance.cluster.waiting import consistently
from headless_conformance.core.errors import not_supported
from headless_conformance.core.mismatch import items_of, require, require_count, require_equal, require_items
from headless_conformance.core.objects import Object
from suites.headless_service.contrast import (
    ServiceClients,
    keeps_connections_near,
    nodes_without_kube_proxy,
)
from suites.headless_service.parameters import DATABASE, ORDINALS
from suites.headless_service.sql import Marks, Sql, as_pods, create_table, servers_at, short_name

CONNECTIONS = 60
"""With a database picked at random each time, all 60 reach the same one of three about once in 10^28 runs."""

CONNECTIONS_OF_A_NODE = 30
"""One of two databases, picked at random each time, is missed about once in 500 million runs."""

APART_SECONDS = 1.0
"""How long databases are watched to stay apart: what copies rows from one to another does it at once."""


@pytest.fixture
def database(sql: Sql, transcript_set: HeadlessSet) -> Iterator[str]:
    """A database name of this test's own; what is created under it goes afterwards."""
    name = f"test_{uuid4().hex[:12]}"
    yield name
    for address in transcript_set.ready_ips():
        sql.query(address, f"DROP DATABASE IF EXISTS {name}")


def pvcs_of(pod: Object) -> list[str]:
    """Names of the PersistentVolumeClaims that a Pod uses."""
    volumes = [volume.get("persistentVolumeClaim", {}) for volume in pod["spec"]["volumes"]]
    return [claim["claimName"] for claim in volumes if claim]


@pytest.mark.requirement("SEED-WHY-01")
def test_the_set_has_exactly_the_pods_0_1_and_2(each_set: HeadlessSet) -> None:
    """The StatefulSet MUST own exactly three Pods, with the ordinals 0, 1 and 2, all Ready."""
    names = [pod["metadata"]["name"] for pod in each_set.get_pods()]
    wanted = [each_set.pod_name(ordinal) for ordinal in range(3)]
    require_equal(f"{each_set.statefulset_subject}: Pods", names, wanted, where=each_set.where)
    require_count(
        f"{each_set.statefulset_subject}: Ready Pods", each_set.ready_ips(), 3, where=each_set.where
    )


@pytest.mark.requirement("SEED-WHY-01")
@pytest.mark.needs(Capability.VOLUMES)
def test_each_pod_has_a_volume_of_its_own(transcript_set: HeadlessSet) -> None:
    """Each Pod MUST have its own PersistentVolumeClaim, bound to its own volume."""
    subject, where = transcript_set.statefulset_subject, transcript_set.where
    names = [pvcs_of(pod) for pod in transcript_set.get_pods()]
    require_equal(
        f"{subject}: names of PersistentVolumeClaims",
        names,
        [[f"data-{name}"] for name in transcript_set.pod_names],
        where=where,
    )
    get = transcript_set.kube.get
    claims = [get("PersistentVolumeClaim", transcript_set.namespace, name) for (name,) in names]
    phases = [claim["status"]["phase"] for claim in claims]
    require_equal(
        f"{subject}: phases of PersistentVolumeClaims",
        phases,
        ["Bound"] * transcript_set.replicas,
        where=where,
    )
    volumes = {claim["spec"]["volumeName"] for claim in claims}
    require_count(
        f"{subject}: volumes of PersistentVolumeClaims", volumes, transcript_set.replicas, where=where
    )


@pytest.mark.requirement("SEED-WHY-01")
@DATABASE
def test_a_row_is_in_the_one_database_that_it_was_written_to(
    sql: Sql, marked_databases: Callable[[], Marks]
) -> None:
    """A row written to a Pod MUST be read back by that Pod's stable name,
    and MUST stay absent from the others, at the end of the run, too."""
    written = marked_databases()
    marks = written.marks

    def check() -> None:
        for host, mark in marks.items():
            rows = sql.query(host, f"SELECT mark FROM {written.table}")
            subject = f"SELECT mark FROM marks at {host}"
            require_equal(subject, rows, [(mark,)], where=sql.where, details=f"written were {marks}")

    consistently(check, expecting="each database to have its own row alone", during=APART_SECONDS)


TIES = " UNION ALL ".join(
    (
        "SELECT 'source', HOST FROM performance_schema.replication_connection_configuration",
        "SELECT 'replica', PROCESSLIST_HOST FROM performance_schema.threads"
        " WHERE PROCESSLIST_COMMAND LIKE 'Binlog Dump%'",
        "SELECT 'group member', MEMBER_HOST FROM performance_schema.replication_group_members"
        " WHERE MEMBER_STATE <> 'OFFLINE'",
        "SELECT 'account for replicas', GRANTEE FROM information_schema.USER_PRIVILEGES"
        """ WHERE PRIVILEGE_TYPE = 'REPLICATION SLAVE' AND GRANTEE NOT LIKE "'root'@%" """,
    )
)
"""Asks a server for what ties it to others, whether rows have been copied yet or not."""


@pytest.mark.requirement("SEED-WHY-01")
@DATABASE
@ORDINALS
def test_no_server_replicates(transcript_set: HeadlessSet, sql: Sql, ordinal: int) -> None:
    """No Pod's server MUST copy from another one, at once or with a delay, or be set up for that."""
    host = short_name(transcript_set, ordinal)
    require_items(f"SELECT sources and replicas at {host}", sql.query(host, TIES), [], where=sql.where)


def sharing(hosts: Sequence[str], identities: Sequence[str]) -> list[tuple[str, ...]]:
    """The names of servers, those together that have one identity."""
    found: dict[str, list[str]] = {}
    for host, identity in zip(hosts, identities, strict=True):
        found.setdefault(identity, []).append(host)
    return [tuple(names) for names in found.values()]


@pytest.mark.requirement("SEED-WHY-01")
@DATABASE
def test_the_pods_are_three_different_servers(transcript_set: HeadlessSet, sql: Sql) -> None:
    """Each Pod's stable name MUST lead to the Pod's own server,
    and the servers MUST be different ones."""
    hosts = [short_name(transcript_set, ordinal) for ordinal in transcript_set.ordinals]
    rows = [sql.query(host, "SELECT @@hostname, @@server_uuid")[0] for host in hosts]
    servers = as_pods([row[0] for row in rows], transcript_set, sql.hostnames)
    subject = f"SELECT @@hostname at {', '.join(hosts)}"
    require_equal(subject, servers, transcript_set.pod_names, where=sql.where)
    subject = f"SELECT @@server_uuid at {', '.join(hosts)}"
    require_count(subject, sharing(hosts, [row[1] for row in rows]), transcript_set.replicas, where=sql.where)


@pytest.mark.requirement("SEED-WHY-02")
@DATABASE
def test_another_pod_reaches_a_database_through_the_service(transcript_set: HeadlessSet, sql: Sql) -> None:
    """A Pod that is not of the set MUST reach a database of the set under the Service's name."""
    host = transcript_set.service_name
    (hostname,) = as_pods(sql.hostnames([host]), transcript_set, sql.hostnames)
    require(
        hostname in transcript_set.pod_names,
        f"SELECT @@hostname at {host}",
        expected=f"one of {items_of(transcript_set.pod_names)}",
        observed=hostname,
        where=sql.where,
    )


@pytest.mark.requirement("SEED-WHY-03")
@DATABASE
def test_an_ordinary_service_spreads_connections(
    load_balanced: HeadlessSet, facts: Facts, dns: Dns, sql: Sql
) -> None:
    """An ordinary Service MUST have one address of the Service range,
    behind which more than one database answers."""
    address = load_balanced.get_service()["spec"]["clusterIP"]
    subject = f"{load_balanced.service_subject} .spec.clusterIP"
    require(
        facts.is_service_ip(address),
        subject,
        expected=f"out of {items_of(facts.service_cidrs)}",
        observed=address,
    )
    dns.require(load_balanced.service_fqdn, "A", must_be([address]))
    hostnames = ServiceClients(load_balanced, sql).servers(CONNECTIONS)
    subject = f"SELECT @@hostname at {load_balanced.service_name}, {CONNECTIONS} connections"
    allowed = set(load_balanced.pod_names)
    wanted = f"several of {items_of(allowed)}"
    require(
        hostnames <= allowed and len(hostnames) > 1,
        subject,
        expected=wanted,
        observed=hostnames,
        where=sql.where,
    )


@pytest.mark.requirement("SEED-WHY-03")
@DATABASE
@ORDINALS
def test_an_ordinary_service_reaches_every_member_from_every_node(
    load_balanced: HeadlessSet, transcript_set: HeadlessSet, ordinal: int
) -> None:
    """From the node of each Pod, connections to an ordinary Service MUST reach all of its databases, and no
    other."""
    node = node_of(transcript_set.get_pod(ordinal))
    if keeps_connections_near(load_balanced):
        not_supported("the Service may keep connections near their clients")
    if node in nodes_without_kube_proxy(load_balanced.kube):
        not_supported(f"node {node} has no kube-proxy")
    hosts = [f"{load_balanced.service_name}.{load_balanced.namespace}"] * CONNECTIONS_OF_A_NODE
    seen = servers_at(transcript_set, ordinal, hosts, load_balanced)
    subject = f"SELECT @@hostname at {load_balanced.service_name}, {CONNECTIONS_OF_A_NODE} connections"
    where = replace(pod_place(transcript_set, ordinal), node=node)
    require_items(subject, set(seen), load_balanced.pod_names, where=where)


@pytest.mark.requirement("SEED-WHY-03")
@DATABASE
def test_nodes_without_a_pod_of_the_set_reach_every_member_of_an_ordinary_service(
    load_balanced: HeadlessSet, transcript_set: HeadlessSet, node_agents: Sequence[Agent]
) -> None:
    """From a node that has no Pod of the set too, connections to an ordinary Service MUST reach all of its
    databases, and no other."""
    taken = {node_of(pod) for pod in transcript_set.get_pods()}
    taken |= nodes_without_kube_proxy(load_balanced.kube)
    others = [one for one in node_agents if one.node not in taken]
    if not others or keeps_connections_near(load_balanced):
        not_supported("no other node takes Pods and has kube-proxy, or the Service may keep connections near")
    pods = {load_balanced.pod_name(one): load_balanced.pod_ip(one) for one in load_balanced.ordinals}
    known = {next(iter(others[0].mysql_servers(pods[name], 3306, 1))): name for name in pods}
    own = load_balanced.get_service()["spec"]["clusterIP"]
    for one in others:
        seen = {known.get(server, "a stranger") for server in one.mysql_servers(own, 3306, CONNECTIONS)}
        subject = f"MySQL at {load_balanced.service_name}, {CONNECTIONS} connections"
        require_items(subject, seen, pods, where=one.where)


@pytest.mark.requirement("SEED-WHY-04")
@DATABASE
def test_reads_through_an_ordinary_service_disagree(load_balanced: HeadlessSet, sql: Sql) -> None:
    """A row that is written through an ordinary Service MUST be found by some of the reads only."""
    database, mark = f"test_{uuid4().hex[:12]}", uuid4().hex
    for address in load_balanced.ready_ips():
        sql.query(address, create_table(database))
    clients = ServiceClients(load_balanced, sql)
    clients.write(f"INSERT INTO {database}.marks VALUES ('{mark}')")
    counts = clients.ask(f"SELECT COUNT(*) FROM {database}.marks WHERE mark = '{mark}'", CONNECTIONS)
    require(
        set(counts) == {"0", "1"},
        f"SELECT COUNT(*) at {load_balanced.service_name}, {CONNECTIONS} connections",
        expected="each of {0, 1}",
        observed=Counter(counts),
        where=sql.where,
    )


@pytest.mark.requirement("SEED-WHY-04")
@DATABASE
def test_reads_through_one_pods_name_agree(transcript_set: HeadlessSet, sql: Sql, database: str) -> None:
    """A row written through one Pod's name MUST be found by every read through that name."""
    host, mark = short_name(transcript_set, 0), uuid4().hex
    sql.query(host, f"{create_table(database)}; INSERT INTO {database}.marks VALUES ('{mark}')")
    counts = sql.repeat(host, f"SELECT COUNT(*) FROM {database}.marks WHERE mark = '{mark}'", CONNECTIONS)
    subject = f"SELECT COUNT(*) at {host}, {CONNECTIONS} connections"
    require_equal(subject, Counter(counts), Counter({"1": CONNECTIONS}), where=sql.where)
