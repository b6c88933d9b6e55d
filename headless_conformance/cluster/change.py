"""What must follow a change of a set: in DNS within a bound, and of a Pod's readiness, volume and node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from headless_conformance.cluster.dns_answer import Answer
from headless_conformance.cluster.dns_checks import AnswerCheck, must_be
from headless_conformance.cluster.dns_client import Convergence, Dns
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.waiting import consistently, eventually
from headless_conformance.core.mismatch import items_of, require, require_equal

PENDING_SECONDS = 5.0
"""How long a Pod is watched to stay where it is."""


def require_converged(
    headless_set: HeadlessSet, dns: Dns, name: str, rdtype: str, check: AnswerCheck
) -> Convergence:
    """Every DNS server passes as soon as it must know of a change."""
    __tracebackhide__ = True
    return dns.require(name, rdtype, check, within=headless_set.facts.change_timeout(name))


def require_disappeared(headless_set: HeadlessSet, dns: Dns, name: str) -> None:
    """No DNS server knows a name as soon as it must know of a change."""
    __tracebackhide__ = True
    dns.require_absent(name, within=headless_set.facts.change_timeout(name))


def require_fqdns(headless_set: HeadlessSet, dns: Dns) -> float:
    """The Service FQDN and every Pod FQDN lead to the Pods as they are; since when (monotonic seconds)."""
    __tracebackhide__ = True
    service = must_be(headless_set.ready_ips())
    found = [require_converged(headless_set, dns, headless_set.service_fqdn, "A", service)]
    for ordinal in headless_set.ordinals:
        pod = must_be([headless_set.pod_ip(ordinal)])
        found.append(require_converged(headless_set, dns, headless_set.pod_fqdn(ordinal), "A", pod))
    return max(convergence.right_since for convergence in found)


def must_not_mention(*stale: str) -> AnswerCheck:
    """None of these names and addresses is among the records of any section."""

    def check(answer: Answer) -> None:
        rrsets = [rrset for section in ("answer", "additional") for rrset in answer.rrsets(section)]
        held = {word for rrset in rrsets for rdata in rrset for word in str(rdata).split()}
        # A reverse name that no Pod has any more may be asked outside the cluster, where nothing is promised.
        answered = answer.message is not None if answer.rdtype == "PTR" else answer.rcode == "NOERROR"
        answer.require(answered and not held & set(stale), f"none of {items_of(stale)}")

    return check


def require_pending(headless_set: HeadlessSet, ordinal: int, *, other_than: str) -> None:
    """A Pod is replaced by one with another UID than this, which is Pending for as long as it is watched."""
    subject = f"Pod {headless_set.pod_name(ordinal)}"

    def pending() -> None:
        pod = headless_set.get_pod(ordinal)
        uid = pod["metadata"]["uid"]
        require(
            uid != other_than,
            f"{subject} .metadata.uid",
            expected=f"other than {other_than}",
            observed=uid,
            where=headless_set.where,
        )
        require_equal(f"{subject} .status.phase", pod["status"]["phase"], "Pending", where=headless_set.where)

    within = headless_set.facts.cluster.pod_ready_timeout
    eventually(pending, expecting="the new Pod to be Pending", within=within)
    consistently(pending, expecting="the new Pod to stay Pending", during=PENDING_SECONDS)


@contextmanager
def cordoned(kube: Kube, node: str) -> Iterator[None]:
    """A node that takes no new Pod for as long as the block lasts, as after `kubectl cordon`."""
    path = f"/api/v1/nodes/{node}"
    kube.request("PATCH", path, {"spec": {"unschedulable": True}})
    try:
        yield
    finally:
        kube.request("PATCH", path, {"spec": {"unschedulable": None}})
