"""Stable network identity: hostnames, the Service FQDN, the Pod FQDNs below it, and who may shorten them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from headless_conformance.cluster.agent import Agent
from headless_conformance.cluster.cluster_dns import NAMESERVER
from headless_conformance.cluster.deployer import Deployer
from headless_conformance.cluster.dns_answer import Answer
from headless_conformance.cluster.dns_checks import must_be, must_be_nxdomain, require_soa
from headless_conformance.cluster.dns_client import Dns
from headless_conformance.cluster.facts import Facts
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.inside_pod import pod_place, read_file, run_in_pod
from headless_conformance.cluster.manifests import ManifestFolder, find
from headless_conformance.cluster.pods import pod_ip
from headless_conformance.cluster.waiting import DNS_DELAY
from headless_conformance.core.errors import not_supported
from headless_conformance.core.mismatch import (
    PermanentFailure,
    Where,
    items_of,
    require,
    require_equal,
)
from headless_conformance.core.objects import Object
from headless_conformance.records.names import reverse_name
from suites.headless_service.manifest_files import STUB_FILE
from suites.headless_service.parameters import DATABASE, KUBELET, ORDINALS, SERVICE_FORMS, written
from suites.headless_service.sql import hostnames_subject, servers_at


@pytest.mark.requirement("SEED-NID-01")
def test_pods_are_named_by_set_and_ordinal(each_set: HeadlessSet) -> None:
    """Each of the N Pods MUST be named after the StatefulSet and its ordinal,
    0 to N-1, and have that hostname."""
    names = [(pod["metadata"]["name"], pod["spec"].get("hostname")) for pod in each_set.get_pods()]
    subject = f"{each_set.statefulset_subject}: names and hostnames of Pods"
    require_equal(subject, names, [(name, name) for name in each_set.pod_names], where=each_set.where)


@pytest.mark.requirement("SEED-NID-01")
@KUBELET
def test_a_pod_calls_itself_by_that_name(each_set: HeadlessSet, ordinals: Sequence[int]) -> None:
    """The hostname inside a Pod MUST be its name."""
    for ordinal in ordinals:
        result, where = run_in_pod(each_set, ordinal, "uname", "-n"), pod_place(each_set, ordinal)
        observed, wanted = result.stdout.strip(), each_set.pod_name(ordinal)
        require_equal("uname -n", observed, wanted, where=where, details=result.transcript())


def require_name_server(configuration: str, facts: Facts, where: Where) -> None:
    """A resolver's configuration names addresses of the DNS Services, and nothing else."""
    servers = NAMESERVER.findall(configuration)
    allowed = facts.dns.addresses
    wanted = servers if servers and set(servers) <= set(allowed) else allowed
    require_equal("/etc/resolv.conf: nameserver", servers, wanted, where=where, details=configuration)


@pytest.mark.requirement("SEED-NID-02")
@KUBELET
def test_new_pods_ask_the_dns_service(agent: Agent, node_agents: Sequence[Agent], facts: Facts) -> None:
    """A Pod's resolver MUST be given the cluster IP of the DNS Service, and no other server, on every
    node."""
    for one in (agent, *node_agents):
        require_name_server(one.read("/etc/resolv.conf"), facts, one.where)


@pytest.mark.requirement("SEED-NID-02")
@KUBELET
def test_pods_of_the_set_ask_the_dns_service(
    each_set: HeadlessSet, facts: Facts, ordinals: Sequence[int]
) -> None:
    """The resolver of a Pod of the set, on whichever node,
    MUST be given the cluster IP of the DNS Service, and no other."""
    each_set.require_resolver_of_cluster()
    for ordinal in ordinals:
        configuration = read_file(each_set, ordinal, "/etc/resolv.conf")
        require_name_server(configuration, facts, pod_place(each_set, ordinal))


@pytest.mark.requirement("SEED-NID-02", "SEED-NID-03", document_sets=["SEED-HLS-02"])
def test_the_service_fqdn_has_the_addresses_of_the_ready_pods(each_set: HeadlessSet, dns: Dns) -> None:
    """At every DNS server, the name made of Service, namespace, `svc` and cluster domain MUST have the
    addresses of the Ready Pods, and no other."""
    dns.require(each_set.service_fqdn, "A", must_be(each_set.ready_ips()))


