"""Stable network identity: hostnames, the Service's domain, the members' names below it, and who may shorten them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from headless_conformance.cluster.agent import Agent
from headless_conformance.cluster.deployer import Deployer, await_pod
from headless_conformance.cluster.dns_client import (
    REPEATS,
    Answer,
    Dns,
    must_be,
    must_not_exist,
    reverse_name,
)
from headless_conformance.cluster.facts import Facts
from headless_conformance.cluster.headless_set import HeadlessSet, address
from headless_conformance.cluster.manifests import ManifestFolder, find
from headless_conformance.cluster.members import file_of, found_by
from headless_conformance.cluster.model import Capability
from headless_conformance.cluster.waiting import DNS_DELAY, PermanentFailure, eventually
from headless_conformance.core.errors import not_supported
from suites.headless_service.manifest_files import STUB_FILE
from suites.headless_service.parameters import ORDINALS
from suites.headless_service.sql import hostnames_seen_by

KUBELET = pytest.mark.needs(Capability.KUBELET)

SERVICE_FORMS = [
    "{service}",
    "{service}.{namespace}",
    "{service}.{namespace}.svc",
    "{service}.{namespace}.svc.{domain}",
]


def written(form: str, of: HeadlessSet) -> str:
    """A name's form with the set's own words."""
    return form.format(service=of.service, namespace=of.namespace, domain=of.facts.domain)


@pytest.mark.requirement("SEED-NID-01")
def test_members_are_named_by_set_and_ordinal(each_set: HeadlessSet) -> None:
    """Each of the N members MUST be named after the StatefulSet and its ordinal, 0 to N-1, and have that hostname."""
    names = [(pod["metadata"]["name"], pod["spec"].get("hostname")) for pod in each_set.pods()]
    wanted = [(each_set.member(ordinal), each_set.member(ordinal)) for ordinal in each_set.ordinals]
    assert names == wanted, f"the members' names and hostnames are {names}, expected {wanted}"


@pytest.mark.requirement("SEED-NID-01")
@KUBELET
@ORDINALS
def test_a_member_calls_itself_by_that_name(each_set: HeadlessSet, ordinal: int) -> None:
    """The hostname inside a member MUST be its short name."""
    ran = each_set.kube.execute(each_set.namespace, each_set.member(ordinal), "uname", "-n")
    seen = ran.stdout.strip()
    assert seen == each_set.member(ordinal), (
        f"expected the hostname {each_set.member(ordinal)}, came {seen}\n{ran.transcript()}"
    )


def require_name_server(configuration: str, facts: Facts) -> None:
    """A resolver's configuration names the DNS Service's address, or all of its addresses, and nothing else."""
    servers = re.findall(r"^nameserver\s+(\S+)", configuration, re.MULTILINE)
    wanted = facts.dns_service_addresses
    assert servers in ([wanted[0]], wanted), (
        f"expected the nameserver {wanted[0]}, came {servers}\n{configuration}"
    )


@pytest.mark.requirement("SEED-NID-02")
@KUBELET
def test_pods_ask_the_clusters_dns_service(agent: Agent, facts: Facts) -> None:
    """A pod's resolver MUST be given the cluster IP of the DNS Service, and no other server."""
    require_name_server(agent.read("/etc/resolv.conf"), facts)


@pytest.mark.requirement("SEED-NID-02")
@KUBELET
@ORDINALS
def test_members_ask_the_clusters_dns_service(each_set: HeadlessSet, facts: Facts, ordinal: int) -> None:
    """A member's resolver, on whichever node, MUST be given the cluster IP of the DNS Service, and no other server."""
    require_name_server(file_of(each_set, ordinal, "/etc/resolv.conf"), facts)


@pytest.mark.requirement("SEED-NID-02")
def test_the_dns_servers_know_the_service(each_set: HeadlessSet, dns: Dns) -> None:
    """Every DNS server of the cluster MUST answer for the Service's name."""
    dns.require(each_set.domain, "A", must_be(each_set.addresses()))


@pytest.mark.requirement("SEED-NID-03")
def test_the_services_name_has_the_ready_members_addresses(transcript_set: HeadlessSet, dns: Dns) -> None:
    """The name made of Service, namespace, `svc` and cluster domain MUST have the addresses of the Ready members, no other."""
    dns.require(transcript_set.domain, "A", must_be(transcript_set.addresses()))


