"""The requirements that can be read off an existing StatefulSet. Changes nothing.

It reads the StatefulSet, its governing Service, their pods and EndpointSlices, and asks each DNS server through a port-forward.
What this account may not look at is reported as not supported here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import indent
from typing import Any

import dns.exception
import dns.message
import dns.name
from kubernetes.client.exceptions import ApiException
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed
from urllib3.exceptions import HTTPError

from headless_conformance.cluster.dns_client import (
    Answer,
    Check,
    Server,
    Transport,
    must_be,
    must_include,
    must_not_exist,
    reverse_name,
)
from headless_conformance.cluster.facts import DNS_NAMESPACE, DNS_SERVICE
from headless_conformance.cluster.headless_set import is_ready, owned_pods
from headless_conformance.cluster.kube import Kube, Object
from headless_conformance.cluster.waiting import AT_REST_TIMEOUT, INTERVAL, Unobserved
from headless_conformance.core.errors import NotSupported, UserError, not_supported
from headless_conformance.core.run_identity import new_run
from headless_conformance.core.settings import from_env
from headless_conformance.providers.existing.connection import Connection, connect
from headless_conformance.providers.readiness import PLUGIN_DOMAIN, ask_replica
from headless_conformance.results.verdict import STATUS_ERROR, STATUS_FAILED, Outcome

Ask = Callable[[str, str], list[Answer]]
"""Name and type to each DNS server's answer."""

MARGIN = " " * 17
"""Before each line of a reason."""


@dataclass(frozen=True)
class Finding:
    """One requirement on this StatefulSet."""

    requirement: str
    what: str
    outcome: Outcome
    reason: str = ""

    def __str__(self) -> str:
        line = f"{self.outcome:<13}  {self.requirement}  {self.what}"
        return f"{line}\n{indent(self.reason, MARGIN)}" if self.reason else line


class Subject:
    """The StatefulSet, read anew at every look."""

    def __init__(self, kube: Kube, namespace: str, name: str, domain: str, ask: Ask) -> None:
        self.kube = kube
        self.namespace = namespace
        self.name = name
        self.domain = domain
        self.ask = ask

    def statefulset(self) -> Object:
        return self.kube.get("StatefulSet", self.namespace, self.name)

    @property
    def service_name(self) -> str:
        return str(self.statefulset()["spec"].get("serviceName", ""))

    def service(self) -> Object:
        """The governing Service; an AssertionError when there is none."""
        assert self.service_name, f"StatefulSet {self.name} names no Service"
        try:
            return self.kube.get("Service", self.namespace, self.service_name)
        except ApiException as error:
            if error.status == 404:
                raise AssertionError(
                    f"there is no Service {self.service_name} in namespace {self.namespace}"
                ) from None
            raise

    def pods(self) -> list[Object]:
        return owned_pods(self.kube, self.statefulset(), self.namespace)

    def named_pods(self) -> list[Object]:
        """Those whose names DNS must know: the Ready ones, or all where the Service publishes the others too."""
        everyone = self.service()["spec"].get("publishNotReadyAddresses", False)
        return [pod for pod in self.pods() if pod["status"].get("podIPs") and (everyone or is_ready(pod))]

    @property
    def service_domain(self) -> str:
        """The governing Service's DNS name. Raises NotSupported when the cluster domain is not known."""
        if not self.domain:
            not_supported(
                "the cluster domain cannot be read from the DNS server's configuration; set CLUSTER_DOMAIN="
            )
        return f"{self.service_name}.{self.namespace}.svc.{self.domain}."

    def require(self, name: str, rdtype: str, check: Check) -> None:
        """The answer of every DNS server passes."""
        for answer in self.ask(name, rdtype):
            check(answer)


def addresses(pods: Sequence[Object], version: int) -> list[str]:
    """The pods' addresses of one IP version."""
    found = [entry["ip"] for pod in pods for entry in pod["status"].get("podIPs", [])]
    return sorted(text for text in found if ipaddress.ip_address(text).version == version)


RDTYPES = {4: "A", 6: "AAAA"}


def _require_addresses(subject: Subject, name: str, expected: Sequence[str], version: int) -> None:
    subject.require(name, RDTYPES[version], must_be(expected) if expected else _must_have_no_record)


def _must_have_no_record(answer: Answer) -> None:
    # Whether a name without records exists is another question, which the suite asks.
    assert answer.rcode in ("NOERROR", "NXDOMAIN"), f"expected no record, came {answer}"
    assert not answer.values(), f"expected no record, came {answer}"


def versions_of(service: Object) -> list[int]:
    """The IP versions for which a Service has records."""
    return [int(family.removeprefix("IPv")) for family in service["spec"].get("ipFamilies", ["IPv4"])]


