"""The document's `dns-test` Pod and its two lookups."""

from __future__ import annotations

import re
from collections.abc import Callable

import allure
import pytest

from headless_conformance.cluster.agent import Agent
from headless_conformance.cluster.dns_answer import Answer
from headless_conformance.cluster.dns_checks import must_be, must_include
from headless_conformance.cluster.dns_client import Dns
from headless_conformance.cluster.dns_exchange import ANSWERS
from headless_conformance.cluster.facts import Facts
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.kube import CommandResult, Kube
from headless_conformance.cluster.transcripts import require_line
from headless_conformance.cluster.waiting import eventually
from headless_conformance.core.mismatch import Where, require, require_count, require_equal, require_items
from headless_conformance.records.names import reverse_name
from suites.headless_service.dns_test_session import HINT, ShellSession, find_pod
from suites.headless_service.parameters import KUBELET, ORDINALS

Lookup = Callable[[str], CommandResult]

SESSION = "kubectl run dns-test"
IN_POD = Where(pod="dns-test")


@pytest.fixture
def lookup(kube: Kube, transcript_set: HeadlessSet, nslookup_pod: str) -> Lookup:
    """`nslookup NAME` with the classic nslookup, in a Pod of the namespace that is not of the set."""

    def run(name: str) -> CommandResult:
        result = kube.execute(transcript_set.namespace, nslookup_pod, "nslookup", name)
        allure.attach(result.transcript(), result.command, allure.attachment_type.TEXT)
        return result

    return run


def address_lines(printed: str) -> list[list[str]]:
    """What nslookup shows for the name: the words of each address line,
    address first, then the names found for it."""
    _, _, found = printed.partition("Name:")
    lines = [line for line in found.splitlines() if line.startswith("Address") and len(line.split()) > 2]
    return [line.split()[2:] for line in lines]


def server_shown(printed: str, facts: Facts) -> str:
    """The server that nslookup shows, where it is one of the cluster's DNS Services, else their first
    address."""
    shown = re.search(r"^Server:\s+(\S+)", printed, re.MULTILINE)
    allowed = facts.dns.addresses
    return shown[1] if shown and shown[1] in allowed else allowed[0]


def addresses_in(printed: str) -> list[str]:
    """The addresses that nslookup shows for the name."""
    return [address for address, *_ in address_lines(printed)]


def require_found(name: str, result: CommandResult, addresses: list[str]) -> None:
    """nslookup ended well and shows these addresses, each once."""
    result.require_success(f"nslookup {name}")
    require_items(
        f"nslookup {name}: addresses", addresses_in(result.stdout), addresses, details=result.transcript()
    )


@pytest.mark.requirement("SEED-RUN-01")
@KUBELET
def test_kubectl_run_opens_a_shell_in_a_new_pod(bare_session: ShellSession) -> None:
    """`kubectl run dns-test -ti --rm` MUST create one Pod of that name,
    which nothing else owns, and open a shell in it."""
    pod, shown = bare_session.pod or {}, bare_session.shown
    require(bool(pod), "Pod dns-test", expected="present", observed=None, details=shown)
    owners = pod["metadata"].get("ownerReferences", [])
    require_equal("Pod dns-test .metadata.ownerReferences", owners, [])
    subject = f"{SESSION}: prompt"
    require(bare_session.reached_prompt, subject, expected="present", observed=None, details=shown)


@pytest.mark.requirement("SEED-RUN-02")
@KUBELET
def test_kubectl_run_says_how_to_get_a_prompt(bare_session: ShellSession) -> None:
    """`kubectl run -ti` MAY say once what to do where no prompt is to be seen."""
    require_line(f"{SESSION}: hint", HINT, bare_session.shown)


@pytest.mark.requirement("SEED-RUN-03")
@KUBELET
@ORDINALS
def test_a_new_pod_resolves_every_pod_of_the_set(
    transcript_set: HeadlessSet, agent: Agent, ordinal: int
) -> None:
    """A Pod that came after the Service and is not of the set MUST resolve the names of its Pods."""
    name = f"{transcript_set.pod_name(ordinal)}.{transcript_set.service_name}"
    agent.require(name, [transcript_set.pod_ip(ordinal)])


@pytest.mark.requirement("SEED-RUN-03")
@KUBELET
@pytest.mark.longest
@pytest.mark.parametrize("name", ["mysql-svc", "mysql-sts-0.mysql-svc"])
def test_the_documented_lookups_succeed_in_its_own_shell(
    transcript_set: HeadlessSet, dns_test: ShellSession, name: str
) -> None:
    """Both of the document's lookups, typed in the shell of its new Pod, MUST show the Pods' addresses."""
    is_service = name == transcript_set.service_name
    wanted = transcript_set.ready_ips() if is_service else [transcript_set.pod_ip(0)]
    addresses = addresses_in(dns_test.lookups.get(name, ""))
    require_items(f"nslookup {name}: addresses", addresses, wanted, where=IN_POD, details=dns_test.shown)