@pytest.mark.requirement("SEED-NID-03")
def test_the_same_name_in_another_namespace_is_another_service(
    example_set: HeadlessSet, same_named_set: HeadlessSet, dns: Dns
) -> None:
    """Services of one name in two namespaces MUST have two FQDNs,
    each with the addresses of its own Pods only."""
    own, others = set(example_set.ready_ips()), set(same_named_set.ready_ips())
    subject = f"{example_set.statefulset_subject}: addresses of Ready Pods"
    require(own.isdisjoint(others), subject, expected=f"none of {items_of(others)}", observed=own)
    for each in (example_set, same_named_set):
        within = each.facts.change_timeout(each.service_fqdn)
        dns.require(each.service_fqdn, "A", must_be(each.ready_ips()), within=within)


@pytest.mark.requirement("SEED-NID-04")
def test_the_example_name_of_the_service_resolves(example_set: HeadlessSet, facts: Facts, dns: Dns) -> None:
    """Service `db` MUST have its Pods' addresses under the document's example name,
    in the namespace and domain given."""
    dns.require(f"db.{example_set.namespace}.svc.{facts.domain}.", "A", must_be(example_set.ready_ips()))


@pytest.mark.requirement("SEED-NID-05", "SEED-HLS-04", document_sets=["SEED-HLS-01"])
def test_each_pod_has_a_fqdn_of_its_own(each_set: HeadlessSet, dns: Dns, ordinals: Sequence[int]) -> None:
    """Each Pod MUST have exactly its own address under its Pod FQDN below the Service FQDN."""
    for ordinal in ordinals:
        address = each_set.pod_ip(ordinal)
        dns.require(each_set.pod_fqdn(ordinal), "A", must_be([address]))


@pytest.mark.requirement("SEED-NID-05")
def test_an_ordinal_that_is_not_there_has_no_fqdn(
    each_set: HeadlessSet, dns: Dns, denials_are_kept: Callable[[str], bool], answers: int
) -> None:
    """The Pod FQDN of the ordinal after the last one MUST NOT exist."""
    name = each_set.pod_fqdn(each_set.next_ordinal)
    if not each_set.may_ask_for_absent(name, denials_are_kept):
        not_supported("a denial that a DNS server keeps would hide the member that comes next")
    dns.require_absent(name, often=answers)


@pytest.mark.requirement("SEED-NID-05")
def test_a_pod_that_is_not_of_the_set_has_no_fqdn(
    single_pod_set: HeadlessSet, deployer: Deployer, manifest_folder: ManifestFolder, dns: Dns
) -> None:
    """A plain Pod that the Service selects MUST be among the Service FQDN's and MUST NOT have a Pod FQDN."""
    if single_pod_set.facts.endpoint_pod_names:
        not_supported("its DNS server is configured to name endpoints after their Pods")
    template = find(manifest_folder.load(STUB_FILE), "StatefulSet")["spec"]["template"]
    metadata = {"name": "plain", **template["metadata"]}
    plain: Object = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
    namespace, fqdn = single_pod_set.namespace, single_pod_set.service_fqdn
    deployer.create([plain], namespace)
    deployer.await_pod(namespace, "plain")
    own = pod_ip(single_pod_set.kube.get("Pod", namespace, "plain"))
    listed = must_be([*single_pod_set.ready_ips(), own])
    dns.require(fqdn, "A", listed, within=single_pod_set.facts.change_timeout(fqdn))
    dns.require_absent(f"plain.{fqdn}")


@pytest.mark.requirement("SEED-NID-06")
@ORDINALS
def test_the_example_name_of_a_pod_resolves(
    example_set: HeadlessSet, facts: Facts, dns: Dns, ordinal: int
) -> None:
    """StatefulSet `mysql` behind Service `db` MUST have its Pods under the document's example names."""
    name = f"mysql-{ordinal}.db.{example_set.namespace}.svc.{facts.domain}."
    dns.require(name, "A", must_be([example_set.pod_ip(ordinal)]))


@pytest.mark.requirement("SEED-NID-06")
@pytest.mark.parametrize("name", ["mysql-0.mysql-svc", "mysql-sts-0.db"])
def test_a_pod_of_another_set_has_no_fqdn_here(
    transcript_set: HeadlessSet, example_set: HeadlessSet, dns: Dns, name: str
) -> None:
    """A Pod FQDN MUST exist below its own Service only, even beside another Service in the namespace."""
    assert example_set.namespace == transcript_set.namespace
    dns.require_absent(f"{name}.{transcript_set.namespace}.svc.{transcript_set.facts.domain}.")