def serviced_by_a_headless_service(subject: Subject) -> None:
    case = subject.service()["spec"]
    assert case.get("clusterIP") == "None", (
        f"Service {subject.service_name} has the cluster IP {case.get('clusterIP')}"
    )
    assert case.get("clusterIPs") == ["None"], (
        f"Service {subject.service_name} has the cluster IPs {case.get('clusterIPs')}"
    )
    assert case["type"] == "ClusterIP", f"Service {subject.service_name} is of type {case['type']}"


def service_selects_the_pods(subject: Subject) -> None:
    selector = subject.service()["spec"].get("selector") or {}
    labels = subject.statefulset()["spec"]["template"]["metadata"].get("labels", {})
    assert selector, f"Service {subject.service_name} has no selector"
    assert selector.items() <= labels.items(), (
        f"Service {subject.service_name} selects {selector}, the pods carry {labels}"
    )


def pods_have_their_names(subject: Subject) -> None:
    case = subject.statefulset()["spec"]
    start = case.get("ordinals", {}).get("start", 0)
    wanted = {f"{subject.name}-{ordinal}" for ordinal in range(start, start + case["replicas"])}
    pods = {pod["metadata"]["name"]: pod["spec"] for pod in subject.pods()}
    assert pods.keys() == wanted, f"expected {sorted(wanted)}, came {sorted(pods)}"
    for name, own in pods.items():
        named = (own.get("hostname"), own.get("subdomain"))
        assert named == (name, subject.service_name), f"pod {name} has host name and subdomain {named}"


def slices_hold_the_ready_pods(subject: Subject) -> None:
    slices = subject.kube.list(
        "EndpointSlice", subject.namespace, labelSelector=f"kubernetes.io/service-name={subject.service_name}"
    )
    ours = {pod["metadata"]["uid"]: pod for pod in subject.named_pods()}
    for version in versions_of(subject.service()):
        own = [item for item in slices if item["addressType"] == f"IPv{version}"]
        endpoints = [
            found
            for item in own
            for found in item.get("endpoints") or []
            if found["conditions"].get("ready") is not False
        ]
        members = [found for found in endpoints if found.get("targetRef", {}).get("uid") in ours]
        listed = sorted(address for found in members for address in found["addresses"])
        assert listed == addresses(list(ours.values()), version), (
            f"slices list {listed}, pods have {addresses(list(ours.values()), version)}"
        )
        for found in members:
            name = ours[found["targetRef"]["uid"]]["metadata"]["name"]
            assert found.get("hostname") == name, (
                f"the endpoint of pod {name} has the host name {found.get('hostname')}"
            )


def service_name_resolves(subject: Subject) -> None:
    labels = subject.service()["spec"].get("selector") or {}
    assert labels, f"Service {subject.service_name} has no selector"
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    everyone = subject.service()["spec"].get("publishNotReadyAddresses", False)
    selected = subject.kube.list("Pod", subject.namespace, labelSelector=selector)
    listed = [pod for pod in selected if pod["status"].get("podIPs") and (everyone or is_ready(pod))]
    for version in versions_of(subject.service()):
        _require_addresses(subject, subject.service_domain, addresses(listed, version), version)


def member_names_resolve(subject: Subject) -> None:
    for pod in subject.named_pods():
        for version in versions_of(subject.service()):
            name = f"{pod['metadata']['name']}.{subject.service_domain}"
            _require_addresses(subject, name, addresses([pod], version), version)
    case = subject.statefulset()["spec"]
    beyond = case.get("ordinals", {}).get("start", 0) + case["replicas"]
    subject.require(f"{subject.name}-{beyond}.{subject.service_domain}", "A", must_not_exist)


def addresses_lead_back(subject: Subject) -> None:
    for pod in subject.named_pods():
        name = f"{pod['metadata']['name']}.{subject.service_domain}"
        for version in versions_of(subject.service()):
            for address in addresses([pod], version):
                subject.require(reverse_name(address), "PTR", must_include(name))


CHECKS: tuple[tuple[str, str, Callable[[Subject], None]], ...] = (
    ("SEED-HLS-03", "the governing Service is headless", serviced_by_a_headless_service),
    ("SEED-DSC-05", "the governing Service selects the StatefulSet's pods", service_selects_the_pods),
    ("SEED-NID-01", "pods are named by ordinal, in the Service's subdomain", pods_have_their_names),
    ("SEED-XC-01", "EndpointSlices and pod status agree", slices_hold_the_ready_pods),
    ("SEED-NID-03", "the Service's name lists exactly its Ready pods", service_name_resolves),
    (
        "SEED-NID-05",
        "each member's name leads to its pod, and the next ordinal has none",
        member_names_resolve,
    ),
    ("SEED-NSL-10", "each address leads back to its member's name", addresses_lead_back),
)
"""The requirements that hold for any StatefulSet and can be seen without touching it."""


