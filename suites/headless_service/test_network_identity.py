"""Stable network identity: hostnames, the Service's domain, the members' names below it, and who may shorten them."""

from __future__ import annotations

import re

import pytest

from fixtures.agent import Agent
from fixtures.dns import Dns, must_be, must_not_exist
from fixtures.facts import Facts
from fixtures.headless import HeadlessSet, address
from fixtures.providers import Capability
from fixtures.waiting import eventually

KUBELET = pytest.mark.needs(Capability.KUBELET)
ORDINALS = pytest.mark.parametrize("ordinal", range(3))

UNRESOLVED = ("EAI_NONAME", "EAI_NODATA")
"""What the C library says of a name that is not there; which of the two depends on the answers along the search list."""

SERVICE_FORMS = ["{service}", "{service}.{namespace}", "{service}.{namespace}.svc", "{service}.{namespace}.svc.{domain}"]


def written(form: str, of: HeadlessSet) -> str:
    """A name's form with the set's own words."""
    return form.format(service=of.service, namespace=of.namespace, domain=of.facts.domain)


@pytest.mark.claim("SEED-NID-01")
def test_members_are_named_by_set_and_ordinal(either: HeadlessSet) -> None:
    """Each of the N members MUST be named after the StatefulSet and its ordinal, 0 to N-1, and have that hostname."""
    names = [(pod["metadata"]["name"], pod["spec"]["hostname"]) for pod in either.pods()]
    assert names == [(either.member(ordinal), either.member(ordinal)) for ordinal in either.ordinals]


@pytest.mark.claim("SEED-NID-01")
@KUBELET
@ORDINALS
def test_a_member_calls_itself_by_that_name(either: HeadlessSet, ordinal: int) -> None:
    """The hostname inside a member MUST be its short name."""
    ran = either.kube.execute(either.namespace, either.member(ordinal), "uname", "-n")
    assert ran.stdout.strip() == either.member(ordinal), ran.transcript()


@pytest.mark.claim("SEED-NID-02")
@KUBELET
def test_pods_ask_the_clusters_dns_service(agent: Agent, facts: Facts) -> None:
    """A pod's resolver MUST be given the cluster IP of the DNS Service, and no other server."""
    configuration = agent.read("/etc/resolv.conf")
    assert re.findall(r"^nameserver\s+(\S+)", configuration, re.MULTILINE) == [facts.dns_address], configuration


@pytest.mark.claim("SEED-NID-02")
def test_the_dns_servers_know_the_service(either: HeadlessSet, dns: Dns) -> None:
    """Every DNS server of the cluster MUST answer for the Service's name."""
    dns.require(either.domain, "A", must_be(either.addresses()))


@pytest.mark.claim("SEED-NID-03")
def test_the_services_name_has_the_ready_members_addresses(documented: HeadlessSet, dns: Dns) -> None:
    """The name made of Service, namespace, `svc` and cluster domain MUST have the addresses of the Ready members, no other."""
    dns.require(documented.domain, "A", must_be(documented.addresses()))


@pytest.mark.claim("SEED-NID-03")
def test_the_same_name_in_another_namespace_is_another_service(prose: HeadlessSet, stubs: HeadlessSet, dns: Dns) -> None:
    """Services of one name in two namespaces MUST have two names, each with its own members' addresses only."""
    assert not set(prose.addresses()) & set(stubs.addresses())
    for own in (prose, stubs):
        dns.require(own.domain, "A", must_be(own.addresses()))


@pytest.mark.claim("SEED-NID-04")
def test_the_example_name_of_the_service_resolves(prose: HeadlessSet, facts: Facts, dns: Dns) -> None:
    """Service `db` MUST have its members' addresses under the document's example name, in the namespace and domain given."""
    dns.require(f"db.{prose.namespace}.svc.{facts.domain}.", "A", must_be(prose.addresses()))


@pytest.mark.claim("SEED-NID-05")
@ORDINALS
def test_each_member_has_a_name_of_its_own(documented: HeadlessSet, dns: Dns, ordinal: int) -> None:
    """Each member MUST have exactly its own address under its name below the Service's name."""
    dns.require(documented.member_name(ordinal), "A", must_be([address(documented.pod(ordinal))]))


@pytest.mark.claim("SEED-NID-05")
def test_an_ordinal_that_is_not_there_has_no_name(either: HeadlessSet, dns: Dns) -> None:
    """The name of the member after the last one MUST NOT exist."""
    dns.require(either.member_name(either.replicas), "A", must_not_exist)


