"""EndpointSlices against Services and Pods, and members against EndpointSlices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from headless_conformance.audit.checks import Check
from headless_conformance.audit.findings import BlamedComponent, Finding, FindingKind
from headless_conformance.audit.sheet import Sheet
from headless_conformance.core.mismatch import text_of
from headless_conformance.core.objects import Object
from headless_conformance.records import (
    EndpointDifference,
    ListedEndpoint,
    compare_endpoints,
    expected_endpoints,
)
from headless_conformance.records.endpoints import families, family_of, has_endpoint, selects
from headless_conformance.records.objects import (
    MANAGED_BY_LABEL,
    Pod,
    Service,
    ServiceKind,
    read_pod,
    read_service,
    read_slice,
)
from headless_conformance.results.verdict import Outcome

ENDED_PODS_STAY_SINCE = (1, 37)
"""From this minor on, EndpointSlices of a Service with publishNotReadyAddresses are known to keep Pods that
have ended until the next change of the Service's Pods."""
_SHOWN = 6


def check_endpoints(
    service: Object, pods: Sequence[Object], slices: Sequence[Object], version: tuple[int, ...], sheet: Sheet
) -> None:
    """The endpoints that the control plane must have written are there, and no others."""
    read = read_service(service)
    if read.kind is ServiceKind.EXTERNAL_NAME or not read.selector:
        sheet.leave_out(Check.ENDPOINTS)
        return
    difference = compare_endpoints(service, pods, slices)
    ended = _ended(difference, pods) if read.publish_not_ready else ()
    rest = EndpointDifference(
        difference.service,
        difference.missing,
        tuple(endpoint for endpoint in difference.surplus if endpoint not in ended),
        difference.changed,
        difference.mislabelled,
    )
    foreign = _of_nobody(service, pods, slices)
    carriers = [pod for pod in map(read_pod, pods) if selects(read, pod) and has_endpoint(pod)]
    if carriers and len(lacking := _of_other_families(read, carriers)) == len(carriers):
        sheet.found(_other_families(read, lacking))
    show = f"kubectl -n {read.namespace} get endpointslices -l kubernetes.io/service-name={read.name} -o yaml"
    if ended:
        names = ", ".join(sorted(endpoint.target.split("/")[2] for endpoint in ended))
        known = not version or version >= ENDED_PODS_STAY_SINCE
        sheet.found(
            Finding(
                BlamedComponent.ENDPOINT_SLICE,
                f"Service {read.key}",
                f"EndpointSlices of Service {read.key} list Pods that have ended: {names}",
                Check.ENDPOINTS,
                kind=FindingKind.ENDED_PODS,
                expected="no endpoint of a Pod that has ended",
                seen="; ".join(str(endpoint) for endpoint in ended),
                remedy="delete the ended Pods, or keep them out of the Service's selector",
                command=show,
                outcome=Outcome.KNOWN_DEVIATION if known else Outcome.FAILED,
                consequences=("DNS answers with their addresses",),
            )
        )
    if rest:
        expected = [*rest.missing, *(change.expected for change in rest.changed)]
        seen = [*rest.surplus, *(change.seen for change in rest.changed)]
        labels = [
            f"EndpointSlice {name} with the wrong label for headless Services" for name in rest.mislabelled
        ]
        sheet.found(
            Finding(
                BlamedComponent.ENDPOINT_SLICE,
                f"Service {read.key}",
                f"EndpointSlices of Service {read.key} are not what its Pods demand",
                Check.ENDPOINTS,
                kind=FindingKind.WRONG_ENDPOINTS,
                facts={
                    "missing": text_of([str(one) for one in expected]),
                    "surplus": text_of([str(one) for one in seen]),
                },
                expected=_shown([str(endpoint) for endpoint in expected], "no other endpoint"),
                seen=_shown([*map(str, seen), *labels], "no such endpoint"),
                remedy=(
                    "see why kube-controller-manager does not keep EndpointSlices: its log, its leader, "
                    "its rights"
                ),
                command=show,
                consequences=(
                    "DNS is judged by the EndpointSlices as they are",
                    *(
                        f"beside them is EndpointSlice {name}, which no controller manages"
                        for name in foreign
                    ),
                ),
            )
        )
    elif foreign:
        sheet.found(_foreign(read, foreign, show))
    elif not ended:
        sheet.passed(Check.ENDPOINTS)


