"""Statements at database servers that are reached by name: from a client pod, and from one member to the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import allure

from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.kube import CommandResult, Kube

SQL = "headless-sql-client"
OPTIONS = ("--port=3306", "--user=root", "--connect-timeout=5", "--batch", "--skip-column-names")


@dataclass(frozen=True)
class Sql:
    """A MySQL client in a pod that is no member of any set. Each call is a new connection."""

    kube: Kube
    namespace: str

    def query(self, host: str, statement: str) -> list[list[str]]:
        """Rows of a statement. AssertionError carries what the client says."""
        ran = self._run("mysql", f"--host={host}", *OPTIONS, "--execute", statement)
        assert ran.status == 0, f"{statement!r} at {host}: {ran.stderr.strip()}"
        return [line.split("\t") for line in ran.stdout.splitlines()]

    def repeat(self, host: str, statement: str, times: int) -> list[str]:
        """What each of `times` new connections prints, in order; a statement must print one line."""
        loop = 'count=$1; shift; while [ "$count" -gt 0 ]; do count=$((count - 1)); "$@" || exit; done'
        client = ["mysql", f"--host={host}", *OPTIONS, "--execute", statement]
        ran = self._run("sh", "-c", loop, "sh", str(times), *client)
        assert ran.status == 0, f"{statement!r} at {host}, {times} times: {ran.stderr.strip()}"
        return ran.stdout.splitlines()

    def _run(self, *command: str) -> CommandResult:
        return _evidence(self.kube.execute(self.namespace, SQL, *command))


def hostnames_seen_by(transcript_set: HeadlessSet, ordinal: int, hosts: Sequence[str]) -> list[str]:
    """The hostname that the database at each of these names gives to a member that asks it, one connection each.

    AssertionError carries what the client says.
    """
    script = (
        'client=$1; shift; for host in "$@"; do MYSQL_PWD="$MYSQL_ROOT_PASSWORD" mysql --host="$host" $client'
        " --execute='SELECT @@hostname' || exit; done"
    )
    command = ["sh", "-c", script, "sh", " ".join(OPTIONS), *hosts]
    ran = _evidence(
        transcript_set.kube.execute(transcript_set.namespace, transcript_set.member(ordinal), *command)
    )
    assert ran.status == 0, f"from {transcript_set.member(ordinal)}: {ran.stderr.strip()}"
    return ran.stdout.split()


def _evidence(ran: CommandResult) -> CommandResult:
    allure.attach(ran.transcript(), name="SQL", attachment_type=allure.attachment_type.TEXT)
    return ran