@pytest.mark.claim("SEED-NID-06")
@ORDINALS
def test_the_example_name_of_a_member_resolves(prose: HeadlessSet, facts: Facts, dns: Dns, ordinal: int) -> None:
    """StatefulSet `mysql` behind Service `db` MUST have its members under the document's example names."""
    name = f"mysql-{ordinal}.db.{prose.namespace}.svc.{facts.domain}."
    dns.require(name, "A", must_be([address(prose.pod(ordinal))]))


@pytest.mark.claim("SEED-NID-08")
@pytest.mark.needs(Capability.KUBELET, Capability.SQL)
@ORDINALS
def test_each_member_reaches_every_member_by_name(documented: HeadlessSet, ordinal: int) -> None:
    """From each member, the database of every member, its own included, MUST answer under the member's name."""
    script = (
        'for host in "$@"; do MYSQL_PWD="$MYSQL_ROOT_PASSWORD" mysql --host="$host" --port=3306 --user=root'
        " --connect-timeout=5 --batch --skip-column-names --execute='SELECT @@hostname' || exit; done"
    )
    members = [documented.member(other) for other in documented.ordinals]
    hosts = [f"{member}.{documented.service}" for member in members]
    ran = documented.kube.execute(documented.namespace, documented.member(ordinal), "sh", "-c", script, "sh", *hosts)
    assert ran.stdout.split() == members, ran.transcript()


@pytest.mark.claim("SEED-NID-09")
@KUBELET
@pytest.mark.parametrize("form", SERVICE_FORMS)
def test_the_services_name_may_be_shortened_in_its_namespace(either: HeadlessSet, agent: Agent, form: str) -> None:
    """In the Service's namespace, each shortened form of its name MUST resolve to what its full name resolves to."""
    name = written(form, either)

    def check() -> None:
        assert agent.resolve(name) == frozenset(either.addresses()), f"what the C library finds for {name}"

    eventually(check, expecting=f"{name} to resolve in namespace {agent.namespace}")


@pytest.mark.claim("SEED-NID-09")
@KUBELET
@ORDINALS
@pytest.mark.parametrize("form", SERVICE_FORMS)
def test_a_members_name_may_be_shortened_in_its_namespace(either: HeadlessSet, agent: Agent, form: str, ordinal: int) -> None:
    """In the Service's namespace, each shortened form of a member's name MUST resolve to the member's address."""
    name = f"{either.member(ordinal)}.{written(form, either)}"

    def check() -> None:
        assert agent.resolve(name) == frozenset([address(either.pod(ordinal))]), f"what the C library finds for {name}"

    eventually(check, expecting=f"{name} to resolve in namespace {agent.namespace}")


@pytest.mark.claim("SEED-NID-09")
@KUBELET
def test_pods_search_their_own_namespace_first(agent: Agent, facts: Facts) -> None:
    """A pod's search list MUST start with its namespace, `svc` and the cluster domain, and short names MUST be searched first."""
    configuration = agent.read("/etc/resolv.conf")
    (searched,) = re.findall(r"^search\s+(.*)$", configuration, re.MULTILINE)
    wanted = [f"{agent.namespace}.svc.{facts.domain}", f"svc.{facts.domain}", facts.domain]
    assert searched.split()[:3] == wanted, configuration
    assert re.search(r"^options\b.*\bndots:5\b", configuration, re.MULTILINE), configuration


@pytest.mark.claim("SEED-NID-10")
@KUBELET
@pytest.mark.parametrize("name", ["mysql-svc", "mysql-sts-0.mysql-svc"])
def test_short_names_do_not_reach_into_another_namespace(documented: HeadlessSet, agent_elsewhere: Agent, name: str) -> None:
    """In another namespace, without a Service of that name, the short names MUST NOT resolve."""
    assert agent_elsewhere.resolve(name) in UNRESOLVED, f"{name} in namespace {agent_elsewhere.namespace}"


@pytest.mark.claim("SEED-NID-10")
@KUBELET
@pytest.mark.parametrize("form", SERVICE_FORMS[1:])
def test_another_namespace_must_say_which_one_it_means(documented: HeadlessSet, agent_elsewhere: Agent, form: str) -> None:
    """In another namespace, names that say the Service's namespace MUST resolve as they do in the Service's own."""
    name = written(form, documented)

    def check() -> None:
        assert agent_elsewhere.resolve(name) == frozenset(documented.addresses()), name
        assert agent_elsewhere.resolve(f"mysql-sts-0.{name}") == frozenset([address(documented.pod(0))]), f"mysql-sts-0.{name}"

    eventually(check, expecting=f"{name} to resolve in namespace {agent_elsewhere.namespace}")
