"""A DNS server for tests that need no cluster: it answers from Services and EndpointSlices the way CoreDNS
does.

It shares no code with the model. It starts from the question and searches the objects, as CoreDNS' kubernetes
plugin does, and gives names back in the case in which they were asked.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from headless_conformance.records import AnswerData, Question, ResourceRecord

Object = Mapping[str, Any]
SERVICE_NAME = "kubernetes.io/service-name"
TYPES = {"A": 4, "AAAA": 6}
Hit = tuple[str, str, int]
"""Label, address and port; port 0 where there is none."""


class ReferenceServer:
    """One server for one cluster domain."""

    def __init__(self, services: Sequence[Object], slices: Sequence[Object], domain: str) -> None:
        self._services = {(s["metadata"]["namespace"], s["metadata"]["name"]): s for s in services}
        self._slices: dict[tuple[str, str], list[Object]] = {}
        self._pointers: dict[str, dict[str, None]] = {}
        self._suffix = f"svc.{domain.rstrip('.')}."
        for found in slices:
            namespace, name = found["metadata"]["namespace"], found["metadata"]["labels"][SERVICE_NAME]
            self._slices.setdefault((namespace, name), []).append(found)
            for label, address in _ready(found):
                targets = self._pointers.setdefault(_reverse_name(address), {})
                targets[f"{label}.{name}.{namespace}.{self._suffix}"] = None
        for (namespace, name), service in self._services.items():
            for address in service["spec"].get("clusterIPs") or ():
                if address != "None":
                    self._pointers[_reverse_name(address)] = {f"{name}.{namespace}.{self._suffix}": None}

    def ask(self, question: Question) -> AnswerData:
        """The answer, with the name in capitals."""
        if question.rdtype == "PTR":
            found = self._pointers.get(question.name)
            return self._records(question, found) if found else AnswerData("NXDOMAIN")
        labels = question.name.removesuffix(self._suffix).rstrip(".").split(".")
        if not question.name.endswith(f".{self._suffix}") or len(labels) < 2:
            return AnswerData("NOERROR")
        service = self._services.get((labels[-1], labels[-2]))
        before = labels[:-2]
        if service is None or len(before) > 2:
            return AnswerData("NXDOMAIN")
        spec = service["spec"]
        if spec.get("type") == "ExternalName":
            return (
                self._alias(question, f"{spec['externalName'].rstrip('.')}.")
                if not before
                else AnswerData("NXDOMAIN")
            )
        own = f"{labels[-2]}.{labels[-1]}.{self._suffix}"
        if spec["clusterIP"] == "None" or len(before) == 1:
            return self._of_endpoints(question, service, before, own)
        hits = [
            ("", address, port["port"])
            for port in spec["ports"]
            if _matches(before, port.get("name", ""), port["protocol"])
            for address in spec["clusterIPs"]
        ]
        return self._answer(question, hits, own)

    def _of_endpoints(
        self, question: Question, service: Object, before: Sequence[str], own: str
    ) -> AnswerData:
        hits: list[Hit] = []
        key = service["metadata"]["namespace"], service["metadata"]["name"]
        for found in self._slices.get(key, ()):
            for label, address in _ready(found):
                if len(before) == 1 and before[0] != label:
                    continue
                ports = found.get("ports") or [{"port": 0, "protocol": ""}]
                hits += [
                    (label, address, port["port"])
                    for port in ports
                    if len(before) == 1 or _matches(before, port.get("name", ""), port["protocol"])
                ]
        return self._answer(question, hits, own)

    def _answer(self, question: Question, hits: Sequence[Hit], own: str) -> AnswerData:
        if not hits:
            return AnswerData("NXDOMAIN")
        wanted = TYPES.get(question.rdtype)
        found: dict[str, None] = {}
        for label, address, port in hits:
            if question.rdtype == "SRV" and port:
                found[f"0 100 {port} {f'{label}.' if label else ''}{own}"] = None
            elif ipaddress.ip_address(address).version == wanted:
                found[address] = None
        return self._records(question, found)

    def _alias(self, question: Question, target: str) -> AnswerData:
        if target.rstrip(".").replace(".", "").isdigit():
            return AnswerData("NXDOMAIN")
        alias = ResourceRecord(question.name.upper(), "CNAME", target)
        if question.rdtype == "CNAME" or (question.rdtype in TYPES and not target.endswith(self._suffix)):
            return AnswerData("NOERROR", (alias,))
        follows = question.rdtype in TYPES and target != question.name
        behind = self.ask(Question(target, question.rdtype)).answer if follows else ()
        return AnswerData("NOERROR", (alias, *behind)) if behind else AnswerData("NOERROR")

    def _records(self, question: Question, values: Iterable[str]) -> AnswerData:
        return AnswerData(
            "NOERROR",
            tuple(ResourceRecord(question.name.upper(), question.rdtype, value) for value in values),
        )


def _ready(found: Object) -> list[tuple[str, str]]:
    """Label and address of each ready endpoint."""
    return [
        (endpoint.get("hostname") or _dashed(address), address)
        for endpoint in found.get("endpoints") or ()
        if (endpoint.get("conditions") or {}).get("ready") is not False
        for address in endpoint["addresses"]
    ]


def _dashed(address: str) -> str:
    label = address.replace(".", "-").replace(":", "-")
    return label + "0" if label[-1] == "-" else label


def _matches(before: Sequence[str], port: str, protocol: str) -> bool:
    """Whether the labels before a Service mean this port; one that is an underscore alone means any."""
    asked = [label.removeprefix("_") for label in before]
    return not asked or (asked[0] in ("", port.lower()) and asked[1] in ("", protocol.lower()))


def _reverse_name(address: str) -> str:
    return f"{ipaddress.ip_address(address).reverse_pointer}."