def _shown(lines: Sequence[str], otherwise: str) -> str:
    """The first few lines."""
    more = [f"… and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return "\n".join([*lines[:_SHOWN], *more]) or otherwise


def _of_nobody(
    service: Object, pods: Sequence[Object], slices: Sequence[Object]
) -> Mapping[str, tuple[str, ...]]:
    """Addresses that are no endpoints of the Service's Pods, by the slice without a manager that adds
    them.

    A slice with a manager of its own, such as that of a mesh of clusters, has its reason.
    """
    wanted = {endpoint.address for endpoint in expected_endpoints(service, pods) or ()}
    added = {
        found.name: tuple(
            address for endpoint in found.endpoints for address in endpoint.addresses if address not in wanted
        )
        for found in map(read_slice, slices)
        if not found.managed_by
    }
    return {name: addresses for name, addresses in added.items() if addresses}


def _foreign(service: Service, added: Mapping[str, tuple[str, ...]], command: str) -> Finding:
    return Finding(
        BlamedComponent.MANIFEST,
        f"Service {service.key}",
        f"EndpointSlice {', '.join(added)} adds to Service {service.key} what its selector does not select",
        Check.ENDPOINTS,
        kind=FindingKind.FOREIGN_ENDPOINTS,
        facts={"slices": text_of({name: list(addresses) for name, addresses in added.items()})},
        expected="the endpoints of the Pods that the Service selects, and no others",
        seen="; ".join(f"{name}: {', '.join(addresses)}" for name, addresses in added.items()),
        remedy=(
            f"delete it, or give it the label {MANAGED_BY_LABEL} with the name of whoever keeps it up to date"
        ),
        command=command,
        consequences=("DNS answers with these addresses, too",),
    )


def _ended(difference: EndpointDifference, pods: Iterable[Object]) -> tuple[ListedEndpoint, ...]:
    """Endpoints that are too much because their Pods have ended."""
    ended = {f"Pod/{pod.namespace}/{pod.name}/{pod.uid}" for pod in map(read_pod, pods) if pod.ended}
    return tuple(endpoint for endpoint in difference.surplus if endpoint.target in ended)


def check_members(service: Object, members: Sequence[Object], slices: Sequence[Object], sheet: Sheet) -> None:
    """Each of these Ready Pods is an endpoint with its name; otherwise a finding says so, if no other
    explains it."""
    read = read_service(service)
    named = _named_endpoints(slices)
    absent = [pod["metadata"]["name"] for pod in members if pod["metadata"]["name"] not in named]
    if not absent or any(Check.MEMBER_RECORDS in found.checks for found in sheet.findings):
        return
    others = sorted({_writer(found) for found in slices})
    pods = [pod for pod in map(read_pod, members) if pod.name in absent]
    if read.selector and (lacking := _of_other_families(read, pods)):
        sheet.found(_other_families(read, lacking))
        return
    if read.selector:
        explained = [found for found in sheet.findings if found.check is Check.ENDPOINTS]
        if explained:
            sheet.write(Check.MEMBER_RECORDS, Outcome.FAILED, f"follows from: {explained[0].summary}")
            return
    why = "has no selector" if not read.selector else "selects these Pods"
    sheet.found(
        Finding(
            BlamedComponent.MANIFEST if not read.selector else BlamedComponent.ENDPOINT_SLICE,
            f"Service {read.key}",
            f"Service {read.key} {why}, and its EndpointSlices do not name members "
            f"{', '.join(absent[:_SHOWN])}",
            Check.MEMBER_RECORDS,
            kind=FindingKind.NOT_NAMED,
            facts={"members": text_of(absent)},
            expected="a ready endpoint with the member's host name for each Ready member",
            seen=f"EndpointSlices written by {', '.join(others)}" if others else "no EndpointSlice",
            remedy=(
                "use a headless Service with a selector as the governing Service, beside the one that is "
                "written by hand"
            ),
            command=(
                f"kubectl -n {read.namespace} get endpointslices -l "
                f"kubernetes.io/service-name={read.name} -o yaml"
            ),
            rules=("R10",),
            consequences=("these members have no DNS name",),
        )
    )


def _of_other_families(service: Service, pods: Iterable[Pod]) -> list[Pod]:
    """Pods without an address of any family that the Service has."""
    own = families(service)
    return [pod for pod in pods if own.isdisjoint(family_of(found) for found in pod.addresses)]


def _other_families(service: Service, lacking: Sequence[Pod]) -> Finding:
    own = " and ".join(sorted(families(service)))
    headless = service.kind is ServiceKind.HEADLESS
    names = ", ".join(pod.name for pod in lacking[:_SHOWN])
    return Finding(
        BlamedComponent.MANIFEST,
        f"Service {service.key}",
        f"Service {service.key} has the ipFamilies {own}, and Pods {names} have no such address",
        Check.ENDPOINTS,
        kind=FindingKind.OTHER_FAMILY,
        expected=f"an {own} address of each Pod that the Service selects",
        seen="; ".join(f"{pod.name}: {', '.join(pod.addresses)}" for pod in lacking[:_SHOWN]),
        remedy="make spec.ipFamilies of the Service a family that its Pods have",
        command=(
            f"kubectl -n {service.namespace} get service {service.name} -o jsonpath='{{.spec.ipFamilies}}'"
        ),
        rules=("R10",) if headless else (),
        consequences=("these Pods have no DNS name",) if headless else ("the Service leads to no Pod",),
        others=frozenset((Check.MEMBER_RECORDS,)) if headless else frozenset(),
    )


def _named_endpoints(slices: Iterable[Object]) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for listed in map(read_slice, slices):
        for endpoint in listed.endpoints:
            if endpoint.ready and endpoint.hostname:
                found.setdefault(endpoint.hostname, []).extend(endpoint.addresses)
    return found


def _writer(found: Object) -> str:
    return (found["metadata"].get("labels") or {}).get(MANAGED_BY_LABEL) or "somebody without a label"
