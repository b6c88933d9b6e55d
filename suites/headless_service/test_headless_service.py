"""The headless Service: no cluster IP, no load balancing, and one name that two objects must agree on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from kubernetes.client.exceptions import ApiException

from headless_conformance.cluster.agent import Agent
from headless_conformance.cluster.deployer import Deployer
from headless_conformance.cluster.dns_checks import must_be
from headless_conformance.cluster.dns_client import Dns
from headless_conformance.cluster.facts import Facts
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.manifests import ManifestFolder, find, fitted, to_yaml, with_replicas
from headless_conformance.cluster.model import Capability
from headless_conformance.cluster.pods import is_pod_ready
from headless_conformance.cluster.waiting import eventually
from headless_conformance.core.errors import not_supported
from headless_conformance.core.mismatch import (
    Where,
    items_of,
    require,
    require_equal,
    require_items,
)
from headless_conformance.core.objects import Object
from suites.headless_service.manifest_files import HEADLESS_FILE, STUB_FILE
from suites.headless_service.parameters import KUBELET
from suites.headless_service.stored import require_fields

UNPROCESSABLE = 422
TRANSIENT = (408, 409, 429)
"""What the API server says when it has not looked: not now, or not of this state."""
PROXY_NAMESPACE = "kube-system"
RULES = "iptables-save 2>/dev/null; ip6tables-save 2>/dev/null; nft list ruleset 2>/dev/null; true"
"""What kube-proxy has written in its modes iptables and nftables;
both name a Service as namespace/name, IPVS does not."""
OWN_VARIABLE = re.compile(r"(MYSQL_SVC|DB)_(SERVICE_HOST|SERVICE_PORT|PORT)(_|$)")
"""What a Pod gets of an ordinary Service of either name."""

StoredService = Callable[..., Object]


@pytest.fixture
def service_as_stored(kube: Kube, document_namespace: str, manifest_folder: ManifestFolder) -> StoredService:
    """The spec of the document's Service, changed, as the API server would store it. Nothing is created."""

    def ask(**spec: object) -> Object:
        service = find(manifest_folder.load(HEADLESS_FILE), "Service")
        service["metadata"]["name"] = "asked-only"
        service["spec"] |= spec
        stored: Object = kube.create(document_namespace, service, dryRun="All")["spec"]
        return stored

    return ask


def mentions(rules: str, namespace: str, service: str) -> bool:
    """Whether kube-proxy's rules speak of a Service, and not of one whose name only begins so."""
    return re.search(rf"(?<![\w-]){re.escape(namespace)}/{re.escape(service)}(?![\w-])", rules) is not None


@contextmanager
def must_be_refused(subject: str, word: str) -> Iterator[None]:
    """The API server finds what the block asks for invalid,
    and says why in a word that this regular expression finds."""
    observed, refused = "accepted", False
    try:
        yield
    except ApiException as error:
        if error.status not in range(400, 500) or error.status in TRANSIENT:
            raise
        is_invalid = error.status == UNPROCESSABLE
        observed = f"refused {'as invalid' if is_invalid else f'with status {error.status}'}: {error.reason}"
        refused = is_invalid and re.search(word, str(error.reason)) is not None
    require(refused, subject, expected=f"refused as invalid, naming {word}", observed=observed)


@pytest.mark.requirement("SEED-HLS-02")
def test_no_ready_pod_has_a_virtual_address(document_set: HeadlessSet, facts: Facts) -> None:
    """The addresses that the Service FQDN lists, those of the Ready Pods, MUST NOT be out of the Service
    range."""
    virtual = [address for address in document_set.ready_ips() if facts.is_service_ip(address)]
    subject = f"{document_set.statefulset_subject}: addresses of Ready Pods"
    require(not virtual, subject, expected=f"none out of {items_of(facts.service_cidrs)}", observed=virtual)


@pytest.mark.requirement("SEED-HLS-02")
@pytest.mark.needs(Capability.KUBELET, Capability.CONTROL_PLANE)
def test_kube_proxy_has_no_rule_for_the_service(
    kube: Kube, transcript_set: HeadlessSet, facts: Facts
) -> None:
    """A node MUST NOT have a kube-proxy rule for a headless Service; not every node need run kube-proxy."""
    proxies = filter(is_pod_ready, kube.list("Pod", PROXY_NAMESPACE, labelSelector="k8s-app=kube-proxy"))
    on_nodes = list(proxies) or not_supported("no node has a kube-proxy Pod in which its rules could be read")
    namespace, name = transcript_set.namespace, transcript_set.service_name
    known = [found["metadata"] for found in facts.dns.services]
    for proxy in on_nodes:
        rules = kube.execute(PROXY_NAMESPACE, proxy["metadata"]["name"], "sh", "-c", RULES).stdout
        node = proxy["spec"]["nodeName"]
        if not any(mentions(rules, found["namespace"], found["name"]) for found in known):
            not_supported(f"the rules on node {node} do not name Services, not even the DNS Service")
        seen = "present" if mentions(rules, namespace, name) else "absent"
        require_equal(f"Service {name}: rules of kube-proxy", seen, "absent", where=Where(node=node))


