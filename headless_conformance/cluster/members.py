"""What a member of a set itself sees: its hosts file, its resolver's configuration, what its C library finds."""

from __future__ import annotations

import allure

from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.kube import CommandResult
from headless_conformance.cluster.transcripts import fields


def file_of(of: HeadlessSet, ordinal: int, path: str) -> str:
    """A file of a member. AssertionError when there is none."""
    ran = _run(of, ordinal, "cat", path)
    assert ran.status == 0, f"expected a file {path} in {of.member(ordinal)}, came none\n{ran.transcript()}"
    return ran.stdout


def hosts_file(of: HeadlessSet, ordinal: int) -> str:
    """A member's hosts file, its fields one blank apart: the kubelet writes tabs where the document shows blanks."""
    return fields(file_of(of, ordinal, "/etc/hosts"))


def addresses_by_name(hosts: str) -> dict[str, list[str]]:
    """Each name of a hosts file and the addresses that it has there, in the order of the lines (hosts(5))."""
    found: dict[str, list[str]] = {}
    for line in hosts.splitlines():
        words = line.partition("#")[0].split()
        for name in words[1:]:
            found.setdefault(name, []).append(words[0])
    return found


def found_by(of: HeadlessSet, ordinal: int, name: str) -> set[str]:
    """Addresses that a member's own C library finds for a name; none where it finds that there is no such name."""
    ran = _run(of, ordinal, "getent", "ahosts", name)
    return {line.split()[0] for line in ran.stdout.splitlines()}


def _run(of: HeadlessSet, ordinal: int, *command: str) -> CommandResult:
    ran = of.kube.execute(of.namespace, of.member(ordinal), *command)
    allure.attach(ran.transcript(), name=ran.command, attachment_type=allure.attachment_type.TEXT)
    return ran
