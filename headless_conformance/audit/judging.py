"""From one look at the API to the sheets of all targets, and to the plan of what to ask about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from headless_conformance.audit.checks import OF_DNS, OF_SERVICE, OF_STATEFUL_SET, Check
from headless_conformance.audit.collection import Snapshot
from headless_conformance.audit.dialogue import CHANGE_SECONDS
from headless_conformance.audit.endpoints import check_endpoints, check_members
from headless_conformance.audit.errors import InspectionError
from headless_conformance.audit.findings import BlamedComponent, Note, NoteKind
from headless_conformance.audit.identity import check_host_names, check_pod_names
from headless_conformance.audit.plan import Plan
from headless_conformance.audit.ports import check_ports
from headless_conformance.audit.questions import (
    absent_ordinals,
    check_of,
    never_names,
    other_protocols,
    questions_about,
)
from headless_conformance.audit.sheet import Sheet
from headless_conformance.audit.states import (
    State,
    moments_of,
    seconds_of,
    state_of,
    with_leaving_service,
)
from headless_conformance.audit.structure import SetCase, check_governing_service, check_selector
from headless_conformance.audit.targets import AuditTarget, TargetKind
from headless_conformance.audit.volumes import check_volumes
from headless_conformance.cluster.pods import is_pod_ready
from headless_conformance.core.objects import Object
from headless_conformance.records import Question, zone_of
from headless_conformance.records.objects import ServiceKind, read_pod, read_service
from headless_conformance.results.verdict import Outcome


@dataclass
class JudgedTarget:
    """A target with its sheet, and the Service whose records are asked for."""

    target: AuditTarget
    sheet: Sheet
    state: State
    service: Object | None = None
    found: Object | None = None
    """The StatefulSet, where the target is one."""

    @property
    def asks(self) -> bool:
        """Whether DNS servers are asked about it."""
        kinds = {ServiceKind.HEADLESS, ServiceKind.CLUSTER_IP}
        if self.target.kind is TargetKind.SERVICE:
            kinds.add(ServiceKind.EXTERNAL_NAME)
        return self.state.judged and self.service is not None and read_service(self.service).kind in kinds

    @property
    def is_idle(self) -> bool:
        """Whether it is a StatefulSet that is scaled to zero, of which nothing is expected."""
        return self.found is not None and self.found["spec"].get("replicas") == 0

    def leave_unjudged(self, state: State) -> None:
        """Its state is one in which it is not judged: only what is wrong whatever happens next stays."""
        self.state = state
        waits = f", waits for {state.waits_for}" if state.waits_for else ""
        self.sheet.keep_only_manifest_findings(f"{state.text}{waits}", state.leaving)
        self.sheet.complete(f"{state.text}{waits}")


def targets_in(snapshot: Snapshot) -> list[AuditTarget]:
    """Every StatefulSet, and every headless Service that governs none of them."""
    sets = [
        AuditTarget(s["metadata"]["namespace"], TargetKind.STATEFUL_SET, s["metadata"]["name"])
        for s in snapshot.all("StatefulSet")
    ]
    governing = {
        (s["metadata"]["namespace"], s["spec"].get("serviceName")) for s in snapshot.all("StatefulSet")
    }
    services = [
        AuditTarget(service["metadata"]["namespace"], TargetKind.SERVICE, service["metadata"]["name"])
        for service in snapshot.all("Service")
        if read_service(service).kind is ServiceKind.HEADLESS
        and (service["metadata"]["namespace"], service["metadata"]["name"]) not in governing
    ]
    return [*sorted(sets), *sorted(services)]


def judge_target(target: AuditTarget, snapshot: Snapshot, version: tuple[int, ...]) -> JudgedTarget:
    """Everything that can be told from the API alone."""
    applies = OF_STATEFUL_SET if target.kind is TargetKind.STATEFUL_SET else OF_SERVICE
    sheet = Sheet(target, applies)
    try:
        judge = _judge_set if target.kind is TargetKind.STATEFUL_SET else _judge_service
        judged = judge(target, snapshot, version, sheet)
    except Exception as error:
        # What was found out before stays; everything else could not be told, for this reason.
        reason = error.reason if isinstance(error, InspectionError) else f"{type(error).__name__}: {error}"
        sheet.cannot([check for check in sheet.applies if check not in sheet.outcomes], error)
        return JudgedTarget(target, sheet, State(False, "not everything can be read", reason))
    if not judged.state.judged:
        judged.leave_unjudged(judged.state)
    return judged


def _judge_set(
    target: AuditTarget, snapshot: Snapshot, version: tuple[int, ...], sheet: Sheet
) -> JudgedTarget:
    found = snapshot.find("StatefulSet", target.namespace, target.name)
    if found is None:
        raise InspectionError(f"there is no {target}")
    name = found["spec"].get("serviceName") or ""
    service = snapshot.find("Service", target.namespace, name) if name else None
    pods = sorted(snapshot.pods_of(found), key=lambda pod: _ordinal(pod["metadata"]["name"]))
    state = state_of(found, pods, snapshot.taken)
    if service is not None and _is_leaving(service):
        state = with_leaving_service(state, service)
    case = SetCase(found, pods, state, service, _similar(found, snapshot))
    case = replace(case, estranged=_estranged(case, snapshot))
    sheet.guarded(Check.GOVERNING_SERVICE, lambda: check_governing_service(case, sheet))
    sheet.guarded(Check.SELECTOR, lambda: check_selector(case, sheet))
    sheet.guarded(Check.HOST_NAMES, lambda: check_host_names(case, sheet))
    sheet.guarded(Check.POD_NAMES, lambda: check_pod_names(case, sheet))
    sheet.guarded(Check.VOLUMES, lambda: check_volumes(case, snapshot, sheet))
    if service is None or read_service(service).kind is ServiceKind.EXTERNAL_NAME:
        reason = "the governing Service leads to no member"
        for check in (Check.SELECTOR, Check.PORTS, Check.ENDPOINTS, *OF_DNS):
            sheet.write(check, Outcome.NOT_JUDGED, reason)
        return JudgedTarget(target, sheet, state, None, found)
    sheet.guarded(
        Check.PORTS, lambda: check_ports(service, _behind(service, case, snapshot), case.template, sheet)
    )
    _judge_endpoints(service, snapshot, version, sheet)
    ready = [pod for pod in pods if is_pod_ready(pod)]
    slices = snapshot.slices_of(target.namespace, name)
    if state.judged and read_service(service).kind is ServiceKind.HEADLESS:
        sheet.guarded(Check.MEMBER_RECORDS, lambda: check_members(service, ready, slices, sheet))
    _note_strangers(service, case, snapshot, sheet)
    _note_published(service, sheet)
    return JudgedTarget(target, sheet, state, service, found)


def _estranged(case: SetCase, snapshot: Snapshot) -> list[Object]:
    """Pods with names of members that the set does not control, and that stay."""
    own = {pod["metadata"]["name"] for pod in case.pods}
    names = {f"{case.name}-{ordinal}" for ordinal in case.ordinals} - own
    pods = snapshot.of("Pod", case.namespace)
    return [pod for pod in pods if pod["metadata"]["name"] in names and not _is_leaving(pod)]


def _similar(found: Object, snapshot: Snapshot) -> list[str]:
    """Headless Services of the namespace whose selector the template's labels have."""
    labels = (found["spec"].get("template", {}).get("metadata") or {}).get("labels") or {}
    services = map(read_service, snapshot.of("Service", found["metadata"]["namespace"]))
    return [
        service.name
        for service in services
        if service.kind is ServiceKind.HEADLESS
        and service.selector
        and service.selector.items() <= labels.items()
    ]


