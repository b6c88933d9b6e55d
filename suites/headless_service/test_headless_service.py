"""The headless Service itself: no cluster IP, no load balancing, and one name that two objects must agree on."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kubernetes.client.exceptions import ApiException

from headless_conformance.cluster.agent import Agent
from headless_conformance.cluster.deployer import Deployer
from headless_conformance.cluster.dns_client import Dns, must_be
from headless_conformance.cluster.facts import DNS_NAMESPACE, DNS_SERVICE, Facts
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.kube import Kube, Object
from headless_conformance.cluster.manifests import ManifestFolder, find, fitted, to_yaml, with_replicas
from headless_conformance.cluster.model import Capability
from headless_conformance.cluster.waiting import eventually
from headless_conformance.core.errors import not_supported
from suites.headless_service.manifest_files import HEADLESS_FILE, STUB_FILE
from suites.headless_service.parameters import ORDINALS

UNPROCESSABLE = 422
TRANSIENT = (408, 409, 429)
"""What the API server says when it has not looked: not now, or not of this state."""
PROXY_NAMESPACE = "kube-system"
RULES = "iptables-save 2>/dev/null; ip6tables-save 2>/dev/null; nft list ruleset 2>/dev/null; true"
"""What kube-proxy has written in its modes iptables and nftables; both name a Service as namespace/name, IPVS does not."""
OWN_VARIABLE = re.compile(r"(MYSQL_SVC|DB)_(SERVICE_HOST|SERVICE_PORT|PORT)(_|$)")
"""What a pod gets of an ordinary Service of either name."""


StoredService = Callable[..., Object]


@pytest.fixture
def service_as_stored(kube: Kube, namespace: str, manifest_folder: ManifestFolder) -> StoredService:
    """The spec of the document's Service, changed, as the API server would store it. Nothing is created."""

    def ask(**spec: object) -> Object:
        service = find(manifest_folder.load(HEADLESS_FILE), "Service")
        service["metadata"]["name"] = "asked-only"
        service["spec"] |= spec
        stored: Object = kube.create(namespace, service, dryRun="All")["spec"]
        return stored

    return ask


def mentions(rules: str, namespace: str, service: str) -> bool:
    """Whether kube-proxy's rules speak of a Service, and not of one whose name only begins so."""
    return re.search(rf"(?<![\w-]){re.escape(namespace)}/{re.escape(service)}(?![\w-])", rules) is not None


def require_fields(path: str, seen: Any, wanted: Object) -> None:
    """Each field of `wanted`, and of the objects in it, is there with its value; the message names the first one that differs."""
    for name, value in wanted.items():
        found = seen.get(name) if isinstance(seen, dict) else None
        if isinstance(value, dict):
            require_fields(f"{path}.{name}", found, value)
        else:
            assert found == value, f"{path}.{name}: expected {value!r}, came {found!r}"


@contextmanager
def must_be_refused(what: str, word: str) -> Iterator[None]:
    """The API server finds what the block asks for invalid, and says why in a word that this regular expression finds."""
    said = None
    try:
        yield
    except ApiException as error:
        if error.status not in range(400, 500) or error.status in TRANSIENT:
            raise
        said = error
    assert said is not None, f"{what}: expected the API server to refuse it, and it was accepted"
    assert said.status == UNPROCESSABLE, (
        f"{what}: expected the API server to find it invalid, it said {said.reason}"
    )
    assert re.search(word, str(said.reason)), (
        f"{what}: expected a word about {word}, the API server said {said.reason}"
    )


@pytest.mark.requirement("SEED-HLS-01")
@ORDINALS
def test_each_members_name_leads_to_its_pod_alone(each_set: HeadlessSet, dns: Dns, ordinal: int) -> None:
    """Each member's name MUST resolve to that pod's address and no other."""
    dns.require(each_set.pod_fqdn(ordinal), "A", must_be([each_set.address(ordinal)]))


