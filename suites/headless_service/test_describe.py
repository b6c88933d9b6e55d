"""The document's `kubectl describe svc/mysql-svc`, key by key."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from headless_conformance.cluster.admission import added_keys
from headless_conformance.cluster.dns_checks import must_be_nodata, must_be_nxdomain, must_be_srv
from headless_conformance.cluster.dns_client import Dns
from headless_conformance.cluster.dns_exchange import ANSWERS
from headless_conformance.cluster.headless_set import KEPT_BY_KUBECTL, HeadlessSet
from headless_conformance.cluster.kube import CommandResult
from headless_conformance.cluster.manifests import ManifestFolder, find
from headless_conformance.cluster.reference_model import ReferenceModel
from headless_conformance.cluster.transcripts import described_endpoints, parse_description
from headless_conformance.cluster.waiting import eventually
from headless_conformance.core.errors import not_supported
from headless_conformance.core.mismatch import Mismatch, require, require_count, require_equal, require_items
from suites.headless_service.manifest_files import HEADLESS_FILE
from suites.headless_service.parameters import DATABASE, ORDINALS
from suites.headless_service.sql import Sql, hostnames_at

LOOPBACK = "127.0.0.1"


def require_key(result: CommandResult, key: str, value: str) -> None:
    """A key is printed once, with this value."""
    result.require_success()
    found = parse_description(result.stdout).get(key, [])
    observed = found[0] if len(found) == 1 else found
    require_equal(f"{result.command}: {key}", observed, value, details=result.transcript())


@contextmanager
def unless_added(found: HeadlessSet, folder: ManifestFolder, field: str) -> Iterator[None]:
    """What the block requires of a Service's `labels` or `annotations` is not supported where it has more of
    them only because the cluster itself adds them to every such Service."""
    try:
        yield
    except Mismatch:
        service = find(folder.load(HEADLESS_FILE), "Service")
        stored = found.get_service()["metadata"].get(field) or {}
        surplus = {*stored} - {*(service["metadata"].get(field) or {}), KEPT_BY_KUBECTL}
        if surplus and surplus <= added_keys(found.kube, found.namespace, service, field):
            not_supported(f"this cluster adds {field} to Services: {', '.join(sorted(surplus))}")
        raise


@pytest.fixture(scope="module")
def description(transcript_set: HeadlessSet) -> CommandResult:
    """`kubectl describe` of the Service, once for all keys as in the document."""
    return transcript_set.describe_service()


KEYS = [
    pytest.param("Name", "mysql-svc", marks=pytest.mark.requirement("SEED-DSC-01")),
    pytest.param("Labels", "app=mysql-svc", marks=pytest.mark.requirement("SEED-DSC-03")),
    pytest.param("Annotations", "<none>", marks=pytest.mark.requirement("SEED-DSC-04")),
    pytest.param("Selector", "app=mysql", marks=pytest.mark.requirement("SEED-DSC-05")),
    pytest.param("Type", "ClusterIP", marks=pytest.mark.requirement("SEED-DSC-06")),
    pytest.param("IP Family Policy", "SingleStack", marks=pytest.mark.requirement("SEED-DSC-07")),
    pytest.param("IP Families", "IPv4", marks=pytest.mark.requirement("SEED-DSC-08")),
    pytest.param("IP", "None", marks=pytest.mark.requirement("SEED-DSC-09")),
    pytest.param("IPs", "None", marks=pytest.mark.requirement("SEED-DSC-10")),
    pytest.param("Port", "mysql  3306/TCP", marks=pytest.mark.requirement("SEED-DSC-11")),
    pytest.param("TargetPort", "3306/TCP", marks=pytest.mark.requirement("SEED-DSC-12")),
    pytest.param("Session Affinity", "None", marks=pytest.mark.requirement("SEED-DSC-14")),
]


@pytest.mark.parametrize(("key", "value"), KEYS, ids=lambda text: text.replace(" ", "-"))
def test_describe_prints_the_documented_value(
    description: CommandResult,
    transcript_set: HeadlessSet,
    manifest_folder: ManifestFolder,
    key: str,
    value: str,
) -> None:
    """`kubectl describe` MUST print each documented key once, with the documented value."""
    with unless_added(transcript_set, manifest_folder, key.lower()):
        require_key(description, key, value)


@pytest.mark.requirement("SEED-DSC-02")
def test_describe_prints_the_namespace(transcript_set: HeadlessSet, description: CommandResult) -> None:
    """`kubectl describe` MUST print the namespace that the Service is in."""
    require_key(description, "Namespace", transcript_set.namespace)


@pytest.mark.requirement("SEED-DSC-13")
def test_describe_lists_exactly_the_three_ready_pods(transcript_set: HeadlessSet) -> None:
    """`kubectl describe` MUST list port 3306 of each of the three Ready Pods, and nothing else."""

    def check() -> None:
        result = transcript_set.describe_service()
        result.require_success()
        listed = described_endpoints(result.stdout)
        wanted = [f"{address}:3306" for address in transcript_set.ready_ips()]
        require_items(f"{result.command}: Endpoints", listed, wanted, details=result.transcript())
        require_count(f"{transcript_set.statefulset_subject}: Ready Pods", wanted, transcript_set.replicas)

    eventually(check, expecting="three endpoints, the addresses of the Ready Pods")


@pytest.mark.requirement("SEED-DSC-13")
def test_the_endpoints_object_has_exactly_the_ready_pods(
    document_set: HeadlessSet, reference_model: ReferenceModel
) -> None:
    """Where the API has core/v1 Endpoints, which the document's kubectl printed,
    those of the Service MUST have each Ready Pod's address under its name, with port 3306, and no other."""
    reference_model.require_endpoints(document_set)


