"""The document's `dns-test` pod and its two lookups."""

from __future__ import annotations

from collections.abc import Callable

import allure
import pytest

from fixtures.dns import Answer, Dns, must_be, must_not_exist, reverse_name
from fixtures.facts import Facts
from fixtures.headless import HeadlessSet, address
from fixtures.kube import Kube
from fixtures.providers import Capability
from fixtures.transcripts import require_line, require_transcript
from fixtures.waiting import eventually

KUBELET = pytest.mark.needs(Capability.KUBELET)

LOOKUP_OF_THE_SERVICE = """\
Server:    {dns_address}
Address 1: {dns_address} {dns_name}

Name:      mysql-svc
Address 1: {address_1} {name_1}
Address 2: {address_2} {name_2}
Address 3: {address_3} {name_3}
"""
LOOKUP_OF_A_MEMBER = """\
Server:    {dns_address}
Address 1: {dns_address} {dns_name}

Name:      mysql-sts-0.mysql-svc
Address 1: {address} {member}
"""

Lookup = Callable[[str], str]


@pytest.fixture
def lookup(kube: Kube, documented: HeadlessSet, nslookup_pod: str) -> Lookup:
    """`nslookup NAME` with the classic nslookup, in a pod of the documented namespace that is no member."""

    def run(name: str) -> str:
        ran = kube.execute(documented.namespace, nslookup_pod, "nslookup", name)
        allure.attach(ran.transcript(), name=ran.command, attachment_type=allure.attachment_type.TEXT)
        assert ran.status == 0, ran.transcript()
        return ran.stdout

    return run


def full_name(documented: HeadlessSet, ordinal: int) -> str:
    """A member's DNS name as nslookup prints it."""
    return documented.member_name(ordinal).rstrip(".")


@pytest.mark.claim("SEED-NSL-01")
@KUBELET
def test_nslookup_of_the_service_prints_the_transcript(documented: HeadlessSet, facts: Facts, lookup: Lookup) -> None:
    """In a pod of the namespace, nslookup of the bare Service name MUST succeed and print what the document shows."""

    def check() -> None:
        known = {"dns_address": facts.dns_address, "dns_name": facts.dns_service_name.rstrip(".")}
        found = require_transcript(LOOKUP_OF_THE_SERVICE, lookup("mysql-svc"), **known)
        assert sorted(found[f"address_{line}"] for line in (1, 2, 3)) == sorted(documented.addresses())

    eventually(check, expecting="the documented transcript of `nslookup mysql-svc`")


@pytest.mark.claim("SEED-NSL-02")
@KUBELET
def test_nslookup_asks_the_clusters_dns_service(facts: Facts, lookup: Lookup) -> None:
    """A pod's lookups MUST go to the cluster IP of the DNS Service."""
    require_line("Server:    {dns_address}", lookup("mysql-svc"), dns_address=facts.dns_address)


@pytest.mark.claim("SEED-NSL-03")
@KUBELET
def test_nslookup_shows_the_dns_services_name(facts: Facts, lookup: Lookup) -> None:
    """The DNS Service's address MUST be shown with the DNS Service's name."""
    line = "Address 1: {dns_address} {dns_name}"
    require_line(line, lookup("mysql-svc"), dns_address=facts.dns_address, dns_name=facts.dns_service_name.rstrip("."))


@pytest.mark.claim("SEED-NSL-03")
def test_the_dns_services_address_has_its_name(facts: Facts, dns: Dns) -> None:
    """The PTR record of the DNS Service's address MUST be exactly the DNS Service's name."""
    dns.require(reverse_name(facts.dns_address), "PTR", must_be([facts.dns_service_name]))


@pytest.mark.claim("SEED-NSL-04")
@KUBELET
def test_nslookup_shows_the_name_that_was_asked_for(lookup: Lookup) -> None:
    """The classic nslookup MAY be expected to show the name as it was typed."""
    require_line("Name:      mysql-svc", lookup("mysql-svc"))


MEMBERS = [
    pytest.param(2, marks=pytest.mark.claim("SEED-NSL-05")),
    pytest.param(0, marks=pytest.mark.claim("SEED-NSL-06")),
    pytest.param(1, marks=pytest.mark.claim("SEED-NSL-07")),
]


def must_include(name: str) -> Callable[[Answer], None]:
    """NOERROR, and this name is among the records: every Service that selects a pod gives its address one more."""

    def check(answer: Answer) -> None:
        assert answer.rcode == "NOERROR", f"expected {name}, came {answer}"
        assert name in answer.values(), f"expected {name}, came {answer}"

    return check


