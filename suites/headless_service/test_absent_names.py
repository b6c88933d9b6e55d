"""Names and types that must not exist: beside the members, and for how long their absence may be kept."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from headless_conformance.cluster.absent_names import names_of_no_member
from headless_conformance.cluster.change import must_not_mention
from headless_conformance.cluster.dns_answer import Answer
from headless_conformance.cluster.dns_checks import must_be_nxdomain, require_soa
from headless_conformance.cluster.dns_client import Dns
from headless_conformance.cluster.dns_exchange import ANSWERS
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.pods import is_pod_ready, pod_ip
from headless_conformance.cluster.waiting import DNS_DELAY
from headless_conformance.core.errors import not_supported
from headless_conformance.core.mismatch import PermanentFailure
from headless_conformance.records.names import reverse_name
from suites.headless_service.parameters import KUBELET

DENIED_TYPES = ("A", "AAAA", "SRV", "TXT", "CNAME", "MX")
"""Those of which a name has some and lacks the others."""


@pytest.mark.requirement("SEED-NID-05")
def test_no_name_exists_beside_those_of_the_pods(
    each_set: HeadlessSet, dns: Dns, denials_are_kept: Callable[[str], bool]
) -> None:
    """Below the Service FQDN, a name of any other ordinal, spelling or Pod, and any name below a Pod FQDN,
    MUST NOT exist."""
    names = names_of_no_member(each_set)
    if not each_set.may_ask_for_absent(names[0], denials_are_kept):
        not_supported("a denial that a DNS server keeps would hide the member that comes next")
    # Together they are asked often.
    dns.require_absent(*names, often=math.ceil(ANSWERS / len(names)))


@pytest.mark.requirement("SEED-NSL-10")
@KUBELET
def test_the_address_of_a_pod_that_is_no_member_has_no_name_of_the_set(
    transcript_set: HeadlessSet, dns: Dns
) -> None:
    """The address of a Pod that is not of the set MUST NOT have the name of a Pod of the set, or of its
    Service."""
    pods = filter(is_pod_ready, transcript_set.kube.list("Pod", transcript_set.namespace))
    members = {pod["metadata"]["name"] for pod in transcript_set.get_pods()}
    others = [pod_ip(pod) for pod in pods if pod["metadata"]["name"] not in members]
    own = [transcript_set.service_fqdn, *map(transcript_set.pod_fqdn, transcript_set.ordinals)]
    dns.require_each({(reverse_name(address), "PTR"): must_not_mention(*own) for address in others})


@pytest.mark.requirement("SEED-DSC-11")
def test_no_other_port_is_found_by_srv(transcript_set: HeadlessSet, dns: Dns) -> None:
    """The SRV names of other protocols, of the port's number and of other ports MUST NOT exist."""
    others = (("mysql", "sctp"), ("3306", "tcp"), ("mysqlx", "tcp"), ("mysql-svc", "tcp"))
    names = [transcript_set.port_fqdn(port, protocol) for port, protocol in others]
    dns.require_each({(name, "SRV"): must_be_nxdomain for name in names})


def must_not_be_kept_long(answer: Answer) -> None:
    """A denial has the one SOA record that limits for how long it may be kept (RFC 2308, 5), to the
    documented delay."""
    if answer.rcode == "NOERROR" and answer.rrsets():
        return
    answer.require(answer.rcode in ("NOERROR", "NXDOMAIN"), "NXDOMAIN or NODATA")
    limits = [min(rrset.ttl, rdata.minimum) for rrset in answer.rrsets("authority") for rdata in rrset]
    require_soa(answer, len(limits) == 1)
    if limits[0] > DNS_DELAY:
        text = f"negative TTL at most {DNS_DELAY:.0f}", f"negative TTL {limits[0]}"
        raise PermanentFailure(answer.mismatch(*text).observation)


@pytest.mark.requirement("SEED-NID-07")
def test_no_absence_of_any_type_may_be_kept_longer_than_the_documented_delay(
    each_set: HeadlessSet, dns: Dns
) -> None:
    """Whatever type a name of the set lacks, and of whatever type a name that does not exist is asked for,
    the answer SHOULD NOT be kept longer than 60 s."""
    names = [each_set.service_fqdn, *map(each_set.pod_fqdn, (*each_set.ordinals, each_set.next_ordinal))]
    names += [each_set.port_fqdn("mysql"), each_set.port_fqdn("mysql", "udp")]
    dns.require_each({(name, rdtype): must_not_be_kept_long for name in names for rdtype in DENIED_TYPES})