def look(subject: Subject) -> list[Finding]:
    """Every check, each looked at again for a few seconds before it counts as failed."""
    return [_finding(subject, requirement, what, check) for requirement, what, check in CHECKS]


def _finding(subject: Subject, requirement: str, what: str, check: Callable[[Subject], None]) -> Finding:
    polling = Retrying(
        stop=stop_after_delay(AT_REST_TIMEOUT),
        wait=wait_fixed(INTERVAL),
        # One good look is enough here: each asks every DNS server.
        retry=retry_if_exception_type((AssertionError, Unobserved)),
        reraise=True,
    )
    try:
        polling(check, subject)
    except AssertionError as error:
        return Finding(requirement, what, Outcome.FAILED, str(error))
    except (ApiException, HTTPError) as error:
        if isinstance(error, ApiException) and error.status == 403:
            return Finding(
                requirement, what, Outcome.NOT_SUPPORTED, f"this account is refused: {error.reason}"
            )
        return Finding(requirement, what, Outcome.ERROR, str(getattr(error, "reason", error)))
    except Unobserved as error:
        return Finding(requirement, what, Outcome.ERROR, str(error).partition("\n")[0])
    except NotSupported as reason:
        return Finding(requirement, what, Outcome.NOT_SUPPORTED, str(reason))
    return Finding(requirement, what, Outcome.PASSED)


def status_of(findings: Sequence[Finding]) -> int:
    """1 with a failed requirement, 2 with a broken one or when nothing could be looked at, else 0."""
    outcomes = [finding.outcome for finding in findings]
    if Outcome.FAILED in outcomes:
        return STATUS_FAILED
    return 0 if Outcome.ERROR not in outcomes and Outcome.PASSED in outcomes else STATUS_ERROR


def _asker(kube: Kube) -> Ask:
    def ask(name: str, rdtype: str) -> list[Answer]:
        pods = kube.list("Pod", DNS_NAMESPACE, labelSelector=f"k8s-app={DNS_SERVICE}")
        serving = [pod for pod in pods if is_ready(pod)]
        if not serving:
            raise Unobserved(
                f"no Ready DNS server with the label k8s-app={DNS_SERVICE} is in {DNS_NAMESPACE}"
            )
        return [_answer(kube, pod, name, rdtype) for pod in serving]

    return ask


def _answer(kube: Kube, pod: Object, name: str, rdtype: str) -> Answer:
    query = dns.message.make_query(dns.name.from_text(name), rdtype)
    server = Server(pod["metadata"]["name"], pod["status"]["podIP"])
    try:
        return Answer(name, rdtype, server, Transport.TCP, ask_replica(kube.core, pod, query))
    except ApiException as error:
        # A stream that is refused comes without a status.
        if "403" in str(error.reason):
            raise ApiException(status=403, reason="port-forwards to the DNS servers") from None
        raise
    except (dns.exception.DNSException, OSError) as error:
        raise Unobserved(
            f"DNS server {pod['metadata']['name']} does not answer: {type(error).__name__}"
        ) from None


def _domain(kube: Kube) -> str:
    """The cluster domain that the DNS server is configured for; empty when that cannot be read. Never guessed."""
    try:
        corefile: Any = kube.get("ConfigMap", DNS_NAMESPACE, "coredns")["data"]["Corefile"]
    except ApiException:
        return ""
    found = PLUGIN_DOMAIN.search(corefile)
    return found["domain"] if found else ""


def check(connection: Connection, target: str, domain: str = "") -> list[Finding]:
    """All findings on `namespace/statefulset`, in the cluster domain given or found.

    UserError when there is no such StatefulSet.
    """
    namespace, slash, name = target.partition("/")
    if not (namespace and slash and name):
        raise UserError("Name what to check: `make check TARGET=namespace/statefulset`.")
    kube = Kube(connection.kubeconfig)
    subject = Subject(kube, namespace, name, domain or _domain(kube), _asker(kube))
    try:
        subject.statefulset()
    except ApiException as error:
        raise UserError(
            f"StatefulSet {target} cannot be read on {connection.context}, correct TARGET= or CONTEXT=: {error.reason}."
        ) from None
    return look(subject)


def check_on_cluster(env: Mapping[str, str], target: str) -> list[Finding]:
    """The same on the cluster that KUBECONFIG and CONTEXT name."""
    settings = from_env({**env, "K8S": "", "CLUSTER_DOMAIN": ""})
    connection = connect(settings, new_run())
    try:
        return check(connection, target, env.get("CLUSTER_DOMAIN", ""))
    finally:
        connection.remove()
