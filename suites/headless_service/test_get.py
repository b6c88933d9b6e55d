"""The document's `kubectl get svc`: what it prints about the headless Service, beside an ordinary one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import allure
import pytest

from headless_conformance.cluster.facts import Facts
from headless_conformance.cluster.headless_set import HeadlessSet
from headless_conformance.cluster.kube import CommandResult, Kube
from headless_conformance.cluster.transcripts import first_line, parse_table
from headless_conformance.core.mismatch import require, require_count, require_equal

COLUMNS = ["NAME", "TYPE", "CLUSTER-IP", "EXTERNAL-IP", "PORT(S)", "AGE"]


@pytest.fixture(scope="module")
def listing(transcript_set: HeadlessSet) -> CommandResult:
    """`kubectl get svc` in the documented namespace."""
    return get_services(transcript_set.kube, transcript_set.namespace)


def get_services(kube: Kube, namespace: str) -> CommandResult:
    """`kubectl get svc` in a namespace."""
    result = kube.kubectl("get", "svc", namespace=namespace)
    allure.attach(result.transcript(), result.command, allure.attachment_type.TEXT)
    return result


def require_columns(result: CommandResult, service: str, wanted: Mapping[str, str]) -> None:
    """The list has one row for a Service, with these values."""
    subject, printed = result.command, result.transcript()
    result.require_success()
    rows = [found for found in parse_table(subject, result.stdout) if found["NAME"] == service]
    require_count(f"{subject}: rows of {service}", rows, 1, details=printed)
    for column, value in wanted.items():
        require_equal(f"{subject}: {column} of {service}", rows[0].get(column), value, details=printed)


@pytest.mark.requirement("SEED-GET-01")
def test_services_are_listed_in_six_columns(listing: CommandResult) -> None:
    """The list MUST have the columns name, type, cluster IP, external IP, ports and age, in this order."""
    columns = first_line(listing.stdout).split()
    require_equal(f"{listing.command}: columns", columns, COLUMNS, details=listing.transcript())


@pytest.mark.requirement("SEED-GET-02")
def test_the_api_servers_service_has_the_first_address_of_the_range(kube: Kube, facts: Facts) -> None:
    """The Service `kubernetes` MUST be of type ClusterIP,
    with the range's first address, port 443/TCP, nothing external."""
    first = str(next(facts.service_cidrs[0].hosts()))
    wanted = {"TYPE": "ClusterIP", "CLUSTER-IP": first, "EXTERNAL-IP": "<none>", "PORT(S)": "443/TCP"}
    require_columns(get_services(kube, "default"), "kubernetes", wanted)


@pytest.mark.requirement("SEED-GET-03")
def test_the_headless_service_is_listed_as_documented(
    listing: CommandResult, transcript_set: HeadlessSet
) -> None:
    """A headless Service MUST be listed as ClusterIP,
    with no external address and its port without a node port."""
    wanted = {"TYPE": "ClusterIP", "CLUSTER-IP": "None", "EXTERNAL-IP": "<none>", "PORT(S)": "3306/TCP"}
    require_columns(listing, transcript_set.service_name, wanted)


@pytest.mark.requirement("SEED-GET-04")
def test_the_cluster_ip_column_is_none(
    listing: CommandResult, kube: Kube, transcript_set: HeadlessSet
) -> None:
    """The CLUSTER-IP column of a headless Service MUST read None, and that of an ordinary one its address."""
    require_columns(listing, transcript_set.service_name, {"CLUSTER-IP": "None"})
    ordinary = kube.get("Service", "default", "kubernetes")["spec"]["clusterIP"]
    require_columns(get_services(kube, "default"), "kubernetes", {"CLUSTER-IP": ordinary})


@pytest.mark.requirement("SEED-GET-05")
def test_the_headless_service_is_younger_than_the_cluster(kube: Kube, transcript_set: HeadlessSet) -> None:
    """A Service that was applied later MAY be expected to be younger than the API server's own."""
    old, young = kube.get("Service", "default", "kubernetes"), transcript_set.get_service()
    before, after = (item["metadata"]["creationTimestamp"] for item in (old, young))
    require(
        datetime.fromisoformat(before) < datetime.fromisoformat(after),
        f"{transcript_set.service_subject} .metadata.creationTimestamp",
        expected=f"later than {before}",
        observed=after,
        where=transcript_set.where,
    )
