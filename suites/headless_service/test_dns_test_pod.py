"""The document's `dns-test` pod and its two lookups."""

from __future__ import annotations

from collections.abc import Callable

import allure
import pytest

from headless_conformance.cluster.agent import Agent
from headless_conformance.cluster.dns_client import REPEATS, Answer, Dns, must_be, must_include, reverse_name
from headless_conformance.cluster.facts import Facts
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.kube import CommandResult, Kube
from headless_conformance.cluster.model import Capability
from headless_conformance.cluster.transcripts import require_line
from headless_conformance.cluster.waiting import eventually
from suites.headless_service.dns_test_session import GONE_SECONDS, HINT, Session, find_pod
from suites.headless_service.parameters import ORDINALS

KUBELET = pytest.mark.needs(Capability.KUBELET)

Lookup = Callable[[str], CommandResult]


@pytest.fixture
def lookup(kube: Kube, transcript_set: HeadlessSet, nslookup_pod: str) -> Lookup:
    """`nslookup NAME` with the classic nslookup, in a pod of the documented namespace that is no member."""

    def run(name: str) -> CommandResult:
        ran = kube.execute(transcript_set.namespace, nslookup_pod, "nslookup", name)
        allure.attach(ran.transcript(), name=ran.command, attachment_type=allure.attachment_type.TEXT)
        return ran

    return run


def shown(printed: str) -> list[list[str]]:
    """What nslookup shows for the name: the words of each address line, address first, then the names found for it."""
    _, _, found = printed.partition("Name:")
    return [
        line.split()[2:]
        for line in found.splitlines()
        if line.startswith("Address") and len(line.split()) > 2
    ]


def require_found(ran: CommandResult, addresses: list[str]) -> None:
    """nslookup ended well and shows these addresses, each once."""
    assert ran.status == 0, f"expected exit status 0, came {ran.status}\n{ran.transcript()}"
    seen = [address for address, *_ in shown(ran.stdout)]
    assert sorted(seen) == sorted(addresses), f"expected {addresses}, shown {seen}\n{ran.transcript()}"


@pytest.mark.requirement("SEED-RUN-01")
@KUBELET
def test_kubectl_run_opens_a_shell_in_a_new_pod(dns_test: Session) -> None:
    """`kubectl run dns-test -ti --rm` MUST create one pod of that name, which nothing else owns, and open a shell in it."""
    assert dns_test.pod is not None, f"expected a pod dns-test, came none\n{dns_test.shown}"
    owners = dns_test.pod["metadata"].get("ownerReferences", [])
    assert not owners, f"expected a pod dns-test that nothing owns, came one of {owners}"
    assert dns_test.reached_prompt, (
        f"expected the shell to answer at its prompt, it did not\n{dns_test.shown}"
    )


@pytest.mark.requirement("SEED-RUN-02")
@KUBELET
def test_kubectl_run_says_how_to_get_a_prompt(dns_test: Session) -> None:
    """`kubectl run -ti` MAY say once what to do where no prompt is to be seen."""
    require_line(HINT, dns_test.shown)


@pytest.mark.requirement("SEED-RUN-03")
@KUBELET
@ORDINALS
def test_a_new_pod_resolves_every_member(transcript_set: HeadlessSet, agent: Agent, ordinal: int) -> None:
    """A pod that came after the Service and is no member MUST resolve every member's name."""
    agent.require(
        f"{transcript_set.member(ordinal)}.{transcript_set.service}", [transcript_set.address(ordinal)]
    )


@pytest.mark.requirement("SEED-RUN-03")
@KUBELET
@pytest.mark.parametrize("name", ["mysql-svc", "mysql-sts-0.mysql-svc"])
def test_the_documents_lookups_succeed_in_its_own_shell(
    transcript_set: HeadlessSet, dns_test: Session, name: str
) -> None:
    """Both of the document's lookups, typed in the shell of its new pod, MUST show the members' addresses."""
    wanted = transcript_set.addresses() if name == transcript_set.service else [transcript_set.address(0)]
    addresses = [address for address, *_ in shown(dns_test.lookups.get(name, ""))]
    assert sorted(addresses) == sorted(wanted), (
        f"nslookup {name}: expected {wanted}, shown {addresses}\n{dns_test.shown}"
    )