@pytest.mark.requirement("SEED-NID-03")
def test_the_same_name_in_another_namespace_is_another_service(
    example_set: HeadlessSet, same_named_set: HeadlessSet, dns: Dns
) -> None:
    """Services of one name in two namespaces MUST have two names, each with its own members' addresses only."""
    both = set(example_set.addresses()) & set(same_named_set.addresses())
    assert not both, f"members of both: {both}"
    for own in (example_set, same_named_set):
        dns.require(own.domain, "A", must_be(own.addresses()), within=own.facts.change_timeout(own.domain))


@pytest.mark.requirement("SEED-NID-04")
def test_the_example_name_of_the_service_resolves(example_set: HeadlessSet, facts: Facts, dns: Dns) -> None:
    """Service `db` MUST have its members' addresses under the document's example name, in the namespace and domain given."""
    dns.require(f"db.{example_set.namespace}.svc.{facts.domain}.", "A", must_be(example_set.addresses()))


@pytest.mark.requirement("SEED-NID-05")
@ORDINALS
def test_each_member_has_a_name_of_its_own(transcript_set: HeadlessSet, dns: Dns, ordinal: int) -> None:
    """Each member MUST have exactly its own address under its name below the Service's name."""
    dns.require(
        transcript_set.pod_fqdn(ordinal), "A", must_be([transcript_set.address(ordinal)]), repeat=REPEATS
    )


@pytest.mark.requirement("SEED-NID-05")
def test_an_ordinal_that_is_not_there_has_no_name(each_set: HeadlessSet, dns: Dns) -> None:
    """The name of the member after the last one MUST NOT exist."""
    dns.require_absent(each_set.pod_fqdn(each_set.replicas), repeat=REPEATS)


@pytest.mark.requirement("SEED-NID-05")
def test_a_pod_that_is_no_member_has_no_name(
    single_member_set: HeadlessSet, deployer: Deployer, manifest_folder: ManifestFolder, dns: Dns
) -> None:
    """A plain pod that the Service selects MUST be found under the Service's name and MUST NOT have one of its own."""
    if single_member_set.facts.pod_names:
        not_supported("its DNS server is configured to name endpoints after their pods")
    template = find(manifest_folder.load(STUB_FILE), "StatefulSet")["spec"]["template"]
    plain = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "plain", **template["metadata"]},
        "spec": template["spec"],
    }
    deployer.create([plain], single_member_set.namespace)
    await_pod(single_member_set.kube, single_member_set.namespace, "plain")
    own = address(single_member_set.kube.get("Pod", single_member_set.namespace, "plain"))
    dns.require(
        single_member_set.domain,
        "A",
        must_be([*single_member_set.addresses(), own]),
        within=single_member_set.facts.change_timeout(single_member_set.domain),
    )
    dns.require_absent(f"plain.{single_member_set.domain}")


@pytest.mark.requirement("SEED-NID-06")
@ORDINALS
def test_the_example_name_of_a_member_resolves(
    example_set: HeadlessSet, facts: Facts, dns: Dns, ordinal: int
) -> None:
    """StatefulSet `mysql` behind Service `db` MUST have its members under the document's example names."""
    name = f"mysql-{ordinal}.db.{example_set.namespace}.svc.{facts.domain}."
    dns.require(name, "A", must_be([example_set.address(ordinal)]))


@pytest.mark.requirement("SEED-NID-06")
@pytest.mark.parametrize("name", ["mysql-0.mysql-svc", "mysql-sts-0.db"])
def test_a_member_of_another_set_has_no_name_here(
    transcript_set: HeadlessSet, example_set: HeadlessSet, dns: Dns, name: str
) -> None:
    """A member's name MUST exist below its own Service only, even where another set's Service is in the namespace."""
    assert example_set.namespace == transcript_set.namespace
    dns.require_absent(f"{name}.{transcript_set.namespace}.svc.{transcript_set.facts.domain}.")


