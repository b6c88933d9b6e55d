"""Whether each member of a StatefulSet has, and uses, volumes of its own."""

from __future__ import annotations

from headless_conformance.audit.checks import Check
from headless_conformance.audit.collection import Snapshot
from headless_conformance.audit.findings import BlamedComponent, Finding, FindingKind
from headless_conformance.audit.sheet import Sheet
from headless_conformance.audit.structure import SetCase, some
from headless_conformance.core.levels import Level
from headless_conformance.core.mismatch import text_of
from headless_conformance.core.objects import Object


def check_volumes(case: SetCase, snapshot: Snapshot, sheet: Sheet) -> None:
    """Each Pod mounts, for each of `volumeClaimTemplates`, the PersistentVolumeClaim that is named after
    both, and it exists."""
    templates = [t["metadata"]["name"] for t in case.found["spec"].get("volumeClaimTemplates") or ()]
    if not templates:
        sheet.leave_out(Check.VOLUMES)
    if not templates or not case.staying:
        return
    if unmounted := [name for name in templates if name not in _mounted(case.template)]:
        _say_unmounted(case, unmounted, sheet)
    wrong: list[str] = []
    for pod in case.staying:
        name = pod["metadata"]["name"]
        mounted = {
            volume["name"]: volume["persistentVolumeClaim"]["claimName"]
            for volume in pod["spec"].get("volumes") or ()
            if volume.get("persistentVolumeClaim")
        }
        for template in templates:
            pvc = f"{template}-{name}"
            if mounted.get(template) != pvc:
                seen = mounted.get(template) or "no PersistentVolumeClaim"
                wrong.append(f"Pod {name} mounts {seen} as {template}")
            elif snapshot.find("PersistentVolumeClaim", case.namespace, pvc) is None:
                wrong.append(f"PersistentVolumeClaim {pvc} does not exist")
    if not wrong:
        sheet.passed(Check.VOLUMES)
        return
    sheet.found(
        Finding(
            BlamedComponent.STATEFUL_SET,
            f"StatefulSet {case.namespace}/{case.name}",
            f"members of {case.namespace}/{case.name} lack volumes of their own: {some(wrong)}",
            Check.VOLUMES,
            kind=FindingKind.NO_VOLUME,
            expected="the PersistentVolumeClaim <template>-<Pod> for each template and Pod",
            seen="; ".join(wrong),
            remedy=(
                "delete the Pod, so that it is created anew with its PersistentVolumeClaims, after you have "
                "made sure of its data"
            ),
            command=f"kubectl -n {case.namespace} get persistentvolumeclaims",
        )
    )


def _mounted(template: Object) -> set[str]:
    """The volumes that some container of a Pod template uses."""
    spec = template.get("spec") or {}
    return {
        mount["name"]
        for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
        for mount in [*(container.get("volumeMounts") or ()), *(container.get("volumeDevices") or ())]
    }


def _say_unmounted(case: SetCase, names: list[str], sheet: Sheet) -> None:
    sheet.found(
        Finding(
            BlamedComponent.MANIFEST,
            f"StatefulSet {case.namespace}/{case.name}",
            f"no container of {case.namespace}/{case.name} mounts the volumes of its own that each member "
            f"has: {some(names)}",
            Check.VOLUMES,
            kind=FindingKind.NOT_MOUNTED,
            facts={"volumes": text_of(names)},
            expected=f"a volumeMount for {some(names)}",
            seen=f"volumeMounts {some(sorted(_mounted(case.template))) or '(none)'}",
            remedy="mount it, or take it out of volumeClaimTemplates",
            command=f"kubectl -n {case.namespace} get statefulset {case.name} -o yaml",
            level=Level.SHOULD,
            consequences=("what a member writes is not on a volume of its own",),
        )
    )