@pytest.mark.requirement("SEED-NSL-01")
@KUBELET
def test_nslookup_finds_the_service_by_its_bare_name(transcript_set: HeadlessSet, lookup: Lookup) -> None:
    """In a Pod of the namespace,
    nslookup of the bare Service name MUST end with status 0 and show the Pods' addresses."""

    def check() -> None:
        result = lookup("mysql-svc")
        require_found("mysql-svc", result, transcript_set.ready_ips())

    eventually(check, expecting="nslookup to find mysql-svc")


@pytest.mark.requirement("SEED-NSL-02")
@KUBELET
def test_nslookup_asks_the_dns_service(facts: Facts, lookup: Lookup) -> None:
    """A Pod's lookups MUST go to the cluster IP of the DNS Service."""
    line, printed = "Server:    {dns_address}", lookup("mysql-svc").stdout
    require_line("nslookup mysql-svc: server", line, printed, dns_address=server_shown(printed, facts))


@pytest.mark.requirement("SEED-NSL-03")
@KUBELET
def test_nslookup_shows_the_fqdn_of_the_dns_service(facts: Facts, lookup: Lookup) -> None:
    """The DNS Service's address MUST be shown with the DNS Service's FQDN."""
    line, printed = "Address 1: {dns_address} {dns_name}", lookup("mysql-svc").stdout
    address = server_shown(printed, facts)
    names = {"dns_address": address, "dns_name": facts.dns.service_fqdn(address, facts.domain).rstrip(".")}
    require_line("nslookup mysql-svc: address of server", line, printed, **names)


@pytest.mark.requirement("SEED-NSL-03")
def test_the_ptr_record_of_the_dns_service_is_its_fqdn(facts: Facts, dns: Dns, answers: int) -> None:
    """The PTR record of each DNS Service's address MUST be exactly that Service's FQDN."""
    for address in facts.dns.addresses:
        name = facts.dns.service_fqdn(address, facts.domain)
        dns.require(reverse_name(address), "PTR", must_be([name]), often=answers)


@pytest.mark.requirement("SEED-NSL-04")
@KUBELET
def test_nslookup_shows_the_name_that_was_asked_for(lookup: Lookup) -> None:
    """The classic nslookup MAY be expected to show the name as it was typed."""
    require_line("nslookup mysql-svc: name", "Name:      mysql-svc", lookup("mysql-svc").stdout)


SHOWN_PODS = [
    pytest.param(2, marks=pytest.mark.requirement("SEED-NSL-05")),
    pytest.param(0, marks=pytest.mark.requirement("SEED-NSL-06")),
    pytest.param(1, marks=pytest.mark.requirement("SEED-NSL-07")),
]


@pytest.mark.parametrize("ordinal", SHOWN_PODS, ids=lambda ordinal: f"pod-{ordinal}")
@KUBELET
def test_nslookup_of_the_service_shows_each_pod(
    transcript_set: HeadlessSet, dns: Dns, lookup: Lookup, ordinal: int
) -> None:
    """The lookup MUST show each Pod's address, with a name that DNS has for that address."""

    def check() -> str:
        own, printed = transcript_set.pod_ip(ordinal), lookup("mysql-svc").stdout
        lines = [found for found in address_lines(printed) if found[0] == own]
        require_count(f"nslookup mysql-svc: lines of Pod {ordinal}", lines, 1, details=printed)
        names = lines[0][1:]
        require_count(f"nslookup mysql-svc: names of Pod {ordinal}", names, 1, details=printed)
        return f"{names[0]}."

    name = eventually(check, expecting=f"nslookup to show Pod {ordinal}")
    dns.require(reverse_name(transcript_set.pod_ip(ordinal)), "PTR", must_include(name))


@pytest.mark.parametrize("ordinal", SHOWN_PODS, ids=lambda ordinal: f"pod-{ordinal}")
def test_the_address_of_each_pod_has_its_fqdn(transcript_set: HeadlessSet, dns: Dns, ordinal: int) -> None:
    """A Pod's address MUST be among the Service FQDN's addresses,
    and MUST have the Pod FQDN among its PTR records."""
    own = transcript_set.pod_ip(ordinal)
    dns.require(transcript_set.service_fqdn, "A", must_include(own))
    dns.require(reverse_name(own), "PTR", must_include(transcript_set.pod_fqdn(ordinal)))