@pytest.mark.requirement("SEED-NID-07")
def test_a_new_fqdn_is_there_within_the_documented_delay(
    single_pod_set: HeadlessSet, dns: Dns, record_property: Callable[[str, object], None]
) -> None:
    """A new Pod FQDN SHOULD resolve within 60 s of the Pod's readiness,
    though it was asked for in vain just before."""
    new = single_pod_set.replicas
    name = single_pod_set.pod_fqdn(new)
    dns.require(name, "A", must_be_nxdomain)
    grown = single_pod_set.scale(new + 1)
    ready = grown.await_pod_ready(new)
    convergence = dns.require(name, "A", must_be([grown.pod_ip(new)]), within=DNS_DELAY)
    record_property("seconds from Ready to resolvable", round(convergence.right_since - ready, 3))


def require_ttls(kind: str, seconds: list[int], answer: Answer) -> None:
    """No TTL is above the documented delay; below it, it is the DNS server's choice. Never polled."""
    if max(seconds, default=0) > DNS_DELAY:
        found = sorted(set(seconds))
        observed = f"{kind} {found[0] if len(found) == 1 else items_of(found)}"
        raise PermanentFailure(answer.mismatch(f"{kind} at most {DNS_DELAY:.0f}", observed).observation)


TYPES = [
    pytest.param("{service}", "A", id="service-A"),
    pytest.param("_mysql._tcp.{service}", "SRV", id="service-SRV"),
    pytest.param("{pod}", "A", id="pods-A"),
    pytest.param("{reverse}", "PTR", id="pods-PTR"),
]


@pytest.mark.requirement("SEED-NID-07")
@pytest.mark.parametrize(("form", "rdtype"), TYPES)
def test_no_answer_may_be_kept_longer_than_the_documented_delay(
    each_set: HeadlessSet, dns: Dns, form: str, rdtype: str
) -> None:
    """No record's TTL SHOULD be above 60 s, so that no old answer outlives the delay."""

    def check(answer: Answer) -> None:
        ttls = [rrset.ttl for section in ("answer", "additional") for rrset in answer.rrsets(section)]
        answer.require(bool(ttls) or answer.cut, "records with a TTL")
        require_ttls("TTL", ttls, answer)

    addresses = each_set.ready_ips_by_fqdn()
    require(
        bool(addresses), f"{each_set.statefulset_subject}: Ready Pods", expected="at least 1", observed="0"
    )
    service = each_set.service_fqdn
    names = {
        form.format(service=service, pod=pod, reverse=reverse_name(address))
        for pod, address in addresses.items()
    }
    for name in sorted(names):
        dns.require(name, rdtype, check)


@pytest.mark.requirement("SEED-NID-07")
def test_no_absence_may_be_kept_longer_than_the_documented_delay(each_set: HeadlessSet, dns: Dns) -> None:
    """The SOA record with a negative answer SHOULD limit its TTL to 60 s or less (RFC 2308)."""

    def check(answer: Answer) -> None:
        must_be_nxdomain(answer)
        limits = [min(rrset.ttl, rdata.minimum) for rrset in answer.rrsets("authority") for rdata in rrset]
        require_soa(answer, len(limits) == 1)
        require_ttls("negative TTL", limits, answer)

    dns.require(each_set.pod_fqdn(each_set.next_ordinal), "A", check)


@pytest.mark.requirement("SEED-NID-08")
@DATABASE
@ORDINALS
@pytest.mark.parametrize("form", [SERVICE_FORMS[0], SERVICE_FORMS[-1]])
def test_each_pod_reaches_every_pod_by_name(transcript_set: HeadlessSet, form: str, ordinal: int) -> None:
    """From each Pod, the database of every Pod, its own included,
    MUST answer under the Pod's short name and its FQDN."""
    hosts = [f"{name}.{written(form, transcript_set)}" for name in transcript_set.pod_names]
    hostnames, where = servers_at(transcript_set, ordinal, hosts), pod_place(transcript_set, ordinal)
    require_equal(hostnames_subject(hosts), hostnames, transcript_set.pod_names, where=where)