@pytest.mark.requirement("SEED-HLS-02")
def test_the_name_lists_members_and_no_virtual_address(each_set: HeadlessSet, facts: Facts, dns: Dns) -> None:
    """The Service's name MUST list every Ready member's address, and none out of the Service range."""
    seen = dns.require(each_set.domain, "A", must_be(each_set.addresses()))
    virtual = [value for answer in seen.answers for value in answer.values() if facts.is_virtual(value)]
    assert not virtual, f"{each_set.domain} has {virtual} of the Service range"


@pytest.mark.requirement("SEED-HLS-02")
@pytest.mark.needs(Capability.KUBELET, Capability.CONTROL_PLANE)
def test_kube_proxy_has_no_rule_for_the_service(kube: Kube, transcript_set: HeadlessSet) -> None:
    """A node MUST NOT have a kube-proxy rule for a headless Service."""
    proxies = kube.list("Pod", PROXY_NAMESPACE, labelSelector="k8s-app=kube-proxy")
    nodes = kube.request("GET", "/api/v1/nodes")["items"]
    assert len(proxies) == len(nodes), f"{len(proxies)} kube-proxies on {len(nodes)} nodes"
    for proxy in proxies:
        rules = kube.execute(PROXY_NAMESPACE, proxy["metadata"]["name"], "sh", "-c", RULES).stdout
        where = f"the rules on node {proxy['spec']['nodeName']}"
        if not mentions(rules, DNS_NAMESPACE, DNS_SERVICE):
            not_supported(f"{where} do not name Services, not even the DNS Service")
        assert not mentions(rules, transcript_set.namespace, transcript_set.service), (
            f"{where} have one for the headless Service"
        )


@pytest.mark.requirement("SEED-HLS-02")
@pytest.mark.needs(Capability.KUBELET)
def test_new_pods_get_no_variables_of_the_service(agent: Agent) -> None:
    """A pod that starts after a headless Service MUST get no environment variables of it; it gets those of ordinary ones."""
    variables = agent.environment()
    assert "KUBERNETES_SERVICE_HOST" in variables, "a new pod has no variables of Service kubernetes either"
    own = [name for name in variables if OWN_VARIABLE.match(name)]
    assert not own, f"a new pod has the variables {own}"


@pytest.mark.requirement("SEED-HLS-03")
def test_the_service_is_headless(each_set: HeadlessSet) -> None:
    """A Service whose cluster IP is set to None MUST be stored as type ClusterIP with None as its only cluster IP."""
    spec = each_set.get_service()["spec"]
    seen = {field: spec.get(field) for field in ("type", "clusterIP", "clusterIPs")}
    wanted = {"type": "ClusterIP", "clusterIP": "None", "clusterIPs": ["None"]}
    assert seen == wanted, f"Service {each_set.service} has {seen}, expected {wanted}"


@pytest.mark.requirement("SEED-HLS-03")
@pytest.mark.parametrize("spelling", ["none", "NONE", "null"])
def test_another_spelling_is_refused(service_as_stored: StoredService, spelling: str) -> None:
    """A cluster IP that spells None otherwise MUST be rejected."""
    with must_be_refused(f"clusterIP: {spelling}", "clusterIP"):
        service_as_stored(clusterIP=spelling)


@pytest.mark.requirement("SEED-HLS-03")
def test_without_the_field_a_service_gets_an_address(service_as_stored: StoredService, facts: Facts) -> None:
    """A Service that leaves the cluster IP out MUST get one out of the Service range."""
    found = service_as_stored(clusterIP=None)["clusterIP"]
    assert facts.is_virtual(found), f"without the field, the cluster IP is {found}"


@pytest.mark.requirement("SEED-HLS-03")
@pytest.mark.parametrize("kind", ["NodePort", "LoadBalancer"])
def test_no_other_type_can_be_headless(service_as_stored: StoredService, kind: str) -> None:
    """A Service of a type that needs a cluster IP MUST be rejected when that is None."""
    with must_be_refused(f"type: {kind} with clusterIP: None", "clusterIP"):
        service_as_stored(type=kind)