@pytest.mark.requirement("SEED-NSL-01")
@KUBELET
def test_nslookup_finds_the_service_by_its_bare_name(transcript_set: HeadlessSet, lookup: Lookup) -> None:
    """In a pod of the namespace, nslookup of the bare Service name MUST end with status 0 and show the members' addresses."""

    def check() -> None:
        ran = lookup("mysql-svc")
        require_found(ran, transcript_set.addresses())

    eventually(check, expecting="nslookup to find mysql-svc")


@pytest.mark.requirement("SEED-NSL-02")
@KUBELET
def test_nslookup_asks_the_clusters_dns_service(facts: Facts, lookup: Lookup) -> None:
    """A pod's lookups MUST go to the cluster IP of the DNS Service."""
    require_line(
        "Server:    {dns_address}", lookup("mysql-svc").stdout, dns_address=facts.dns_service_addresses[0]
    )


@pytest.mark.requirement("SEED-NSL-03")
@KUBELET
def test_nslookup_shows_the_dns_services_name(facts: Facts, lookup: Lookup) -> None:
    """The DNS Service's address MUST be shown with the DNS Service's name."""
    line = "Address 1: {dns_address} {dns_name}"
    require_line(
        line,
        lookup("mysql-svc").stdout,
        dns_address=facts.dns_address,
        dns_name=facts.dns_service_name.rstrip("."),
    )


@pytest.mark.requirement("SEED-NSL-03")
def test_the_dns_services_address_has_its_name(facts: Facts, dns: Dns) -> None:
    """The PTR record of the DNS Service's address MUST be exactly the DNS Service's name."""
    dns.require(reverse_name(facts.dns_address), "PTR", must_be([facts.dns_service_name]), repeat=REPEATS)


@pytest.mark.requirement("SEED-NSL-04")
@KUBELET
def test_nslookup_shows_the_name_that_was_asked_for(lookup: Lookup) -> None:
    """The classic nslookup MAY be expected to show the name as it was typed."""
    require_line("Name:      mysql-svc", lookup("mysql-svc").stdout)


MEMBERS = [
    pytest.param(2, marks=pytest.mark.requirement("SEED-NSL-05")),
    pytest.param(0, marks=pytest.mark.requirement("SEED-NSL-06")),
    pytest.param(1, marks=pytest.mark.requirement("SEED-NSL-07")),
]


@pytest.mark.parametrize("ordinal", MEMBERS, ids=lambda ordinal: f"member-{ordinal}")
@KUBELET
def test_nslookup_of_the_service_shows_each_member(
    transcript_set: HeadlessSet, dns: Dns, lookup: Lookup, ordinal: int
) -> None:
    """The lookup MUST show each member's address, with a name that DNS has for that address."""

    def check() -> str:
        own = transcript_set.address(ordinal)
        names = [found for address, *found in shown(lookup("mysql-svc").stdout) if address == own]
        assert len(names) == 1, f"expected {own} once, it is shown {len(names)} times"
        assert len(names[0]) == 1, f"expected one name of {own}, it is shown with {names[0]}"
        return f"{names[0][0]}."

    name = eventually(check, expecting=f"nslookup to show member {ordinal}")
    dns.require(reverse_name(transcript_set.address(ordinal)), "PTR", must_include(name))


@pytest.mark.parametrize("ordinal", MEMBERS, ids=lambda ordinal: f"member-{ordinal}")
def test_a_members_address_has_its_name(transcript_set: HeadlessSet, dns: Dns, ordinal: int) -> None:
    """A member's address MUST be among the Service name's addresses, and MUST have the member's name among its PTR records."""
    own = transcript_set.address(ordinal)
    dns.require(transcript_set.domain, "A", must_include(own))
    dns.require(reverse_name(own), "PTR", must_include(transcript_set.pod_fqdn(ordinal)))


