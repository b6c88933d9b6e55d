"""Ports of Services against ports of containers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from headless_conformance.audit.checks import Check
from headless_conformance.audit.findings import BlamedComponent, Finding, FindingKind, Note, NoteKind
from headless_conformance.audit.sheet import Sheet
from headless_conformance.audit.structure import some
from headless_conformance.core.objects import Object
from headless_conformance.records.objects import Service, ServiceKind, read_pod, read_service


def check_ports(found: Object, pods: Iterable[Object], template: Object | None, sheet: Sheet) -> None:
    """Each port of a Service that leads to a named port leads to one that its Pods declare.

    `pods` are all that the Service is meant for; of several workloads behind one Service each may declare
    ports of its own, so that a port that only some of them have is no mistake, and is noted. `template`
    stands for the Pods of a StatefulSet that has none.
    """
    service = read_service(found)
    named = [port for port in service.ports if isinstance(port.target, str)]
    carriers = list(pods) or ([template] if template else [])
    if service.kind is ServiceKind.EXTERNAL_NAME or not service.selector or not service.ports:
        sheet.leave_out(Check.PORTS)
        return
    if not carriers:
        return
    read = [read_pod(_with_name(carrier, service)) for carrier in carriers]
    for port in named:
        lacking = [pod.name for pod in read if (port.target, port.protocol) not in pod.named_ports]
        if not lacking:
            continue
        name = port.name or str(port.number)
        if len(lacking) < len(read):
            text = (
                f"port {name} of Service {service.key} leads to the port name {port.target}, which only "
                f"some of its Pods declare, and not {some(sorted(lacking))}"
            )
            sheet.notes.append(Note(NoteKind.PORT_OF_SOME, service.name, text))
            continue
        sheet.found(
            Finding(
                BlamedComponent.MANIFEST,
                f"Service {service.key}",
                f"port {name} of Service {service.key} leads to the port name {port.target}, "
                f"which no container of {some(sorted(lacking))} declares for {port.protocol}",
                Check.PORTS,
                kind=FindingKind.UNKNOWN_PORT_NAME,
                facts={"port": str(port.target)},
                expected=f"a container port with the name {port.target} and the protocol {port.protocol}",
                seen=f"none in {some(sorted(lacking))}",
                remedy=f"name the container port {port.target}, or make targetPort its number",
                command=(
                    f"kubectl -n {service.namespace} get service {service.name} -o jsonpath='{{.spec.ports}}'"
                ),
                rules=("R14",),
                consequences=(f"no SRV record _{name}._{port.protocol.lower()} leads to these Pods",)
                if port.name
                else (),
                others=frozenset((Check.SRV_RECORDS,)) if port.name else frozenset(),
            )
        )
    sheet.passed(Check.PORTS)


def _with_name(carrier: Object, service: Service) -> dict[str, Any]:
    """A Pod template has no name of its own."""
    metadata = {"name": "the Pod template", "namespace": service.namespace, **(carrier.get("metadata") or {})}
    return {**carrier, "metadata": metadata}