@pytest.mark.parametrize("ordinal", MEMBERS, ids=lambda ordinal: f"member-{ordinal}")
@KUBELET
def test_nslookup_of_the_service_shows_each_member(documented: HeadlessSet, dns: Dns, lookup: Lookup, ordinal: int) -> None:
    """The lookup MUST show each member's address, with a name that DNS has for that address."""

    def check() -> str:
        own = address(documented.pod(ordinal))
        shown = [line.split()[2:] for line in lookup("mysql-svc").splitlines() if line.startswith("Address")]
        names = [words[1:] for words in shown if words[0] == own]
        assert len(names) == 1, f"{own} is shown {len(names)} times"
        assert len(names[0]) == 1, f"{own} is shown with the names {names[0]}"
        return f"{names[0][0]}."

    name = eventually(check, expecting=f"nslookup to show member {ordinal}")
    dns.require(reverse_name(address(documented.pod(ordinal))), "PTR", must_include(name))


@pytest.mark.parametrize("ordinal", MEMBERS, ids=lambda ordinal: f"member-{ordinal}")
def test_a_members_address_has_its_name(documented: HeadlessSet, dns: Dns, ordinal: int) -> None:
    """A member's address MUST be among the Service name's addresses, and MUST have the member's name among its PTR records."""
    own = address(documented.pod(ordinal))
    dns.require(documented.domain, "A", must_include(own))
    dns.require(reverse_name(own), "PTR", must_include(documented.member_name(ordinal)))


@pytest.mark.claim("SEED-NSL-08")
@KUBELET
def test_nslookup_of_the_service_shows_exactly_three_addresses(documented: HeadlessSet, lookup: Lookup) -> None:
    """The lookup MUST show exactly three addresses, those of the Ready members, in any order."""

    def check() -> None:
        _, _, shown = lookup("mysql-svc").partition("Name:")
        addresses = [line.split()[2] for line in shown.splitlines() if line.startswith("Address")]
        assert len(addresses) == documented.replicas, f"shown: {addresses}"
        assert sorted(addresses) == sorted(documented.addresses())

    eventually(check, expecting="three addresses, those of the Ready members")


@pytest.mark.claim("SEED-NSL-08")
def test_twenty_answers_are_one_and_the_same_set(documented: HeadlessSet, dns: Dns) -> None:
    """Every one of 20 answers MUST be the addresses of the three Ready members, whatever their order."""
    addresses = documented.addresses()
    assert len(addresses) == documented.replicas, f"Ready members: {addresses}"
    dns.require(documented.domain, "A", must_be(addresses), repeat=20)


@pytest.mark.claim("SEED-NSL-09")
@KUBELET
def test_nslookup_of_a_member_prints_the_transcript(documented: HeadlessSet, facts: Facts, lookup: Lookup) -> None:
    """In a pod of the namespace, nslookup of member and Service name MUST succeed and print what the document shows."""

    def check() -> None:
        require_transcript(
            LOOKUP_OF_A_MEMBER,
            lookup("mysql-sts-0.mysql-svc"),
            dns_address=facts.dns_address,
            dns_name=facts.dns_service_name.rstrip("."),
        )

    eventually(check, expecting="the documented transcript of `nslookup mysql-sts-0.mysql-svc`")


@pytest.mark.claim("SEED-NSL-10")
@KUBELET
def test_nslookup_of_a_member_shows_its_one_address(documented: HeadlessSet, lookup: Lookup) -> None:
    """The lookup of a member MUST show its one address under the name that was typed."""

    def check() -> None:
        printed = lookup("mysql-sts-0.mysql-svc")
        require_line("Name:      mysql-sts-0.mysql-svc", printed)
        _, _, shown = printed.partition("Name:")
        addresses = [line.split()[2] for line in shown.splitlines() if line.startswith("Address")]
        assert addresses == [address(documented.pod(0))]

    eventually(check, expecting="the one address of member 0")


@pytest.mark.claim("SEED-NSL-10")
@pytest.mark.parametrize("ordinal", range(3))
def test_a_members_name_and_address_lead_to_each_other(documented: HeadlessSet, dns: Dns, ordinal: int) -> None:
    """A member's name MUST have its one address, that address MUST have the name, and no other name of the set."""
    name, own = documented.member_name(ordinal), address(documented.pod(ordinal))
    dns.require(name, "A", must_be([own]))

    def check(answer: Answer) -> None:
        of_the_set = [value for value in answer.values() if value.endswith(f".{documented.domain}")]
        assert of_the_set == [name], f"expected {name} and no other name under {documented.domain}, came {answer}"

    dns.require(reverse_name(own), "PTR", check)


@pytest.mark.claim("SEED-NSL-09")
@pytest.mark.parametrize("name", ["mysql-0.mysql-svc", "mysql-sts-0.db"])
def test_a_member_of_another_set_has_no_name_here(documented: HeadlessSet, prose: HeadlessSet, dns: Dns, name: str) -> None:
    """A member's name MUST exist below its own Service only, even where another set's Service is in the namespace."""
    assert prose.namespace == documented.namespace
    dns.require(f"{name}.{documented.namespace}.svc.{documented.facts.domain}.", "A", must_not_exist)