@pytest.mark.requirement("SEED-DSC-15")
def test_the_service_has_no_events(description: CommandResult) -> None:
    """A Service that works SHOULD have no event to show."""
    require_key(description, "Events", "<none>")


@pytest.mark.requirement("SEED-DSC-04")
def test_the_only_annotation_is_kubectls_own(
    transcript_set: HeadlessSet, manifest_folder: ManifestFolder
) -> None:
    """The Service MUST carry no annotation but the one in which kubectl keeps what was applied."""
    annotations = set(transcript_set.get_service()["metadata"].get("annotations", {}))
    subject = f"{transcript_set.service_subject} .metadata.annotations"
    with unless_added(transcript_set, manifest_folder, "annotations"):
        require_items(subject, annotations, {KEPT_BY_KUBECTL})


@pytest.mark.requirement("SEED-DSC-05")
def test_the_selector_selects_the_pods_by_their_label(transcript_set: HeadlessSet) -> None:
    """The Service's selector MUST be a part of the labels that the StatefulSet gives its Pods,
    and that they have."""
    selector = transcript_set.get_service()["spec"].get("selector") or {}
    require_equal(f"{transcript_set.service_subject} .spec.selector", selector, {"app": "mysql"})
    template = transcript_set.get_statefulset()["spec"]["template"]
    labelled = {f"{transcript_set.statefulset_subject} .spec.template.metadata.labels": template}
    for pod in transcript_set.get_named_pods():
        labelled[f"Pod {pod['metadata']['name']} .metadata.labels"] = pod
    for subject, item in labelled.items():
        labels = item["metadata"].get("labels", {})
        selected = selector.items() <= labels.items()
        require(selected, subject, expected="at least {app: mysql}", observed=labels)


@pytest.mark.requirement("SEED-DSC-08")
@pytest.mark.parametrize("ordinal", [None, 0, 1, 2], ids=["service", "pod-0", "pod-1", "pod-2"])
def test_the_other_address_family_is_nodata(
    transcript_set: HeadlessSet, dns: Dns, ordinal: int | None
) -> None:
    """A name that exists in one address family MUST be answered with NODATA in the other."""
    name = transcript_set.service_fqdn if ordinal is None else transcript_set.pod_fqdn(ordinal)
    dns.require(name, "AAAA", must_be_nodata, often=ANSWERS)


@pytest.mark.requirement("SEED-DSC-08")
def test_all_endpoints_are_of_the_one_family(transcript_set: HeadlessSet) -> None:
    """The endpoints of an IPv4 Service MUST have IPv4 addresses."""
    subject = transcript_set.slices_subject

    def check() -> None:
        types = {item["addressType"] for item in transcript_set.endpoint_slices()}
        require_items(f"{subject}: address types", types, {"IPv4"})
        found = transcript_set.ready_endpoint_ips()
        require(bool(found), f"{subject}: ready addresses", expected="at least 1", observed="0")
        others = [address for address in found if ipaddress.ip_address(address).version != 4]
        require_items(f"{subject}: ready addresses that are not IPv4", others, [])

    eventually(check, expecting="endpoints of IPv4 and no other")


STORED = [
    pytest.param("clusterIP", "None", marks=pytest.mark.requirement("SEED-DSC-09")),
    pytest.param("clusterIPs", ["None"], marks=pytest.mark.requirement("SEED-DSC-10")),
]


@pytest.mark.parametrize(("field", "value"), STORED, ids=["clusterIP", "clusterIPs"])
def test_the_stored_field_is_none(any_set: HeadlessSet, field: str, value: object) -> None:
    """What `kubectl describe` prints as None MUST be None in the stored Service."""
    observed = any_set.get_service()["spec"].get(field)
    require_equal(f"{any_set.service_subject} .spec.{field}", observed, value, where=any_set.where)


@pytest.mark.requirement("SEED-DSC-12")
@DATABASE
@ORDINALS
def test_each_pod_listens_on_the_target_port(transcript_set: HeadlessSet, sql: Sql, ordinal: int) -> None:
    """Each Pod's own database MUST answer at the Pod's address on port 3306."""
    address, statement = transcript_set.pod_ip(ordinal), "SELECT @@hostname, @@port"
    rows = sql.query(address, statement)
    wanted = [(transcript_set.pod_name(ordinal), "3306")]
    if rows != wanted:
        # What the server calls itself is what its own Pod hears from it.
        wanted = [(hostnames_at(transcript_set, ordinal, [LOOPBACK])[0], "3306")]
    require_equal(f"{statement} at {address}", rows, wanted, where=sql.where)


@pytest.mark.requirement("SEED-DSC-11")
def test_the_named_port_is_found_by_srv(transcript_set: HeadlessSet, dns: Dns) -> None:
    """A named port of a headless Service MUST have one SRV record per Ready Pod: its FQDN and the port."""
    targets = transcript_set.ready_ips_by_fqdn()
    require(
        bool(targets),
        f"{transcript_set.statefulset_subject}: Ready Pods",
        expected="at least 1",
        observed="0",
    )
    dns.require(transcript_set.port_fqdn("mysql"), "SRV", must_be_srv(targets, 3306))


@pytest.mark.requirement("SEED-DSC-11")
@pytest.mark.parametrize(("port", "protocol"), [("mysql", "udp"), ("other", "tcp")])
def test_a_port_that_is_not_there_is_not_found_by_srv(
    transcript_set: HeadlessSet, dns: Dns, port: str, protocol: str
) -> None:
    """The SRV name of another protocol or another port than the Service's MUST NOT exist."""
    dns.require(transcript_set.port_fqdn(port, protocol), "SRV", must_be_nxdomain)