@pytest.mark.requirement("SEED-HLS-03")
def test_a_headless_service_cannot_be_given_an_address(transcript_set: HeadlessSet, facts: Facts) -> None:
    """An update of a headless Service to a cluster IP MUST be rejected."""
    address = str(facts.service_ranges[0][-2])
    change = {"spec": {"clusterIP": address, "clusterIPs": [address]}}
    with must_be_refused(f"clusterIP: {address} for a headless Service", "clusterIP"):
        transcript_set.kube.patch(
            "Service", transcript_set.namespace, transcript_set.service, change, dryRun="All"
        )


@pytest.mark.requirement("SEED-HLS-03")
def test_a_headless_service_stays_so_when_the_field_is_left_out(transcript_set: HeadlessSet) -> None:
    """An update of a headless Service that leaves the cluster IP out MUST leave it headless."""
    service = transcript_set.get_service()
    del service["spec"]["clusterIP"], service["spec"]["clusterIPs"]
    stored = transcript_set.kube.replace(transcript_set.namespace, service, dryRun="All")
    assert stored["spec"]["clusterIP"] == "None", (
        f"expected the cluster IP to stay None, it became {stored['spec']['clusterIP']}"
    )


@pytest.mark.requirement("SEED-HLS-04")
def test_statefulset_and_service_agree_on_one_name(each_set: HeadlessSet) -> None:
    """`serviceName` MUST equal the Service's name, be each member's subdomain, and have each endpoint carry its hostname."""
    members = [each_set.member(ordinal) for ordinal in each_set.ordinals]
    name = each_set.get_statefulset()["spec"]["serviceName"]
    assert name == each_set.get_service()["metadata"]["name"], (
        f"serviceName is {name}, expected {each_set.service}"
    )
    subdomains = [pod["spec"].get("subdomain") for pod in each_set.pods()]
    assert subdomains == [each_set.service] * each_set.replicas, (
        f"the members' subdomains are {subdomains}, expected {each_set.service}"
    )

    def check() -> None:
        hostnames = sorted(endpoint.get("hostname", "(none)") for endpoint in each_set.endpoints())
        assert hostnames == members, f"the endpoints' hostnames are {hostnames}, the members {members}"

    eventually(check, expecting="each member's hostname in the slices, and no other")


@pytest.mark.requirement("SEED-HLS-04")
@ORDINALS
def test_where_they_agree_each_member_has_a_name(each_set: HeadlessSet, dns: Dns, ordinal: int) -> None:
    """Where the two names are equal, every member's name MUST resolve."""
    dns.require(each_set.pod_fqdn(ordinal), "A", must_be([each_set.address(ordinal)]))


@pytest.mark.requirement("SEED-HLS-04")
def test_where_they_differ_no_member_has_a_name(
    deployer: Deployer, manifest_folder: ManifestFolder, scratch_namespace: str, dns: Dns
) -> None:
    """Where the two names differ, members MUST run and be found under the Service's name, and MUST NOT have own names."""
    if deployer.facts.pod_names:
        not_supported("its DNS server is configured to name endpoints after their pods")
    objects = with_replicas(manifest_folder.load(STUB_FILE), 2)
    find(objects, "StatefulSet")["spec"]["serviceName"] = "another"
    stub_set = deployer.create_set(scratch_namespace, objects)
    dns.require(
        stub_set.domain,
        "A",
        must_be(stub_set.addresses()),
        within=stub_set.facts.change_timeout(stub_set.domain),
    )
    for service in (stub_set.service, "another"):
        for ordinal in stub_set.ordinals:
            name = f"{stub_set.member(ordinal)}.{service}.{scratch_namespace}.svc.{stub_set.facts.domain}."
            dns.require_absent(name)


@pytest.mark.requirement("SEED-HLS-04")
def test_the_capitalised_field_is_refused(
    deployer: Deployer, manifest_folder: ManifestFolder, scratch_namespace: str
) -> None:
    """A manifest with the field spelt as the document's prose spells it MUST be rejected, since no such field exists."""
    objects = manifest_folder.load(STUB_FILE)
    spec = find(objects, "StatefulSet")["spec"]
    spec["ServiceName"] = spec.pop("serviceName")
    text = to_yaml(fitted(objects[1:], deployer.cluster))
    ran = deployer.kube.kubectl(
        "apply", "--dry-run=server", "-f", "-", namespace=scratch_namespace, stdin=text
    )
    assert ran.status != 0, ran.transcript()
    assert 'unknown field "spec.ServiceName"' in ran.stderr, ran.transcript()