@pytest.mark.requirement("SEED-NID-07")
def test_a_new_members_name_is_there_within_the_documented_delay(
    single_member_set: HeadlessSet, dns: Dns, record_property: Callable[[str, object], None]
) -> None:
    """A new member's name SHOULD resolve within 60 s of its readiness, though it was asked for in vain just before."""
    grown = replace(single_member_set, replicas=single_member_set.replicas + 1)
    new = single_member_set.replicas
    dns.require(grown.pod_fqdn(new), "A", must_not_exist)
    grown.scale()
    ready = grown.await_member(new)
    seen = dns.require(grown.pod_fqdn(new), "A", must_be([grown.address(new)]), within=DNS_DELAY)
    record_property("seconds from Ready to resolvable", round(seen.right_since - ready, 3))


def require_ttls(seconds: list[int], facts: Facts, answer: Answer, *, counts_down: bool) -> None:
    """Each time to live is the configured one, or what is left of it, and not above the documented delay. Never polled."""
    most = min(facts.ttl, int(DNS_DELAY))
    if not all(0 <= found <= most if counts_down else found == facts.ttl <= DNS_DELAY for found in seconds):
        left = "what is left of " if counts_down else ""
        raise PermanentFailure(
            f"expected a time to live of {left}{facts.ttl} s, at most {DNS_DELAY:.0f} s, came {answer}"
        )


TYPES = [
    pytest.param("{service}", "A", id="service-A"),
    pytest.param("_mysql._tcp.{service}", "SRV", id="service-SRV"),
    pytest.param("{member}", "A", id="members-A"),
    pytest.param("{reverse}", "PTR", id="members-PTR"),
]


@pytest.mark.requirement("SEED-NID-07")
@pytest.mark.parametrize(("form", "rdtype"), TYPES)
def test_no_answer_may_be_kept_longer_than_the_documented_delay(
    each_set: HeadlessSet, facts: Facts, dns: Dns, form: str, rdtype: str
) -> None:
    """Every record's time to live SHOULD be the configured one, and not above 60 s, so that no old answer outlives the delay."""

    def check(answer: Answer) -> None:
        ttls = [rrset.ttl for section in ("answer", "additional") for rrset in answer.rrsets(section)]
        assert ttls, f"expected {rdtype} records, came {answer}"
        require_ttls(ttls, facts, answer, counts_down=facts.is_cached(answer.name, "success"))

    members = each_set.ready_members()
    assert members, "no member is Ready"
    names = {
        form.format(service=each_set.domain, member=member, reverse=reverse_name(own))
        for member, own in members.items()
    }
    for name in sorted(names):
        dns.require(name, rdtype, check)


@pytest.mark.requirement("SEED-NID-07")
def test_no_absence_may_be_kept_longer_than_the_documented_delay(
    each_set: HeadlessSet, facts: Facts, dns: Dns
) -> None:
    """The SOA record with a negative answer SHOULD limit its life to the configured time, and not above 60 s (RFC 2308)."""

    def check(answer: Answer) -> None:
        must_not_exist(answer)
        limits = [min(rrset.ttl, rdata.minimum) for rrset in answer.rrsets("authority") for rdata in rrset]
        assert len(limits) == 1, f"expected one SOA record, came {answer}"
        require_ttls(limits, facts, answer, counts_down=facts.is_cached(answer.name, "denial"))

    dns.require(each_set.pod_fqdn(each_set.replicas), "A", check)


@pytest.mark.requirement("SEED-NID-08")
@pytest.mark.needs(Capability.KUBELET, Capability.SQL)
@ORDINALS
@pytest.mark.parametrize("form", [SERVICE_FORMS[0], SERVICE_FORMS[-1]])
def test_each_member_reaches_every_member_by_name(
    transcript_set: HeadlessSet, form: str, ordinal: int
) -> None:
    """From each member, the database of every member, its own included, MUST answer under the member's short and full name."""
    members = [transcript_set.member(other) for other in transcript_set.ordinals]
    hosts = [f"{member}.{written(form, transcript_set)}" for member in members]
    seen = hostnames_seen_by(transcript_set, ordinal, hosts)
    assert seen == members, (
        f"from {transcript_set.member(ordinal)}, {hosts} lead to {seen}, expected {members}"
    )