@pytest.mark.requirement("SEED-NSL-08")
@KUBELET
def test_nslookup_of_the_service_shows_exactly_three_addresses(
    transcript_set: HeadlessSet, lookup: Lookup
) -> None:
    """The lookup MUST show exactly three addresses, those of the Ready Pods, in any order."""

    def check() -> None:
        printed = lookup("mysql-svc").stdout
        addresses, subject = addresses_in(printed), "nslookup mysql-svc: addresses"
        require_count(subject, addresses, transcript_set.replicas, details=printed)
        require_items(subject, addresses, transcript_set.ready_ips(), details=printed)

    eventually(check, expecting="three addresses, those of the Ready Pods")


@pytest.mark.requirement("SEED-NSL-08")
def test_every_answer_is_one_and_the_same_set(transcript_set: HeadlessSet, dns: Dns) -> None:
    """Every answer MUST be the addresses of the three Ready Pods, whatever their order, however often, from
    wherever and in whichever form DNS is asked."""
    addresses = transcript_set.ready_ips()
    require_count(f"{transcript_set.statefulset_subject}: Ready Pods", addresses, transcript_set.replicas)
    dns.require(transcript_set.service_fqdn, "A", must_be(addresses), often=ANSWERS)


@pytest.mark.requirement("SEED-NSL-09")
@KUBELET
def test_nslookup_finds_a_pod_by_its_short_name(transcript_set: HeadlessSet, lookup: Lookup) -> None:
    """In a Pod of the namespace,
    nslookup of a Pod's short name MUST end with status 0 and show the Pod's address."""

    def check() -> None:
        result = lookup("mysql-sts-0.mysql-svc")
        require_found("mysql-sts-0.mysql-svc", result, [transcript_set.pod_ip(0)])

    eventually(check, expecting="nslookup to find mysql-sts-0.mysql-svc")


@pytest.mark.requirement("SEED-NSL-10")
@KUBELET
def test_nslookup_of_a_pod_shows_its_one_address_with_its_name(
    transcript_set: HeadlessSet, dns: Dns, lookup: Lookup
) -> None:
    """The lookup of a Pod MUST show its one address under the name that was typed,
    with a name that DNS has for it."""
    subject = "nslookup mysql-sts-0.mysql-svc"

    def check() -> str:
        printed = lookup("mysql-sts-0.mysql-svc").stdout
        require_line(f"{subject}: name", "Name:      mysql-sts-0.mysql-svc", printed)
        _, _, below = printed.partition("Name:")
        line, own = "Address 1: {address} {name}", transcript_set.pod_ip(0)
        found = require_line(f"{subject}: address", line, below, address=own)
        require_count(f"{subject}: addresses", addresses_in(printed), 1, details=printed)
        return f"{found['name']}."

    name = eventually(check, expecting="nslookup to show Pod 0")
    dns.require(reverse_name(transcript_set.pod_ip(0)), "PTR", must_include(name))


@pytest.mark.requirement("SEED-NSL-10")
@ORDINALS
def test_a_pods_fqdn_and_address_lead_to_each_other(
    transcript_set: HeadlessSet, dns: Dns, ordinal: int
) -> None:
    """A Pod FQDN MUST have its one address; each name of that address MUST lead back to it,
    one of the set and no more."""
    name, own = transcript_set.pod_fqdn(ordinal), transcript_set.pod_ip(ordinal)
    dns.require(name, "A", must_be([own]))

    def check(answer: Answer) -> None:
        domain = transcript_set.service_fqdn
        of_the_set = [value for value in answer.values() if value.endswith(f".{domain}")]
        right = set(of_the_set) <= {name} if answer.cut else of_the_set == [name]
        answer.require(right, f"{{{name}}} below {domain}")

    convergence = dns.require(reverse_name(own), "PTR", check)
    for other in {value for answer in convergence.answers for value in answer.values()} - {name}:
        dns.require(other, "A", must_include(own))


@pytest.mark.requirement("SEED-RUN-01")
@KUBELET
@pytest.mark.longest
def test_the_new_pod_goes_with_its_shell(
    kube: Kube, bare_session_namespace: str, bare_session: ShellSession
) -> None:
    """When the shell ends, kubectl MUST delete the Pod and come back;
    the Pod MUST then be gone in its grace period."""
    ended, shown = bare_session.status is not None, bare_session.shown
    require(ended, f"{SESSION}: exit status", expected="present", observed=None, details=shown)
    deleted = bare_session.left is None or "deletionTimestamp" in bare_session.left["metadata"]
    subject = "Pod dns-test"
    require(deleted, subject, expected="absent", observed="present", details=shown)

    def gone() -> None:
        found = find_pod(kube, bare_session_namespace)
        require(found is None, subject, expected="absent", observed="present", details=shown)

    eventually(gone, expecting="Pod dns-test to be gone", within=bare_session.gone_within)
