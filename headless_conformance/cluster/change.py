"""What must follow a change of a set: DNS within the bound for changes, a member's readiness, volume and node."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from headless_conformance.cluster.dns_client import Answer, Check, Dns, Observation, must_be
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.waiting import POD_READY_TIMEOUT, consistently, eventually

PENDING_SECONDS = 5.0
"""How long a pod is watched to stay where it is."""


def require_changed(of: HeadlessSet, dns: Dns, name: str, rdtype: str, check: Check) -> Observation:
    """Every DNS server passes as soon as it must know of a change."""
    return dns.require(name, rdtype, check, within=of.facts.change_timeout(name))


def require_gone(of: HeadlessSet, dns: Dns, name: str) -> None:
    """No DNS server knows a name as soon as it must know of a change."""
    dns.require_absent(name, within=of.facts.change_timeout(name))


def require_names(of: HeadlessSet, dns: Dns) -> float:
    """The Service's name and every member's lead to the members as they are now; since when (monotonic seconds)."""
    seen = [require_changed(of, dns, of.domain, "A", must_be(of.addresses()))]
    for ordinal in of.ordinals:
        seen.append(require_changed(of, dns, of.pod_fqdn(ordinal), "A", must_be([of.address(ordinal)])))
    return max(found.right_since for found in seen)


def must_be_without(*stale: str) -> Check:
    """None of these names and addresses is among the records of any section."""

    def check(answer: Answer) -> None:
        rrsets = [rrset for section in ("answer", "additional") for rrset in answer.rrsets(section)]
        held = {word for rrset in rrsets for rdata in rrset for word in str(rdata).split()}
        # A reverse name that no pod has any more may be asked outside the cluster, and whatever comes from there is not promised.
        answered = answer.message is not None if answer.rdtype == "PTR" else answer.rcode == "NOERROR"
        assert answered, f"expected nothing of {', '.join(stale)}, came {answer}"
        assert not held & set(stale), f"expected nothing of {', '.join(stale)}, came {answer}"

    return check


def require_pending(of: HeadlessSet, ordinal: int, *, other_than: str) -> None:
    """A member becomes another pod than the one with this UID, and waits for as long as it is watched."""

    def pending() -> None:
        pod = of.pod(ordinal)
        assert pod["metadata"]["uid"] != other_than, "the old pod is still there"
        assert pod["status"]["phase"] == "Pending", f"phase {pod['status']['phase']}"

    eventually(pending, expecting="the new pod to be Pending", within=POD_READY_TIMEOUT)
    consistently(pending, expecting="the new pod to stay Pending", during=PENDING_SECONDS)


@contextmanager
def unschedulable(kube: Kube, node: str) -> Iterator[None]:
    """A node that takes no new pod for as long as the block lasts."""
    path = f"/api/v1/nodes/{node}"
    kube.request("PATCH", path, {"spec": {"unschedulable": True}})
    try:
        yield
    finally:
        kube.request("PATCH", path, {"spec": {"unschedulable": None}})
