"""The shapes of docs/audit-shapes.md on real nodes: Pods that run, and volumes that are provisioned."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from tests.audit.on_kind.cluster import AuditRun, KindTrials, sleeper
from tests.audit.test_shapes import PAGE, ROW, SHAPES, names


def shapes(kind: KindTrials) -> Iterator[str]:
    """Each shape in a namespace of its own comes out as the page says."""
    rows = {row["shape"]: row for row in ROW.finditer(PAGE.read_text())}
    for name in names():
        kind.namespace(name, *_manifests(kind, name))
    for name in names():
        namespace = f"audited-{name}"
        kind.wait_until_ready(namespace)
        run = kind.audit("-n", namespace, "--wait", "20s")
        kind.said(f"  {name}: {run.figures}")
        expected = rows[name]["result"].strip(), rows[name]["finding"].strip()
        seen = _result(run), "; ".join(run.summaries).replace(f"{namespace}/", "shop/")
        if _without_address(seen) != _without_address(expected):
            yield f"{name}: {seen}, not {expected}"
    kind.remove(*(f"audited-{name}" for name in names()))


def _manifests(kind: KindTrials, name: str) -> Iterator[dict[str, object]]:
    for found in yaml.safe_load_all((SHAPES / f"{name}.yaml").read_text()):
        if found["kind"] == "StatefulSet":
            spec = found["spec"]["template"]["spec"]
            spec["terminationGracePeriodSeconds"] = 0
            for container in spec["containers"]:
                container |= sleeper(kind.image)
            for template in found["spec"].get("volumeClaimTemplates") or ():
                template["spec"]["resources"]["requests"]["storage"] = "1Mi"
        yield found


def _result(run: AuditRun) -> str:
    """Exit status and outcomes, as the page has them."""
    others = sorted(set(run.result["checks"]) - {"passed"})
    return f"{run.status}" + (f", {', '.join(others)}" if others else "")


def _without_address(row: tuple[str, str]) -> tuple[str, str]:
    """Every cluster gives its own cluster IPs."""
    result, findings = row
    return result, findings.partition(": spec.clusterIP is ")[0]
