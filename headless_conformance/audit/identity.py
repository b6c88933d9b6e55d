"""Whether the members of a StatefulSet are who their ordinals say."""

from __future__ import annotations

from collections.abc import Iterable

from headless_conformance.audit.checks import Check
from headless_conformance.audit.findings import BlamedComponent, Finding, FindingKind
from headless_conformance.audit.sheet import Sheet
from headless_conformance.audit.structure import NAMES_SHOWN, RECORDS, SetCase, some
from headless_conformance.core.mismatch import text_of
from headless_conformance.core.objects import Object
from headless_conformance.records.objects import POD_NAME_LABEL

POD_INDEX_LABEL = "apps.kubernetes.io/pod-index"
"""On each Pod since Kubernetes 1.28."""
HOST_NAME_FIELDS = {
    "hostNetwork": "a member sees the host name of its node",
    "setHostnameAsFQDN": "a member sees its whole domain name as its host name",
    "hostnameOverride": "a member sees another host name, and no domain",
}


def check_host_names(case: SetCase, sheet: Sheet) -> None:
    """Nothing in the template gives members another host name than their Pod name."""
    spec = case.template.get("spec") or {}
    wrong = [name for name in HOST_NAME_FIELDS if spec.get(name)]
    if not wrong:
        sheet.passed(Check.HOST_NAMES)
        return
    sheet.found(
        Finding(
            BlamedComponent.MANIFEST,
            f"StatefulSet {case.namespace}/{case.name}",
            f"members of {case.namespace}/{case.name} do not see their Pod names as host names: "
            f"{', '.join(wrong)}",
            Check.HOST_NAMES,
            kind=FindingKind.OTHER_HOST_NAME,
            facts={"fields": text_of(wrong)},
            expected="a member's host name is <StatefulSet>-<ordinal>",
            seen="; ".join(HOST_NAME_FIELDS[name] for name in wrong),
            remedy=(
                f"leave {' and '.join(wrong)} out of the Pod template, or let nothing rely on the host name"
            ),
            command=f"kubectl -n {case.namespace} get statefulset {case.name} -o yaml",
        )
    )


def check_pod_names(case: SetCase, sheet: Sheet) -> None:
    """Each Pod has a name with an ordinal in range, and host name, subdomain and labels that follow from
    it."""
    if case.estranged:
        _say_estranged(case, sheet)
    wrong = [line for pod in case.staying for line in _wrong_identity(case, pod)]
    if not case.staying:
        return
    if not wrong:
        sheet.passed(Check.POD_NAMES)
        return
    sheet.found(
        Finding(
            BlamedComponent.STATEFUL_SET,
            f"StatefulSet {case.namespace}/{case.name}",
            f"Pods of {case.namespace}/{case.name} are not named as their ordinals demand: {some(wrong)}",
            Check.POD_NAMES,
            kind=FindingKind.WRONG_IDENTITY,
            expected=(
                f"Pods {case.name}-<ordinal> with that host name, subdomain "
                f"{case.service_name or '(none)'}, and labels"
            ),
            seen="; ".join(wrong),
            remedy="delete these Pods one by one, so that the StatefulSet controller creates them anew",
            command=f"kubectl -n {case.namespace} get pods -o custom-columns="
            "NAME:.metadata.name,HOSTNAME:.spec.hostname,SUBDOMAIN:.spec.subdomain",
            consequences=("these Pods have no endpoint with their name, and so no DNS name",),
            others=RECORDS,
        )
    )


def _say_estranged(case: SetCase, sheet: Sheet) -> None:
    """A Pod keeps a member's name from the member, whoever it belongs to."""
    selector = (case.found["spec"].get("selector") or {}).get("matchLabels") or {}
    names = [pod["metadata"]["name"] for pod in case.estranged]
    lacking = {
        pod["metadata"]["name"]: ", ".join(
            f"{key}={value}"
            for key, value in selector.items()
            if (pod["metadata"].get("labels") or {}).get(key) != value
        )
        for pod in case.estranged
    }
    seen = [f"Pod {name} without {lacks}" for name, lacks in lacking.items() if lacks]
    sheet.found(
        Finding(
            BlamedComponent.MANIFEST,
            f"StatefulSet {case.namespace}/{case.name}",
            f"{some(names)} has the name of a member of {case.namespace}/{case.name} and does not belong to "
            "it",
            Check.POD_NAMES,
            kind=FindingKind.NOT_OF_THE_SET,
            facts={"pods": text_of(names), "lacking": text_of(lacking)},
            expected=f"Pods of these names that StatefulSet {case.name} controls",
            seen="; ".join(seen) or f"{some(names)} with another controller or none",
            remedy=(
                "give the Pod the labels of the set's spec.selector again, or delete it so that the member "
                "can be created"
            ),
            command=f"kubectl -n {case.namespace} get pods {' '.join(names[:NAMES_SHOWN])} --show-labels",
            consequences=("the set cannot create these members, and they have no DNS name",),
        )
    )


def _wrong_identity(case: SetCase, pod: Object) -> Iterable[str]:
    metadata, spec = pod["metadata"], pod["spec"]
    name, labels = metadata["name"], metadata.get("labels") or {}
    ordinals = case.ordinals
    ordinal = name.removeprefix(f"{case.name}-")
    if not name.startswith(f"{case.name}-") or not ordinal.isdecimal() or int(ordinal) not in ordinals:
        yield f"Pod {name} has no ordinal from {ordinals.start} to {ordinals.stop - 1}"
    if spec.get("hostname") != name:
        yield f"Pod {name} has the host name {spec.get('hostname') or '(none)'}"
    if (spec.get("subdomain") or "") != case.service_name:
        yield f"Pod {name} has the subdomain {spec.get('subdomain') or '(none)'}"
    if labels.get(POD_NAME_LABEL) != name:
        yield f"Pod {name} has the label {POD_NAME_LABEL}={labels.get(POD_NAME_LABEL, '(none)')}"
    if labels.get(POD_INDEX_LABEL, ordinal) != ordinal:
        yield f"Pod {name} has the label {POD_INDEX_LABEL}={labels[POD_INDEX_LABEL]}"
