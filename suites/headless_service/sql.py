"""Statements at database servers that are reached by name:
from a client Pod, and from one Pod of a set to the others."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import uuid4

import allure

from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.inside_pod import pod_place, run_in_pod
from headless_conformance.cluster.kube import CommandResult, Kube
from headless_conformance.core.mismatch import Where, require

SQL_CLIENT = "headless-sql-client"
"""Name of the Pod with a MySQL client."""
OPTIONS = ("--port=3306", "--user=root", "--connect-timeout=5", "--batch", "--skip-column-names")
HOSTNAME = "SELECT @@hostname"
REFUSE_PROBES = "CREATE USER IF NOT EXISTS root@'127.0.0.1' ACCOUNT LOCK"
"""The readiness probe is a query of root from that address, and of two accounts the one with the address
counts."""
ADMIT_PROBES = "DROP USER IF EXISTS root@'127.0.0.1'"
ASK_EACH_HOST = (
    'client=$1; statement=$2; shift 2; for host in "$@"; do MYSQL_PWD="$MYSQL_ROOT_PASSWORD" mysql'
    ' --host="$host" $client --execute="$statement" || exit; done'
)
CLIENT_ERROR = re.compile(r"^ERROR (?P<number>\d+)\b.*?(?: '(?P<server>\S+)'.*)?$", re.MULTILINE)
"""MySQL's number of a client's error, such as 2005 for a host that is not known, and the server's name."""
REPEAT = 'count=$1; shift; while [ "$count" -gt 0 ]; do count=$((count - 1)); "$@" || exit; done'


@dataclass(frozen=True)
class Sql:
    """A MySQL client in a Pod that belongs to no set. Each call is a new connection."""

    kube: Kube
    namespace: str

    @property
    def where(self) -> Where:
        """The client's Pod, for a mismatch."""
        return Where(pod=SQL_CLIENT, namespace=self.namespace)

    def query(self, host: str, statement: str) -> list[tuple[str, ...]]:
        """Rows of a statement. A Mismatch has what the client says when there is no answer."""
        result = self._run(
            f"{statement} at {host}", "mysql", f"--host={host}", *OPTIONS, "--execute", statement
        )
        return [tuple(line.split("\t")) for line in result.stdout.splitlines()]

    def repeat(self, host: str, statement: str, times: int) -> list[str]:
        """What each of `times` new connections prints, in order; a statement must print one line."""
        client = ["mysql", f"--host={host}", *OPTIONS, "--execute", statement]
        result = self._run(f"{statement} at {host}", "sh", "-c", REPEAT, "sh", str(times), *client)
        return result.stdout.splitlines()

    def hostnames(self, hosts: Sequence[str]) -> list[str]:
        """What the server at each of these names or addresses calls itself."""
        return [self.query(host, HOSTNAME)[0][0] for host in hosts]

    def _run(self, subject: str, *command: str) -> CommandResult:
        result = self.kube.execute(self.namespace, SQL_CLIENT, *command)
        allure.attach(result.transcript(), "SQL", allure.attachment_type.TEXT)
        _require_answer(subject, result, self.where)
        return result


def as_pods(
    hostnames: Sequence[str], members: HeadlessSet, ask: Callable[[Sequence[str]], Sequence[str]]
) -> list[str]:
    """In the place of each hostname the Pod whose server it is: a server is known by its Pod's address, and
    may call itself as it likes. One of no Pod of the set keeps its own.

    `ask` gives what the servers at some addresses call themselves.
    """
    if set(hostnames) <= set(members.pod_names):
        return list(hostnames)
    said = ask([members.pod_ip(ordinal) for ordinal in members.ordinals])
    # What several call themselves tells none of them.
    pods = {name: pod for name, pod in zip(said, members.pod_names, strict=True) if said.count(name) == 1}
    return [pods.get(name, name) for name in hostnames]


def servers_at(
    headless_set: HeadlessSet, ordinal: int, hosts: Sequence[str], members: HeadlessSet | None = None
) -> list[str]:
    """The Pods whose databases a Pod of the set meets at each of these names, one connection each; of the set
    itself, or of `members`.

    A Mismatch has what the client says when there is no answer.
    """
    hostnames = hostnames_at(headless_set, ordinal, hosts)
    return as_pods(hostnames, members or headless_set, partial(hostnames_at, headless_set, ordinal))


@dataclass(frozen=True)
class Marks:
    """A row in each database of a set, another one in each."""

    table: str
    marks: dict[str, str]
    """By the name of the Pod in DNS."""


def short_name(headless_set: HeadlessSet, ordinal: int) -> str:
    """A Pod's name in DNS, as it may be shortened in its namespace."""
    return f"{headless_set.pod_name(ordinal)}.{headless_set.service_name}"


def create_table(database: str) -> str:
    """A statement that creates the database and a table in it, unless a Pod's are another's too."""
    table = f"CREATE TABLE IF NOT EXISTS {database}.marks (mark CHAR(32))"
    return f"CREATE DATABASE IF NOT EXISTS {database}; {table}"


def write_marks(headless_set: HeadlessSet, sql: Sql) -> Marks:
    """Write a row of its own to each database of a set, under its Pod's name."""
    database = f"marks_{uuid4().hex[:12]}"
    marks = {short_name(headless_set, ordinal): uuid4().hex for ordinal in headless_set.ordinals}
    for host, mark in marks.items():
        sql.query(host, f"{create_table(database)}; INSERT INTO {database}.marks VALUES ('{mark}')")
    return Marks(f"{database}.marks", marks)


def hostnames_at(headless_set: HeadlessSet, ordinal: int, hosts: Sequence[str]) -> list[str]:
    """The hostname that the database at each of these names gives to a Pod of the set, one connection each.

    A Mismatch has what the client says when there is no answer.
    """
    return asked_in_pod(headless_set, ordinal, HOSTNAME, hosts)


def asked_in_pod(headless_set: HeadlessSet, ordinal: int, statement: str, hosts: Sequence[str]) -> list[str]:
    """What a statement prints to a Pod of the set at each of these names, one connection each.

    A Mismatch has what the client says when there is no answer.
    """
    command = ["sh", "-c", ASK_EACH_HOST, "sh", " ".join(OPTIONS), statement, *hosts]
    result = run_in_pod(headless_set, ordinal, *command)
    _require_answer(f"{statement} at {', '.join(hosts)}", result, pod_place(headless_set, ordinal))
    return result.stdout.split()


def hostnames_subject(hosts: Sequence[str]) -> str:
    """What `hostnames_at` asks, as the subject of a mismatch."""
    return f"{HOSTNAME} at {', '.join(hosts)}"


def _require_answer(subject: str, result: CommandResult, where: Where) -> None:
    """The client ended well; all that it printed is in the details."""
    error = CLIENT_ERROR.search(result.stderr)
    said = (
        f"error {error['number']} {error['server'] or ''}".rstrip()
        if error
        else f"exit status {result.status}"
    )
    require(
        result.status == 0,
        subject,
        expected="an answer",
        observed=said,
        where=where,
        details=result.transcript(),
    )