def _judge_service(
    target: AuditTarget, snapshot: Snapshot, version: tuple[int, ...], sheet: Sheet
) -> JudgedTarget:
    service = snapshot.find("Service", target.namespace, target.name)
    if service is None:
        raise InspectionError(f"there is no {target}")
    read = read_service(service)
    sheet.guarded(Check.PORTS, lambda: check_ports(service, _selected(service, snapshot), None, sheet))
    _judge_endpoints(service, snapshot, version, sheet)
    ready = sum(
        (endpoint.get("conditions") or {}).get("ready") is not False
        for listed in snapshot.slices_of(target.namespace, target.name)
        for endpoint in listed.get("endpoints") or ()
    )
    if read.kind is ServiceKind.PENDING:
        state = State(False, "without address", "its cluster IP")
    elif read.kind is ServiceKind.HEADLESS and not ready:
        state = State(False, "no ready endpoint", "an endpoint to become ready")
    else:
        state = State(True, f"{ready} ready endpoints" if read.kind is ServiceKind.HEADLESS else read.kind)
    if _is_leaving(service):
        state = with_leaving_service(state, service)
    return JudgedTarget(target, sheet, state, service)


def _judge_endpoints(service: Object, snapshot: Snapshot, version: tuple[int, ...], sheet: Sheet) -> None:
    namespace, name = service["metadata"]["namespace"], service["metadata"]["name"]
    sheet.guarded(
        Check.ENDPOINTS,
        lambda: check_endpoints(
            service, snapshot.of("Pod", namespace), snapshot.slices_of(namespace, name), version, sheet
        ),
    )