@pytest.mark.requirement("SEED-HLS-02")
@KUBELET
def test_new_pods_get_no_variables_of_the_service(agent: Agent) -> None:
    """A Pod that starts after a headless Service MUST get no environment variables of it;
    it gets those of ordinary ones."""
    variables = agent.environment()
    where = Where(pod=agent.pod, namespace=agent.namespace)
    subject, ordinary = f"Pod {agent.pod}: environment variables", "KUBERNETES_SERVICE_HOST"
    require(
        ordinary in variables,
        subject,
        expected=f"at least {{{ordinary}}}",
        observed=set(variables),
        where=where,
    )
    own = [name for name in variables if OWN_VARIABLE.match(name)]
    require_items(f"{subject} of headless Services", own, [], where=where)


@pytest.mark.requirement("SEED-HLS-03")
def test_the_service_is_headless(each_set: HeadlessSet) -> None:
    """A Service whose cluster IP is set to None MUST be stored as type ClusterIP with None as its only
    cluster IP."""
    wanted = {"spec": {"type": "ClusterIP", "clusterIP": "None", "clusterIPs": ["None"]}}
    require_fields(each_set.service_subject, each_set.get_service(), wanted)


@pytest.mark.requirement("SEED-HLS-03")
@pytest.mark.parametrize("spelling", ["none", "NONE", "null"])
def test_another_spelling_is_refused(service_as_stored: StoredService, spelling: str) -> None:
    """A cluster IP that spells None otherwise MUST be rejected."""
    with must_be_refused(f"create Service .spec.clusterIP {spelling}", "clusterIP"):
        service_as_stored(clusterIP=spelling)


@pytest.mark.requirement("SEED-HLS-03")
def test_without_the_field_a_service_gets_an_address(service_as_stored: StoredService, facts: Facts) -> None:
    """A Service that leaves the cluster IP out MUST get one out of the Service range."""
    found, subject = service_as_stored(clusterIP=None)["clusterIP"], "Service asked-only .spec.clusterIP"
    require(
        facts.is_service_ip(found),
        subject,
        expected=f"out of {items_of(facts.service_cidrs)}",
        observed=found,
    )


@pytest.mark.requirement("SEED-HLS-03")
@pytest.mark.parametrize("kind", ["NodePort", "LoadBalancer"])
def test_no_other_type_can_be_headless(service_as_stored: StoredService, kind: str) -> None:
    """A Service of a type that needs a cluster IP MUST be rejected when that is None."""
    with must_be_refused(f"create Service .spec.type {kind} .spec.clusterIP None", "clusterIP"):
        service_as_stored(type=kind)


@pytest.mark.requirement("SEED-HLS-03")
def test_a_headless_service_cannot_be_given_an_address(transcript_set: HeadlessSet, facts: Facts) -> None:
    """An update of a headless Service to a cluster IP MUST be rejected."""
    address = str(facts.service_cidrs[0][-2])
    change = {"spec": {"clusterIP": address, "clusterIPs": [address]}}
    patch, name = transcript_set.kube.patch, transcript_set.service_name
    with must_be_refused(f"update {transcript_set.service_subject} .spec.clusterIP {address}", "clusterIP"):
        patch("Service", transcript_set.namespace, name, change, dryRun="All")


@pytest.mark.requirement("SEED-HLS-03")
def test_a_headless_service_stays_so_when_the_field_is_left_out(transcript_set: HeadlessSet) -> None:
    """An update of a headless Service that leaves the cluster IP out MUST leave it headless."""
    service = transcript_set.get_service()
    del service["spec"]["clusterIP"], service["spec"]["clusterIPs"]
    stored = transcript_set.kube.replace(transcript_set.namespace, service, dryRun="All")
    subject = f"{transcript_set.service_subject} .spec.clusterIP"
    require_equal(subject, stored["spec"]["clusterIP"], "None")


