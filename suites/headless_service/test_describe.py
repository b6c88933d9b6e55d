"""The document's `kubectl describe svc/mysql-svc`, key by key."""

from __future__ import annotations

import ipaddress

import pytest

from headless_conformance.cluster.dns_client import (
    REPEATS,
    Dns,
    must_be_srv,
    must_have_no_data,
    must_not_exist,
)
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.kube import CommandResult
from headless_conformance.cluster.model import Capability
from headless_conformance.cluster.transcripts import described, endpoints
from headless_conformance.cluster.waiting import eventually
from suites.headless_service.parameters import ORDINALS
from suites.headless_service.sql import Sql


def require_key(ran: CommandResult, key: str, value: str) -> None:
    """A key is printed once, with this value."""
    assert ran.status == 0, ran.transcript()
    seen = described(ran.stdout).get(key, [])
    assert seen == [value], f"{key}: expected {value!r} once, printed {seen}\n{ran.transcript()}"


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
def test_describe_says(description: CommandResult, key: str, value: str) -> None:
    """`kubectl describe` MUST print each documented key once, with the documented value."""
    require_key(description, key, value)


@pytest.mark.requirement("SEED-DSC-02")
def test_describe_says_the_namespace(transcript_set: HeadlessSet, description: CommandResult) -> None:
    """`kubectl describe` MUST print the namespace that the Service is in."""
    require_key(description, "Namespace", transcript_set.namespace)


@pytest.mark.requirement("SEED-DSC-13")
def test_describe_lists_exactly_the_three_ready_members(transcript_set: HeadlessSet) -> None:
    """`kubectl describe` MUST list port 3306 of each of the three Ready members, and nothing else."""

    def check() -> None:
        ran = transcript_set.describe_service()
        assert ran.status == 0, ran.transcript()
        listed, addresses = (
            endpoints(ran.stdout),
            sorted(f"{address}:3306" for address in transcript_set.addresses()),
        )
        assert listed == addresses, f"Endpoints: {','.join(listed)}, Ready members: {addresses}"
        assert len(addresses) == transcript_set.replicas, (
            f"Ready members: {addresses}, expected {transcript_set.replicas}"
        )

    eventually(check, expecting="three endpoints, the addresses of the Ready members")


@pytest.mark.requirement("SEED-DSC-15")
def test_nothing_went_wrong_with_the_service(description: CommandResult) -> None:
    """A Service that works SHOULD have no event to show."""
    require_key(description, "Events", "<none>")


@pytest.mark.requirement("SEED-DSC-04")
def test_the_only_annotation_is_kubectls_own(transcript_set: HeadlessSet) -> None:
    """The Service MUST carry no annotation but the one in which kubectl keeps what was applied."""
    annotations = set(transcript_set.get_service()["metadata"].get("annotations", {}))
    assert annotations == {"kubectl.kubernetes.io/last-applied-configuration"}, (
        f"annotations: {sorted(annotations)}"
    )


@pytest.mark.requirement("SEED-DSC-05")
def test_the_selector_selects_the_members_by_their_label(transcript_set: HeadlessSet) -> None:
    """The Service's selector MUST be a part of the labels that the StatefulSet gives its pods, and that they have."""
    selector = transcript_set.get_service()["spec"].get("selector") or {}
    assert selector == {"app": "mysql"}, f"the selector is {selector}, expected app=mysql"
    for item in (transcript_set.get_statefulset()["spec"]["template"], *transcript_set.named_pods()):
        labels = item["metadata"].get("labels", {})
        assert selector.items() <= labels.items(), (
            f"the selector is {selector}, the members' labels are {labels}"
        )


@pytest.mark.requirement("SEED-DSC-08")
@pytest.mark.parametrize("ordinal", [None, 0, 1, 2], ids=["service", "member-0", "member-1", "member-2"])
def test_names_have_no_data_in_the_family_that_is_not_there(
    transcript_set: HeadlessSet, dns: Dns, ordinal: int | None
) -> None:
    """A name that exists in one address family MUST answer NOERROR without records in the other."""
    name = transcript_set.domain if ordinal is None else transcript_set.pod_fqdn(ordinal)
    dns.require(name, "AAAA", must_have_no_data, repeat=REPEATS)


@pytest.mark.requirement("SEED-DSC-08")
def test_all_endpoints_are_of_the_one_family(transcript_set: HeadlessSet) -> None:
    """The endpoints of an IPv4 Service MUST have IPv4 addresses."""

    def check() -> None:
        types = {item["addressType"] for item in transcript_set.slices()}
        assert types == {"IPv4"}, f"the EndpointSlices' address types are {types}"
        found = transcript_set.ready_endpoints()
        others = [address for address in found if ipaddress.ip_address(address).version != 4]
        assert found, "no endpoints"
        assert not others, f"endpoints: {found}, of another family: {others}"

    eventually(check, expecting="endpoints of IPv4 and no other")


STORED = [
    pytest.param("clusterIP", "None", marks=pytest.mark.requirement("SEED-DSC-09")),
    pytest.param("clusterIPs", ["None"], marks=pytest.mark.requirement("SEED-DSC-10")),
]


@pytest.mark.parametrize(("field", "value"), STORED, ids=["clusterIP", "clusterIPs"])
def test_the_stored_field_is_none(transcript_set: HeadlessSet, field: str, value: object) -> None:
    """What `kubectl describe` prints as None MUST be None in the stored Service."""
    seen = transcript_set.get_service()["spec"].get(field)
    assert seen == value, f"expected {field} to be {value}, it is {seen}"


@pytest.mark.requirement("SEED-DSC-12")
@pytest.mark.needs(Capability.KUBELET, Capability.SQL)
@ORDINALS
def test_each_member_listens_on_the_target_port(transcript_set: HeadlessSet, sql: Sql, ordinal: int) -> None:
    """Each member's own database MUST answer at the member's address on port 3306."""
    seen = sql.query(transcript_set.address(ordinal), "SELECT @@hostname, @@port")
    assert seen == [[transcript_set.member(ordinal), "3306"]], (
        f"expected {transcript_set.member(ordinal)} on port 3306, came {seen}"
    )


@pytest.mark.requirement("SEED-DSC-11")
def test_the_named_port_is_found_by_srv(transcript_set: HeadlessSet, dns: Dns) -> None:
    """A named port of a headless Service MUST have one SRV record per Ready member: its name and the port, with its address."""
    targets = transcript_set.ready_members()
    assert targets, "no member is Ready"
    dns.require(f"_mysql._tcp.{transcript_set.domain}", "SRV", must_be_srv(targets, 3306), repeat=REPEATS)


@pytest.mark.requirement("SEED-DSC-11")
@pytest.mark.parametrize("port", ["_mysql._udp", "_other._tcp"])
def test_a_port_that_is_not_there_is_not_found_by_srv(
    transcript_set: HeadlessSet, dns: Dns, port: str
) -> None:
    """The SRV name of another protocol or another port than the Service's MUST NOT exist."""
    dns.require(f"{port}.{transcript_set.domain}", "SRV", must_not_exist)
