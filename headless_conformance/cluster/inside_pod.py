"""What a Pod of a set itself sees: its hosts file, its resolver's configuration, what its C library finds."""

from __future__ import annotations

from collections.abc import Collection

import allure

from headless_conformance.cluster.exec_stream import NoSuchProgramError
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.kube import CommandResult
from headless_conformance.cluster.own_set import OwnSet
from headless_conformance.cluster.transcripts import single_spaced
from headless_conformance.core.errors import not_supported
from headless_conformance.core.mismatch import Where, require

LOOK_EACH_UP = """
export RES_OPTIONS=$1
database=$2
shift 2
for key; do getent "$database" "$key" | while read -r line; do echo "$key $line"; done; done
"""
"""With `use-vc` in RES_OPTIONS the GNU C library asks over TCP (resolv.conf(5))."""
_NOT_FOUND = 127
"""Exit status of a shell that does not find a program (POSIX)."""


def run_in_pod(headless_set: HeadlessSet, ordinal: int, *command: str) -> CommandResult:
    """Run a command in a Pod, as evidence too. NotSupportedError where the image of a set that is not the
    suite's own has no such program."""
    pod = headless_set.pod_name(ordinal)
    try:
        result = headless_set.kube.execute(headless_set.namespace, pod, *command)
    except NoSuchProgramError:
        if isinstance(headless_set, OwnSet):
            not_supported(f"the image of Pod {pod} has no {command[0]}")
        raise
    if isinstance(headless_set, OwnSet) and result.status == _NOT_FOUND:
        not_supported(f"the image of Pod {pod} lacks a program: {result.stderr.strip()}")
    allure.attach(result.transcript(), result.command, allure.attachment_type.TEXT)
    return result


def pod_place(headless_set: HeadlessSet, ordinal: int) -> Where:
    """A Pod and its namespace, for a mismatch."""
    return Where(pod=headless_set.pod_name(ordinal), namespace=headless_set.namespace)


def read_file(headless_set: HeadlessSet, ordinal: int, path: str) -> str:
    """A file of a Pod. A Mismatch when there is none."""
    result = run_in_pod(headless_set, ordinal, "cat", path)
    require(
        result.status == 0,
        path,
        expected="present",
        observed=None,
        where=pod_place(headless_set, ordinal),
        details=result.transcript(),
    )
    return result.stdout


def hosts_file(headless_set: HeadlessSet, ordinal: int) -> str:
    """A Pod's hosts file, its fields one blank apart:
    the kubelet writes tabs where the document shows blanks."""
    return single_spaced(read_file(headless_set, ordinal, "/etc/hosts"))


def hosts_subject(headless_set: HeadlessSet, ordinal: int) -> str:
    """A Pod's hosts file, as the subject of a mismatch."""
    return f"/etc/hosts of Pod {headless_set.pod_name(ordinal)}"


def addresses_by_name(hosts: str) -> dict[str, list[str]]:
    """Each name of a hosts file and the addresses that it has there, in the order of the lines (hosts(5))."""
    found: dict[str, list[str]] = {}
    for line in hosts.splitlines():
        words = line.partition("#")[0].split()
        for name in words[1:]:
            found.setdefault(name, []).append(words[0])
    return found


def found_in_pod(
    headless_set: HeadlessSet, ordinal: int, database: str, keys: Collection[str], *, over_tcp: bool
) -> dict[str, list[list[str]]]:
    """What a Pod's own C library finds for each key: the words of each line of `getent`, none for a key that
    it does not find. `over_tcp` is understood by the GNU C library alone; others ask over UDP."""
    options = "use-vc" if over_tcp else ""
    result = run_in_pod(headless_set, ordinal, "sh", "-c", LOOK_EACH_UP, "sh", options, database, *keys)
    found: dict[str, list[list[str]]] = {key: [] for key in keys}
    for line in result.stdout.splitlines():
        key, *words = line.split()
        found[key].append(words)
    return found