@pytest.mark.requirement("SEED-NSL-08")
@KUBELET
def test_nslookup_of_the_service_shows_exactly_three_addresses(
    transcript_set: HeadlessSet, lookup: Lookup
) -> None:
    """The lookup MUST show exactly three addresses, those of the Ready members, in any order."""

    def check() -> None:
        addresses = [address for address, *_ in shown(lookup("mysql-svc").stdout)]
        assert len(addresses) == transcript_set.replicas, (
            f"expected {transcript_set.replicas} addresses, shown: {addresses}"
        )
        assert sorted(addresses) == sorted(transcript_set.addresses()), (
            f"expected {transcript_set.addresses()}, shown: {addresses}"
        )

    eventually(check, expecting="three addresses, those of the Ready members")


@pytest.mark.requirement("SEED-NSL-08")
def test_twenty_answers_are_one_and_the_same_set(transcript_set: HeadlessSet, dns: Dns) -> None:
    """Every one of 20 answers MUST be the addresses of the three Ready members, whatever their order."""
    addresses = transcript_set.addresses()
    assert len(addresses) == transcript_set.replicas, (
        f"Ready members: {addresses}, expected {transcript_set.replicas}"
    )
    dns.require(transcript_set.domain, "A", must_be(addresses), repeat=REPEATS)


@pytest.mark.requirement("SEED-NSL-09")
@KUBELET
def test_nslookup_finds_a_member_by_its_short_name(transcript_set: HeadlessSet, lookup: Lookup) -> None:
    """In a pod of the namespace, nslookup of member and Service name MUST end with status 0 and show the member's address."""

    def check() -> None:
        ran = lookup("mysql-sts-0.mysql-svc")
        require_found(ran, [transcript_set.address(0)])

    eventually(check, expecting="nslookup to find mysql-sts-0.mysql-svc")


@pytest.mark.requirement("SEED-NSL-10")
@KUBELET
def test_nslookup_of_a_member_shows_its_one_address_with_its_name(
    transcript_set: HeadlessSet, dns: Dns, lookup: Lookup
) -> None:
    """The lookup of a member MUST show its one address under the name that was typed, with a name that DNS has for it."""

    def check() -> str:
        ran = lookup("mysql-sts-0.mysql-svc")
        require_line("Name:      mysql-sts-0.mysql-svc", ran.stdout)
        found = require_line(
            "Address 1: {address} {name}", ran.stdout.partition("Name:")[2], address=transcript_set.address(0)
        )
        assert len(shown(ran.stdout)) == 1, (
            f"expected one address, shown {len(shown(ran.stdout))}\n{ran.transcript()}"
        )
        return f"{found['name']}."

    name = eventually(check, expecting="nslookup to show member 0")
    dns.require(reverse_name(transcript_set.address(0)), "PTR", must_include(name))


@pytest.mark.requirement("SEED-NSL-10")
@ORDINALS
def test_a_members_name_and_address_lead_to_each_other(
    transcript_set: HeadlessSet, dns: Dns, ordinal: int
) -> None:
    """A member's name MUST have its one address; each name of that address MUST lead back to it, one of the set and no more."""
    name, own = transcript_set.pod_fqdn(ordinal), transcript_set.address(ordinal)
    dns.require(name, "A", must_be([own]))

    def check(answer: Answer) -> None:
        of_the_set = [value for value in answer.values() if value.endswith(f".{transcript_set.domain}")]
        assert of_the_set == [name], (
            f"expected {name} and no other name under {transcript_set.domain}, came {answer}"
        )

    seen = dns.require(reverse_name(own), "PTR", check, repeat=REPEATS)
    for other in {value for answer in seen.answers for value in answer.values()} - {name}:
        dns.require(other, "A", must_include(own))


@pytest.mark.requirement("SEED-RUN-01")
@KUBELET
def test_the_new_pod_goes_with_its_shell(transcript_set: HeadlessSet, dns_test: Session) -> None:
    """When the shell ends, kubectl MUST delete the pod and come back; the pod MUST then be gone in its grace period."""
    assert dns_test.status is not None, (
        f"expected kubectl to end with its shell, it did not\n{dns_test.shown}"
    )
    deleted = dns_test.left is None or "deletionTimestamp" in dns_test.left["metadata"]
    assert deleted, f"expected kubectl to delete pod dns-test, it is still there\n{dns_test.shown}"

    def gone() -> None:
        assert find_pod(transcript_set) is None, f"pod dns-test is still there\n{dns_test.shown}"

    eventually(gone, expecting="pod dns-test to be gone", within=GONE_SECONDS)
