"""A DNS server that says nothing, and an API server that stops answering in the middle of an audit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from tests.audit.on_kind.cluster import AuditRun, KindTrials, service, sleeper, stateful_set
from tests.audit.on_kind.speed import with_three_servers

NAMED_SECONDS = 10.0
"""Within this time a silent DNS server is named."""
OVER_SECONDS = 45.0
"""Within this time an audit ends whose API server has gone."""
SAID = re.compile(r"^\[ *(?P<seconds>[\d.]+) s\] DNS server (?P<server>.+): it accepts", re.MULTILINE)


def silence(kind: KindTrials) -> Iterator[str]:
    """Both are named, and never a finding about the StatefulSet."""
    with_three_servers(kind)
    namespace = kind.namespace(
        "silence", service("db", {"app": "db"}), stateful_set("db", sleeper(kind.image), 3)
    )
    kind.wait_until_ready(namespace)
    yield from _silent_server(kind, f"{namespace}/db")
    yield from _paused(kind, f"{namespace}/db")
    kind.remove(namespace)


def _silent_server(kind: KindTrials, target: str) -> Iterator[str]:
    pod = next(p for p in kind.objects("pods", "kube-system") if p["metadata"]["name"].startswith("coredns-"))
    name, node = pod["metadata"]["name"], pod["spec"]["nodeName"]
    with _stopped(kind, name, node):
        run = kind.audit(target)
    named = SAID.search(run.stderr)
    kind.said(
        f"  SIGSTOP: named after {named['seconds'] if named else '?'} s; {run.figures}; {run.summaries}"
    )
    if named is None or float(named["seconds"]) > NAMED_SECONDS or name not in named["server"]:
        yield f"SIGSTOP: {run.stderr}"
    of_server = [summary for summary in run.summaries if name in summary]
    if run.status != 2 or len(of_server) != 1 or run.summaries != of_server:
        yield f"SIGSTOP: exit status {run.status}, {run.summaries}"
    if run.outcomes["dns-servers"] != "error" or run.outcomes["member-records"] != "passed":
        yield f"SIGSTOP: {run.outcomes}"


@contextmanager
def _stopped(kind: KindTrials, pod: str, node: str) -> Iterator[None]:
    """The process of a CoreDNS Pod accepts connections, as the kernel does, and does nothing."""
    ids = kind.engine.docker(
        "exec", node, "crictl", "ps", "--label", f"io.kubernetes.pod.name={pod}", "-q"
    ).split()
    template = ("inspect", "-o", "go-template", "--template", "{{.info.pid}}", ids[0])
    pid = kind.engine.docker("exec", node, "crictl", *template).strip()
    kind.engine.docker("exec", node, "kill", "-STOP", pid)
    try:
        yield
    finally:
        kind.engine.docker("exec", node, "kill", "-CONT", pid)


def _paused(kind: KindTrials, target: str) -> Iterator[str]:
    """The whole control plane stands still: from the beginning, and while DNS servers are being asked."""
    node = kind.kubectl(
        "get",
        "nodes",
        "-l",
        "node-role.kubernetes.io/control-plane",
        "-o",
        "jsonpath={.items[0].metadata.name}",
    )
    with _standing_still(kind, node):
        before = kind.audit(target)
    kind.said(
        f"  paused before: {before.seconds:.1f} s, exit status {before.status}, "
        f"{before.result.get('problem')}"
    )
    yield from _could_not_tell("paused before", before)
    run = kind.disturbed_audit(target, "asking", _standing_still(kind, node))
    kind.said(
        f"  paused in the middle: {run.seconds:.1f} s, exit status {run.status}, "
        f"{run.result.get('problem')}, {run.summaries}"
    )
    yield from _could_not_tell("paused in the middle", run)


def _could_not_tell(what: str, run: AuditRun) -> Iterator[str]:
    if run.status != 2 or run.seconds > OVER_SECONDS or "Traceback" in run.stderr:
        yield f"{what}: exit status {run.status} after {run.seconds:.1f} s, {run.stderr}"


@contextmanager
def _standing_still(kind: KindTrials, node: str) -> Iterator[None]:
    kind.engine.docker("pause", node)
    try:
        yield
    finally:
        kind.engine.docker("unpause", node)