def _selected(service: Object, snapshot: Snapshot) -> list[Object]:
    """Those that stay. Raises InspectionError where Pods could not be listed."""
    pods = snapshot.of("Pod", service["metadata"]["namespace"])
    return [pod for pod in pods if _is_selected(service, pod) and not _is_leaving(pod)]


def _is_leaving(found: Object) -> bool:
    """Whether it is being deleted."""
    return bool(found["metadata"].get("deletionTimestamp"))


def _is_selected(service: Object, pod: Object) -> bool:
    selector = (service.get("spec") or {}).get("selector") or {}
    labels = pod["metadata"].get("labels") or {}
    return bool(selector) and selector.items() <= labels.items() and not read_pod(pod).ended


def _behind(service: Object, case: SetCase, snapshot: Snapshot) -> list[Object]:
    """The members, and whatever else the Service selects."""
    own = {pod["metadata"]["name"] for pod in case.pods}
    others = [pod for pod in _selected(service, snapshot) if pod["metadata"]["name"] not in own]
    return [*case.staying, *others]


def _note_strangers(service: Object, case: SetCase, snapshot: Snapshot, sheet: Sheet) -> None:
    own = {pod["metadata"]["name"] for pod in case.pods}
    others = sorted({pod["metadata"]["name"] for pod in _selected(service, snapshot)} - own)
    if others:
        more = f" and {len(others) - 5} more" if len(others) > 5 else ""
        text = f"Service {case.service_name} also selects Pods of others: {', '.join(others[:5])}{more}"
        sheet.notes.append(Note(NoteKind.PODS_OF_OTHERS, case.service_name, text))


def _note_published(service: Object, sheet: Sheet) -> None:
    read = read_service(service)
    if read.kind is ServiceKind.HEADLESS and read.publish_not_ready:
        text = (
            f"Service {read.key} publishes the addresses of Pods that are not Ready, or are ending, too "
            "(publishNotReadyAddresses)"
        )
        sheet.notes.append(Note(NoteKind.NOT_READY_PUBLISHED, read.name, text))


def _ordinal(name: str) -> tuple[int, str]:
    last = name.rpartition("-")[2]
    return (int(last) if last.isdecimal() else 0), name


def plan_of(judged: Sequence[JudgedTarget], snapshot: Snapshot, domain: str, now: float, token: str) -> Plan:
    """The zone of everything that was listed, and the questions about the targets that can be judged.

    `token` makes names that nobody has.
    """
    zone = zone_of(
        snapshot.all("Service"), snapshot.all("EndpointSlice"), domain=domain, namespaces=snapshot.namespaces
    )
    always: dict[Question, list[tuple[AuditTarget, Check]]] = {}
    absent: dict[Question, list[tuple[AuditTarget, Check]]] = {}
    never: dict[Question, list[tuple[AuditTarget, Check]]] = {}
    by_service: dict[str, list[AuditTarget]] = {}
    for one in judged:
        if not one.asks or one.service is None:
            continue
        namespace, name = one.service["metadata"]["namespace"], one.service["metadata"]["name"]
        by_service.setdefault(f"{namespace}/{name}", []).append(one.target)
        asked = questions_about(zone, namespace, name)
        for question in asked.always:
            always.setdefault(question, []).append((one.target, check_of(question, zone)))
        beyond = absent_ordinals(one.found, zone, namespace, name) if one.found and one.state.settled else ()
        others = other_protocols(zone, namespace, name)
        for question in never_names(zone, namespace, name, token):
            never.setdefault(question, []).append((one.target, Check.ABSENT_NAMES))
        for question in (*asked.only_where_denials_are_not_kept, *beyond, *others):
            if question not in always:
                absent.setdefault(question, []).append((one.target, Check.ABSENT_NAMES))
    recent = any(now - moment < CHANGE_SECONDS for one in judged for moment in [last_change(one, snapshot)])
    return Plan(zone, always, absent, never, by_service, recent)


def last_change(judged: JudgedTarget, snapshot: Snapshot) -> float:
    """When a Pod or the Service of a target last changed, in seconds since the epoch; 0 when nothing
    tells."""
    moments = [seconds_of((judged.service or {"metadata": {}})["metadata"].get("creationTimestamp"))]
    try:
        pods = snapshot.of("Pod", judged.target.namespace)
    except InspectionError:
        pods = []
    for pod in pods:
        if judged.service is not None and _is_selected(judged.service, pod):
            moments += moments_of(pod)
    return max(moments)


def has_transient_findings(judged: Sequence[JudgedTarget]) -> bool:
    """Whether a controller is behind, so that another look may find it in time."""
    controllers = (BlamedComponent.STATEFUL_SET, BlamedComponent.ENDPOINT_SLICE)
    return any(
        found.component in controllers and found.outcome is Outcome.FAILED
        for one in judged
        for found in one.sheet.findings
    )
