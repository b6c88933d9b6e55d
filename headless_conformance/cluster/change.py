"""What must follow a change of a set: in DNS within a bound, and of a Pod's readiness, volume and node."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from headless_conformance.cluster.dns_answer import Answer
from headless_conformance.cluster.dns_checks import AnswerCheck, must_be, must_be_nxdomain
from headless_conformance.cluster.dns_client import Convergence, Dns
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.reference_model import ReferenceModel
from headless_conformance.cluster.waiting import consistently, eventually
from headless_conformance.core.mismatch import items_of, require, require_equal
from headless_conformance.records import Question

PENDING_SECONDS = 5.0
"""How long a Pod is watched to stay where it is."""


@dataclass
class History:
    """What has been known of a set in any step of its changes."""

    known: set[Question] = field(default_factory=set)
    """Names and addresses that were there are asked for again: they must not be answered as before."""
    seen_by_others: bool = False
    """Whether other tests have asked for what there was before the first change, so that DNS servers may keep
    answers from then."""
    _before: frozenset[Question] = frozenset()
    _begun: float | None = None

    def begin(self) -> None:
        """The next change is the first one, unless there was one."""
        if self._begun is None:
            self._begun, self._before = time.monotonic(), frozenset(self.known)

    def may_be_kept(self, question: Question, seconds: float) -> bool:
        """Whether a server that keeps answers for so long may still have one from before the first change."""
        recent = self._begun is not None and time.monotonic() - self._begun < seconds
        return self.seen_by_others and recent and question in self._before


@dataclass(frozen=True)
class ChangingSet:
    """A set that is changed step by step, and all that EndpointSlices, Endpoints and DNS must make of it."""

    headless_set: HeadlessSet
    dns: Dns
    model: ReferenceModel
    most: int
    """Members at the most, in any step: each of them has a name or has none."""
    history: History

    def require_current(self, *, published: bool = True, within: float | None = None) -> None:
        """Wait for as long as a change may take, or `within` seconds, until everything shows the set as it is
        now, at every DNS server; without `published`, its Service is not there.

        Not asked for are reverse names where DNS servers keep answers about these alone, as kubeadm's do:
        what was asked in one step would be answered so in the next.
        """
        __tracebackhide__ = True
        facts, service = self.headless_set.facts, self.headless_set.service_fqdn
        kept = facts.cache_seconds(service)
        self._require_current(
            lambda question: facts.cache_seconds(question.name) <= kept,
            published=published,
            within=facts.change_timeout(service) if within is None else within,
        )
        self.history.begin()

    def require_all_current(self) -> None:
        """The same of all names that were known in any step, reverse names among them, but for those of which
        a server may still keep an answer from before the first change."""
        __tracebackhide__ = True
        facts, history = self.headless_set.facts, self.history
        self._require_current(
            lambda question: not history.may_be_kept(question, facts.cache_seconds(question.name)),
            published=True,
            within=max(facts.change_timeout(question.name) for question in history.known),
        )

    def _require_current(self, asks: Callable[[Question], bool], *, published: bool, within: float) -> None:
        __tracebackhide__ = True
        ready = self.headless_set

        def checks() -> Mapping[Question, AnswerCheck]:
            addresses = ready.ready_ips_by_fqdn() if published else {}
            pods = (ready.pod_fqdn(ordinal) for ordinal in range(self.most))
            service = must_be(addresses.values()) if addresses else must_be_nxdomain
            return {
                Question(ready.service_fqdn, "A"): service,
                **{
                    Question(name, "A"): must_be([addresses[name]]) if name in addresses else must_be_nxdomain
                    for name in pods
                },
            }

        self.model.require_current(
            self.dns, ready, checks, self.history.known, asks=asks, published=published, within=within
        )

    def replace_members(self, *ordinals: int) -> None:
        """Delete these Pods at once; when their addresses are nowhere any more, wait until all have come
        again, and are everywhere."""
        __tracebackhide__ = True
        ready = self.headless_set
        before = {ordinal: ready.get_pod(ordinal)["metadata"]["uid"] for ordinal in ordinals}
        for ordinal in ordinals:
            ready.kube.delete("Pod", ready.namespace, ready.pod_name(ordinal))
        self.require_current()
        for ordinal, uid in before.items():
            ready.await_pod_ready(ordinal, other_than=uid)
        self.require_current()

    def scale(self, replicas: int) -> ChangingSet:
        """Ask for another number of members and wait until they are there, and nothing of any other; the set
        as it is then."""
        __tracebackhide__ = True
        scaled = self.headless_set.scale(replicas)
        scaled.await_ready(scaled.facts.cluster.pod_ready_timeout)
        changed = replace(self, headless_set=scaled)
        changed.require_current()
        return changed


def require_converged(
    headless_set: HeadlessSet, dns: Dns, name: str, rdtype: str, check: AnswerCheck
) -> Convergence:
    """Every DNS server passes as soon as it must know of a change."""
    __tracebackhide__ = True
    return dns.require(name, rdtype, check, within=headless_set.facts.change_timeout(name))


def require_disappeared(headless_set: HeadlessSet, dns: Dns, *names: str) -> None:
    """No DNS server knows any of these names as soon as it must know of a change."""
    __tracebackhide__ = True
    dns.require_absent(*names, within=headless_set.facts.change_timeout(names[0]))


def require_fqdns(headless_set: HeadlessSet, dns: Dns) -> float:
    """The Service FQDN and every Pod FQDN lead to the Pods as they are; since when (monotonic seconds)."""
    __tracebackhide__ = True
    service = headless_set.service_fqdn
    addresses = {headless_set.pod_fqdn(one): [headless_set.pod_ip(one)] for one in headless_set.ordinals}
    addresses[service] = headless_set.ready_ips()
    checks = {(name, "A"): must_be(found) for name, found in addresses.items()}
    return dns.require_each(checks, within=headless_set.facts.change_timeout(service)).right_since


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