@pytest.mark.requirement("SEED-HLS-04")
def test_statefulset_and_service_agree_on_one_name(each_set: HeadlessSet) -> None:
    """`serviceName` MUST equal the Service's name, be each Pod's subdomain,
    and have each endpoint carry its hostname."""
    where, statefulset = each_set.where, each_set.get_statefulset()
    service_name = each_set.get_service()["metadata"]["name"]
    subject = f"{each_set.statefulset_subject} .spec.serviceName"
    require_equal(subject, statefulset["spec"]["serviceName"], service_name, where=where)
    subdomains = [pod["spec"].get("subdomain") for pod in each_set.get_pods()]
    wanted = [each_set.service_name] * len(each_set.ordinals)
    require_equal(f"{each_set.statefulset_subject}: subdomains of Pods", subdomains, wanted, where=where)

    def check() -> None:
        hostnames = [endpoint.get("hostname") for endpoint in each_set.endpoints()]
        require_items(f"{each_set.slices_subject}: hostnames", hostnames, each_set.pod_names, where=where)

    eventually(check, expecting="each Pod's hostname in the slices, and no other")


@pytest.mark.requirement("SEED-HLS-04")
def test_where_they_differ_no_pod_has_an_fqdn(
    deployer: Deployer, manifest_folder: ManifestFolder, scratch_namespace: str, dns: Dns
) -> None:
    """Where the two names differ, Pods MUST run and be found under the Service FQDN,
    and MUST NOT have Pod FQDNs."""
    facts = deployer.facts
    if facts.endpoint_pod_names:
        not_supported("its DNS server is configured to name endpoints after their Pods")
    objects = with_replicas(manifest_folder.load(STUB_FILE), 2)
    find(objects, "StatefulSet")["spec"]["serviceName"] = "another"
    stub_set = deployer.create_set(scratch_namespace, objects)
    within = facts.change_timeout(stub_set.service_fqdn)
    dns.require(stub_set.service_fqdn, "A", must_be(stub_set.ready_ips()), within=within)
    for service in (stub_set.service_name, "another"):
        for name in stub_set.pod_names:
            dns.require_absent(f"{name}.{service}.{scratch_namespace}.svc.{facts.domain}.")


@pytest.mark.requirement("SEED-HLS-04")
def test_the_capitalised_field_is_refused(
    deployer: Deployer, manifest_folder: ManifestFolder, scratch_namespace: str
) -> None:
    """A manifest with the field spelt as the document's text spells it MUST be rejected,
    since no such field exists."""
    statefulset = find(manifest_folder.load(STUB_FILE), "StatefulSet")
    statefulset["spec"]["ServiceName"] = statefulset["spec"].pop("serviceName")
    text = to_yaml(fitted([statefulset], deployer.cluster))
    words = ("apply", "--dry-run=server", "-f", "-")
    result = deployer.kube.kubectl(*words, namespace=scratch_namespace, stdin=text)
    wanted = 'unknown field "spec.ServiceName"'
    require(
        result.status != 0 and wanted in result.stderr,
        "create StatefulSet .spec.ServiceName",
        expected=f"refused, naming {wanted}",
        observed=f"refused: {result.stderr.strip()}" if result.status else "accepted",
        details=result.transcript(),
    )


@pytest.mark.requirement("SEED-HLS-05")
def test_the_service_name_of_a_live_set_cannot_change(transcript_set: HeadlessSet) -> None:
    """An update of a live StatefulSet's `serviceName` MUST be rejected."""
    change = {"spec": {"serviceName": "another"}}
    subject = f"update {transcript_set.statefulset_subject} .spec.serviceName another"
    patch, name = transcript_set.kube.patch, transcript_set.statefulset_name
    with must_be_refused(subject, r"spec\.serviceName|updates to statefulset spec"):
        patch("StatefulSet", transcript_set.namespace, name, change, dryRun="All")


@pytest.mark.requirement("SEED-HLS-03")
def test_deleting_it_ends_a_headless_service(
    kube: Kube, single_pod_set: HeadlessSet, manifest_folder: ManifestFolder, facts: Facts, dns: Dns
) -> None:
    """Once the headless Service is deleted, an ordinary one MUST get an address,
    and the Service FQDN MUST have it alone."""
    namespace, fqdn = single_pod_set.namespace, single_pod_set.service_fqdn
    kube.delete("Service", namespace, single_pod_set.service_name)
    service = find(manifest_folder.load(STUB_FILE), "Service")
    del service["spec"]["clusterIP"]
    address = kube.create(namespace, service)["spec"]["clusterIP"]
    subject = f"{single_pod_set.service_subject} .spec.clusterIP"
    require(
        facts.is_service_ip(address),
        subject,
        expected=f"out of {items_of(facts.service_cidrs)}",
        observed=address,
    )
    dns.require(fqdn, "A", must_be([address]), within=facts.change_timeout(fqdn))
