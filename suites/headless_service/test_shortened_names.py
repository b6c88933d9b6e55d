"""Names that leave the namespace and the domain out: in the Service's namespace, and in another one."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

import pytest

from headless_conformance.cluster.agent import Agent
from headless_conformance.cluster.facts import Facts
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.inside_pod import found_in_pod, pod_place
from headless_conformance.cluster.waiting import eventually
from headless_conformance.core.mismatch import require_equal
from suites.headless_service.parameters import KUBELET, ORDINALS, SERVICE_FORMS, written


@pytest.mark.requirement("SEED-NID-09")
@KUBELET
@pytest.mark.parametrize("form", SERVICE_FORMS)
def test_the_service_fqdn_may_be_shortened_in_its_namespace(
    document_set: HeadlessSet, agent: Agent, form: str
) -> None:
    """In the Service's namespace,
    each shortened form of the Service FQDN MUST resolve to what the FQDN resolves to."""
    agent.require(written(form, document_set), document_set.ready_ips())


@pytest.mark.requirement("SEED-NID-09")
@KUBELET
@ORDINALS
@pytest.mark.parametrize("form", SERVICE_FORMS)
def test_a_pod_fqdn_may_be_shortened_in_its_namespace(
    document_set: HeadlessSet, agent: Agent, form: str, ordinal: int
) -> None:
    """In the Service's namespace, each shortened form of a Pod FQDN MUST resolve to the Pod's address."""
    name = f"{document_set.pod_name(ordinal)}.{written(form, document_set)}"
    agent.require(name, [document_set.pod_ip(ordinal)])


@pytest.mark.requirement("SEED-NID-09")
@KUBELET
@pytest.mark.longest
def test_a_pod_of_the_set_may_shorten_the_service_fqdn(any_set: HeadlessSet, ordinals: Sequence[int]) -> None:
    """In a Pod of the set too, each shortened form of the Service FQDN MUST resolve to the Ready Pods, over
    UDP and TCP."""
    any_set.require_resolver_of_cluster()
    names = [written(form, any_set) for form in SERVICE_FORMS]
    for ordinal, over_tcp in itertools.product(ordinals, (False, True)):

        def check(ordinal: int = ordinal, over_tcp: bool = over_tcp) -> None:
            wanted = set(any_set.resolvable_ips())
            found = found_in_pod(any_set, ordinal, "ahosts", names, over_tcp=over_tcp)
            for name, lines in found.items():
                addresses, where = {words[0] for words in lines}, pod_place(any_set, ordinal)
                require_equal(f"getaddrinfo {name}", addresses, wanted, where=where)

        eventually(check, expecting=f"{len(names)} names to resolve in {any_set.pod_name(ordinal)}")


@pytest.mark.requirement("SEED-NID-09")
@KUBELET
def test_a_pod_of_the_set_may_shorten_the_fqdns_of_the_others(transcript_set: HeadlessSet) -> None:
    """In a Pod of the set, each shortened form of another Pod's FQDN MUST resolve to that Pod's address, over
    UDP and TCP."""
    for ordinal, over_tcp in itertools.product(transcript_set.ordinals, (False, True)):
        wanted = {
            f"{transcript_set.pod_name(other)}.{written(form, transcript_set)}": transcript_set.pod_ip(other)
            for other in transcript_set.ordinals
            for form in SERVICE_FORMS
            if other != ordinal
        }

        def check(ordinal: int = ordinal, wanted: dict[str, str] = wanted, over_tcp: bool = over_tcp) -> None:
            found = found_in_pod(transcript_set, ordinal, "ahosts", wanted, over_tcp=over_tcp)
            for name, lines in found.items():
                addresses, where = {words[0] for words in lines}, pod_place(transcript_set, ordinal)
                require_equal(f"getaddrinfo {name}", addresses, {wanted[name]}, where=where)

        eventually(check, expecting=f"{len(wanted)} names to resolve in {transcript_set.pod_name(ordinal)}")


@pytest.mark.requirement("SEED-NID-09")
@KUBELET
def test_pods_search_their_own_namespace_first(
    agent: Agent, node_agents: Sequence[Agent], facts: Facts
) -> None:
    """A Pod's search list MUST start with its namespace, `svc` and the cluster domain, on every node."""
    for one in (agent, *node_agents):
        configuration = one.read("/etc/resolv.conf")
        searched = " ".join(re.findall(r"^search\s+(.*)$", configuration, re.MULTILINE)).split()
        wanted = [f"{one.namespace}.svc.{facts.domain}", f"svc.{facts.domain}", facts.domain]
        subject = "/etc/resolv.conf: search"
        require_equal(subject, searched[: len(wanted)], wanted, where=one.where, details=configuration)


@pytest.mark.requirement("SEED-NID-10")
@KUBELET
@pytest.mark.parametrize("name", ["mysql-svc", "mysql-sts-0.mysql-svc"])
def test_short_names_do_not_reach_into_another_namespace(
    transcript_set: HeadlessSet, agent_in_other_namespace: Agent, name: str
) -> None:
    """In another namespace, without a Service of that name, the short names MUST NOT lead to this one."""
    outside = transcript_set.facts.cluster.stock_dns
    agent_in_other_namespace.require_no_such_name(name, never=transcript_set.ready_ips() if outside else [])


@pytest.mark.requirement("SEED-NID-10")
@KUBELET
@pytest.mark.parametrize("form", SERVICE_FORMS[1:])
def test_another_namespace_must_say_which_one_it_means(
    transcript_set: HeadlessSet, agent_in_other_namespace: Agent, form: str
) -> None:
    """In another namespace,
    names that say the Service's namespace MUST resolve as they do in the Service's own."""
    name = written(form, transcript_set)
    agent_in_other_namespace.require(name, transcript_set.ready_ips())
    agent_in_other_namespace.require(f"mysql-sts-0.{name}", [transcript_set.pod_ip(0)])


@pytest.mark.requirement("SEED-NID-10")
@KUBELET
def test_names_that_say_their_namespace_resolve_on_every_node(
    transcript_set: HeadlessSet, node_agents: Sequence[Agent]
) -> None:
    """On every node, in another namespace, names of the Service and of each Pod that say the namespace MUST
    resolve, however far they are written out."""
    forms = [written(form, transcript_set) for form in SERVICE_FORMS[1:]]
    forms.append(transcript_set.service_fqdn)
    pods = {transcript_set.pod_name(ordinal): transcript_set.pod_ip(ordinal) for ordinal in range(3)}
    wanted = {f"{name}.{form}": [address] for form in forms for name, address in pods.items()}
    wanted |= {form: list(pods.values()) for form in forms}
    for one in node_agents:
        one.require_each(wanted)


@pytest.mark.requirement("SEED-NID-10")
@KUBELET
def test_a_short_name_means_the_service_of_the_own_namespace(
    example_set: HeadlessSet, same_named_set: HeadlessSet, agent: Agent, agent_in_other_namespace: Agent
) -> None:
    """Where another namespace has a Service of the same name,
    the short name MUST lead there to that one's Pods only."""
    within = same_named_set.facts.change_timeout(same_named_set.service_fqdn)
    agent_in_other_namespace.require("db", same_named_set.ready_ips(), within=within)
    agent_in_other_namespace.require("mysql-0.db", [same_named_set.pod_ip(0)], within=within)
    agent.require("db", example_set.ready_ips(), within=within)
