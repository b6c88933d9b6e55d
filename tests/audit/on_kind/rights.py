"""The account of manifests/rbac/audit.yaml: with all of its rights, and with one of them taken away each
time."""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml

from headless_conformance.audit.checks import OF_DNS, Check
from headless_conformance.core.paths import MANIFESTS
from tests.audit.on_kind.cluster import AuditRun, KindTrials, Object, service, sleeper, stateful_set

MANIFEST = MANIFESTS / "rbac" / "audit.yaml"
ACCOUNT = "headless-conformance"
CLAIM: Object = {
    "metadata": {"name": "data"},
    "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
}


def rights(kind: KindTrials) -> Iterator[str]:
    """What a right is missing for is not supported, by name; everything else is judged as before."""
    namespace = kind.namespace("rights", service("db", {"app": "db"}), _set(kind))
    kind.wait_until_ready(namespace)
    before = kind.kubectl("get", "namespaces", "-o", "name").split()
    objects = list(yaml.safe_load_all(MANIFEST.read_text()))
    if f"namespace/{ACCOUNT}" in before:
        yield f"namespace {ACCOUNT} is there already"
        return
    try:
        kind.apply("", *objects, _binding(namespace))
        with tempfile.TemporaryDirectory() as folder:
            kubeconfig = _kubeconfig(kind, Path(folder))
            yield from _trials(kind, namespace, objects, kubeconfig)
    finally:
        kind.kubectl("delete", "-f", str(MANIFEST), "--wait=false", "--ignore-not-found")
        kind.remove(namespace)


def _trials(kind: KindTrials, namespace: str, objects: list[Object], kubeconfig: Path) -> Iterator[str]:
    address = kind.kubectl(
        "-n", "kube-system", "get", "service", "kube-dns", "-o", "jsonpath={.spec.clusterIP}"
    )
    given = (f"{namespace}/db", "--nameserver", address, "--cluster-domain", "cluster.local")
    everything = kind.audit(*given, kubeconfig=kubeconfig)
    kind.said(f"  all rights: {everything.figures}")
    applies = set(everything.outcomes)
    yield from _problems("all rights", everything, set(), 0, "")
    unaddressed = kind.audit(f"{namespace}/db", kubeconfig=kubeconfig)
    for right in (f"use pods/exec in namespace {namespace}", "use nodes/proxy"):
        yield from _problems("no address given", unaddressed, set(map(str, OF_DNS)) & applies, 2, right)
    for found in objects:
        for number, rule in enumerate(found.get("rules") or ()):
            lesser = copy.deepcopy(found)
            del lesser["rules"][number]
            kind.apply("", lesser)
            resource = rule["resources"][0]
            in_dns = found["kind"] == "Role"
            where = "kube-system" if in_dns else namespace
            run = kind.audit(*given, kubeconfig=kubeconfig)
            kind.apply("", found)
            missing, status = _missing(resource, applies, in_dns=in_dns)
            kind.said(f"  without {resource} in {where}: {run.figures}; {sorted(filter(None, run.reasons))}")
            verb = "use" if "/" in resource else "list"
            # Of a set without findings nobody asks whether its namespace is being deleted.
            right = "" if resource == "namespaces" else f"{verb} {resource} in"
            yield from _problems(f"without {resource} in {where}", run, missing, status, right)


def _missing(resource: str, applies: set[str], *, in_dns: bool) -> tuple[set[str], int]:
    """The checks that are not supported without the right, and the exit status."""
    of_dns = set(map(str, OF_DNS)) & applies
    if in_dns:
        return of_dns, 2
    if resource == "namespaces":
        return set(), 0
    if resource == "persistentvolumeclaims":
        return {str(Check.VOLUMES)}, 0
    if resource == "endpointslices":
        return {str(Check.ENDPOINTS), *of_dns}, 2
    return applies, 2


def _problems(what: str, run: AuditRun, missing: set[str], status: int, right: str) -> Iterator[str]:
    outcomes = run.outcomes
    seen = {check for check, outcome in outcomes.items() if outcome == "not_supported"}
    others = {outcome for check, outcome in outcomes.items() if check not in missing} - {"passed"}
    if run.status != status or seen != missing or others:
        yield f"{what}: exit status {run.status}, {dict(outcomes)}, {run.reasons}"
    if right and not any(right in reason for reason in run.reasons):
        yield f"{what}: nothing says {right}: {run.reasons}"


def _set(kind: KindTrials) -> Object:
    mount = [{"name": "data", "mountPath": "/data"}]
    found = stateful_set("db", {**sleeper(kind.image), "volumeMounts": mount}, 2)
    found["spec"]["volumeClaimTemplates"] = [CLAIM]
    return found


def _binding(namespace: str) -> Object:
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "headless-conformance-audit", "namespace": namespace},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "headless-conformance-audit",
        },
        "subjects": [{"kind": "ServiceAccount", "name": "auditor", "namespace": ACCOUNT}],
    }


def _kubeconfig(kind: KindTrials, folder: Path) -> Path:
    """The cluster's own, with the account's token in the place of the administrator's certificate."""
    found = yaml.safe_load(kind.cluster.kubeconfig.read_text())
    token = kind.kubectl("-n", ACCOUNT, "create", "token", "auditor").strip()
    found["users"] = [{"name": user["name"], "user": {"token": token}} for user in found["users"]]
    path = folder / "auditor.kubeconfig"
    path.write_text(yaml.safe_dump(found))
    return path