@pytest.mark.requirement("SEED-NID-09")
@KUBELET
@pytest.mark.parametrize("form", SERVICE_FORMS)
def test_the_services_name_may_be_shortened_in_its_namespace(
    each_set: HeadlessSet, agent: Agent, form: str
) -> None:
    """In the Service's namespace, each shortened form of its name MUST resolve to what its full name resolves to."""
    agent.require(written(form, each_set), each_set.addresses())


@pytest.mark.requirement("SEED-NID-09")
@KUBELET
@ORDINALS
@pytest.mark.parametrize("form", SERVICE_FORMS)
def test_a_members_name_may_be_shortened_in_its_namespace(
    each_set: HeadlessSet, agent: Agent, form: str, ordinal: int
) -> None:
    """In the Service's namespace, each shortened form of a member's name MUST resolve to the member's address."""
    agent.require(f"{each_set.member(ordinal)}.{written(form, each_set)}", [each_set.address(ordinal)])


@pytest.mark.requirement("SEED-NID-09")
@KUBELET
@ORDINALS
def test_a_member_may_shorten_the_services_name(transcript_set: HeadlessSet, ordinal: int) -> None:
    """In a member too, on whichever node, each shortened form of the Service's name MUST resolve to the Ready members."""
    for form in SERVICE_FORMS:

        def check(name: str = written(form, transcript_set)) -> None:
            wanted, seen = set(transcript_set.addresses()), found_by(transcript_set, ordinal, name)
            assert seen == wanted, (
                f"expected {name} to lead to {wanted} in {transcript_set.member(ordinal)}, came {seen or 'none'}"
            )

        eventually(check, expecting=f"{form} to resolve in {transcript_set.member(ordinal)}")


@pytest.mark.requirement("SEED-NID-09")
@KUBELET
def test_pods_search_their_own_namespace_first(agent: Agent, facts: Facts) -> None:
    """A pod's search list MUST start with its namespace, `svc` and the cluster domain."""
    configuration = agent.read("/etc/resolv.conf")
    searched = " ".join(re.findall(r"^search\s+(.*)$", configuration, re.MULTILINE))
    wanted = [f"{agent.namespace}.svc.{facts.domain}", f"svc.{facts.domain}", facts.domain]
    seen = searched.split()[: len(wanted)]
    assert seen == wanted, f"expected the search list to start with {wanted}, came {seen}\n{configuration}"


@pytest.mark.requirement("SEED-NID-10")
@KUBELET
@pytest.mark.parametrize("name", ["mysql-svc", "mysql-sts-0.mysql-svc"])
def test_short_names_do_not_reach_into_another_namespace(
    transcript_set: HeadlessSet, agent_in_other_namespace: Agent, name: str
) -> None:
    """In another namespace, without a Service of that name, the short names MUST NOT lead to this one."""
    never = transcript_set.addresses() if transcript_set.facts.others_answer else []
    agent_in_other_namespace.require_unknown(name, never=never)


@pytest.mark.requirement("SEED-NID-10")
@KUBELET
@pytest.mark.parametrize("form", SERVICE_FORMS[1:])
def test_another_namespace_must_say_which_one_it_means(
    transcript_set: HeadlessSet, agent_in_other_namespace: Agent, form: str
) -> None:
    """In another namespace, names that say the Service's namespace MUST resolve as they do in the Service's own."""
    name = written(form, transcript_set)
    agent_in_other_namespace.require(name, transcript_set.addresses())
    agent_in_other_namespace.require(f"mysql-sts-0.{name}", [transcript_set.address(0)])


@pytest.mark.requirement("SEED-NID-10")
@KUBELET
def test_a_short_name_means_the_service_of_the_own_namespace(
    example_set: HeadlessSet, same_named_set: HeadlessSet, agent: Agent, agent_in_other_namespace: Agent
) -> None:
    """Where another namespace has a Service of the same name, the short name MUST lead there to that one's members only."""
    within = same_named_set.facts.change_timeout(same_named_set.domain)
    agent_in_other_namespace.require("db", same_named_set.addresses(), within=within)
    agent_in_other_namespace.require("mysql-0.db", [same_named_set.address(0)], within=within)
    agent.require("db", example_set.addresses(), within=within)
