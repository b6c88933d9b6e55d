"""What must hold between a StatefulSet and its governing Service before any DNS server is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headless_conformance.audit.checks import Check
from headless_conformance.audit.findings import BlamedComponent, Finding, FindingKind, Note, NoteKind
from headless_conformance.audit.sheet import Sheet
from headless_conformance.audit.states import State
from headless_conformance.core.mismatch import text_of
from headless_conformance.core.objects import Object
from headless_conformance.records.objects import Service, ServiceKind, read_service

RECORDS = frozenset((Check.MEMBER_RECORDS, Check.SRV_RECORDS, Check.POINTER_RECORDS))
"""What follows from members that have no name."""
NAMES_SHOWN = 5


@dataclass(frozen=True)
class SetCase:
    """One StatefulSet with what belongs to it."""

    found: Object
    pods: Sequence[Object]
    state: State
    service: Object | None
    """The governing Service, when there is one."""
    similar: Sequence[str] = ()
    """Headless Services that select the Pods of the template, whatever they are called."""
    estranged: Sequence[Object] = ()
    """Pods with names of members that do not belong to the set."""

    @property
    def namespace(self) -> str:
        return str(self.found["metadata"]["namespace"])

    @property
    def name(self) -> str:
        return str(self.found["metadata"]["name"])

    @property
    def ordinals(self) -> range:
        """Of all members that the set wants."""
        start = (self.found["spec"].get("ordinals") or {}).get("start", 0)
        return range(start, start + self.found["spec"].get("replicas", 1))

    @property
    def service_name(self) -> str:
        return str(self.found["spec"].get("serviceName") or "")

    @property
    def template(self) -> Object:
        return dict(self.found["spec"].get("template") or {})

    @property
    def staying(self) -> list[Object]:
        """Its Pods without those that are being deleted."""
        return [pod for pod in self.pods if not pod["metadata"].get("deletionTimestamp")]


def check_governing_service(case: SetCase, sheet: Sheet) -> None:
    """There is a Service of the name that the StatefulSet states, and it is headless."""
    where, check = f"{case.namespace}/{case.service_name}", Check.GOVERNING_SERVICE
    show = f"kubectl -n {case.namespace} get statefulset {case.name} -o jsonpath='{{.spec.serviceName}}'"
    consequences = ("no member has a DNS name", "no SRV or PTR record leads to a member by its name")
    if not case.service_name:
        sheet.found(
            Finding(
                BlamedComponent.MANIFEST,
                f"StatefulSet {case.namespace}/{case.name}",
                f"StatefulSet {case.namespace}/{case.name} names no governing Service",
                check,
                kind=FindingKind.NO_SERVICE_NAME,
                facts={"similar": text_of(list(case.similar))},
                expected="spec.serviceName is the name of a headless Service",
                seen=f"spec.serviceName is empty{_beside(case)}",
                remedy=(
                    "create a headless Service and recreate the StatefulSet with its name as spec.serviceName"
                ),
                command=show,
                consequences=consequences,
                others=RECORDS,
            )
        )
        return
    if case.service is None:
        sheet.found(
            Finding(
                BlamedComponent.MANIFEST,
                f"StatefulSet {case.namespace}/{case.name}",
                f"the governing Service {where} does not exist",
                check,
                kind=FindingKind.NO_SERVICE,
                facts={"service": case.service_name, "similar": text_of(list(case.similar))},
                expected=f"a headless Service {where}",
                seen=f"no such Service{_beside(case)}",
                remedy=(
                    f"create a headless Service {case.service_name}, or correct spec.serviceName by "
                    "recreating the set"
                ),
                command=f"kubectl -n {case.namespace} get service {case.service_name}",
                consequences=consequences,
                others=RECORDS,
            )
        )
        return
    service = read_service(case.service)
    if service.kind is ServiceKind.HEADLESS:
        sheet.passed(check)
        return
    seen = {ServiceKind.EXTERNAL_NAME: "spec.type is ExternalName"}.get(
        service.kind, f"spec.clusterIP is {', '.join(service.cluster_ips) or 'not there yet'}"
    )
    sheet.found(
        Finding(
            BlamedComponent.MANIFEST,
            f"Service {where}",
            f"the governing Service {where} is not headless: {seen}",
            check,
            kind=FindingKind.NOT_HEADLESS,
            facts={"clusterIPs": text_of(list(service.cluster_ips))},
            expected='spec.type is ClusterIP and spec.clusterIP is "None"',
            seen=seen,
            remedy=(
                'delete the Service and create it again with clusterIP "None": the field cannot be changed'
            ),
            command=f"kubectl -n {case.namespace} get service {case.service_name} -o yaml",
            consequences=consequences,
            others=RECORDS,
        )
    )


def _beside(case: SetCase) -> str:
    """The Services that were likely meant."""
    if not case.similar:
        return ""
    return f", though the headless Service {some(case.similar)} selects the members"


def check_selector(case: SetCase, sheet: Sheet) -> None:
    """The governing Service selects every member that stays. One without selector is judged by its
    EndpointSlices."""
    if case.service is None:
        return
    service = read_service(case.service)
    if not service.selector or service.kind is not ServiceKind.HEADLESS:
        sheet.leave_out(Check.SELECTOR)
        return
    missing = {
        p["metadata"]["name"]: _lacks(service, p["metadata"].get("labels") or {}) for p in case.staying
    }
    missing = {name: lacks for name, lacks in missing.items() if lacks}
    labels = (case.template.get("metadata") or {}).get("labels") or {}
    if not missing and (case.staying or not _lacks(service, labels)):
        sheet.passed(Check.SELECTOR)
        return
    in_template = _lacks(service, labels)
    at_run_time = in_template and not any(key in labels for key in in_template)
    if at_run_time and (not case.staying or not case.state.judged):
        # Such a label may be written once a member has its role.
        text = f"Service {service.key} selects {_labels(in_template)}, which the template does not set"
        sheet.notes.append(Note(NoteKind.LABEL_OF_RUN_TIME, service.name, text))
        return
    who = f"members {some(sorted(missing))}" if missing else "the Pod template"
    sheet.found(
        Finding(
            BlamedComponent.MANIFEST,
            f"Service {service.key}",
            f"the governing Service {service.key} does not select {who}",
            Check.SELECTOR,
            kind=FindingKind.NOT_SELECTED,
            facts={"selector": text_of(service.selector)},
            expected=f"labels {_labels(service.selector)}",
            seen=f"without {_labels(in_template or next(iter(missing.values())))}: {who}",
            remedy="make spec.selector of the Service a part of the labels in the StatefulSet's Pod template",
            command=f"kubectl -n {case.namespace} get pods --show-labels",
            consequences=("these members have no endpoint and no DNS name",),
            others=RECORDS | {Check.SERVICE_RECORDS} if case.state.judged else frozenset(),
        )
    )


def _lacks(service: Service, labels: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in service.selector.items() if labels.get(key) != value}


def _labels(labels: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))


def some(names: Sequence[str]) -> str:
    """Names for a sentence, the first few of many."""
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more