@pytest.mark.requirement("SEED-HLS-05")
def test_the_service_name_of_a_live_set_cannot_change(transcript_set: HeadlessSet) -> None:
    """An update of a live StatefulSet's `serviceName` MUST be rejected."""
    change = {"spec": {"serviceName": "another"}}
    with must_be_refused(
        "another serviceName for a live StatefulSet", r"test\.serviceName|updates to statefulset test"
    ):
        transcript_set.kube.patch(
            "StatefulSet", transcript_set.namespace, transcript_set.statefulset, change, dryRun="All"
        )


DOCUMENTED_SERVICE: Object = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "mysql-svc", "labels": {"app": "mysql-svc"}},
    "spec": {
        "clusterIP": "None",
        "selector": {"app": "mysql"},
        "ports": [{"name": "mysql", "port": 3306, "targetPort": 3306, "protocol": "TCP"}],
    },
}
"""As the transcript of `kubectl describe` shows it."""


@pytest.mark.requirement("SEED-HLS-06")
def test_the_manifest_is_the_service_and_then_the_statefulset(manifest_folder: ManifestFolder) -> None:
    """The manifest MUST hold the Service as the document describes it, then the StatefulSet of three that names it, no more."""
    objects = manifest_folder.load(HEADLESS_FILE)
    kinds = [item["kind"] for item in objects]
    assert kinds == ["Service", "StatefulSet"], f"expected a Service and then a StatefulSet, came {kinds}"
    service, statefulset = objects
    require_fields("Service", service, DOCUMENTED_SERVICE)
    assert service == DOCUMENTED_SERVICE, f"expected no other field of the Service, came {service}"
    labels = {"app": "mysql"}
    spec = {"serviceName": "mysql-svc", "replicas": 3, "selector": {"matchLabels": labels}}
    require_fields("StatefulSet", statefulset, {"metadata": {"name": "mysql-sts"}, "spec": spec})
    require_fields("StatefulSet", statefulset, {"spec": {"template": {"metadata": {"labels": labels}}}})


@pytest.mark.requirement("SEED-HLS-06")
def test_the_stored_objects_are_those_of_the_manifest(
    transcript_set: HeadlessSet, manifest_folder: ManifestFolder
) -> None:
    """The stored Service MUST be what the manifest says, and the StatefulSet in the fields that the transcripts prove."""
    service, statefulset = manifest_folder.load(HEADLESS_FILE)
    require_fields("Service", transcript_set.get_service(), service)
    spec = {field: statefulset["spec"][field] for field in ("serviceName", "replicas", "selector")}
    labels = statefulset["spec"]["template"]["metadata"]["labels"]
    wanted = {
        "metadata": statefulset["metadata"],
        "spec": {**spec, "template": {"metadata": {"labels": labels}}},
    }
    require_fields("StatefulSet", transcript_set.get_statefulset(), wanted)


@pytest.mark.requirement("SEED-HLS-03")
def test_deleting_it_ends_a_headless_service(
    kube: Kube, single_member_set: HeadlessSet, manifest_folder: ManifestFolder, facts: Facts, dns: Dns
) -> None:
    """Once the headless Service is deleted, an ordinary one MUST get an address, and the name MUST have it and no member's."""
    kube.delete("Service", single_member_set.namespace, single_member_set.service)
    service = find(manifest_folder.load(STUB_FILE), "Service")
    del service["spec"]["clusterIP"]
    address = kube.create(single_member_set.namespace, service)["spec"]["clusterIP"]
    assert facts.is_virtual(address), f"the ordinary Service's cluster IP is {address}"
    dns.require(
        single_member_set.domain,
        "A",
        must_be([address]),
        within=facts.change_timeout(single_member_set.domain),
    )
