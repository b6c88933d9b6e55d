"""What is concluded from how a cluster is configured. No cluster: the API's answers are given."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast
from unittest.mock import Mock

import pytest
from kubernetes.client.exceptions import ApiException

from headless_conformance.cluster.facts import Facts
from headless_conformance.cluster.model import Cluster
from headless_conformance.cluster.waiting import AT_REST_TIMEOUT, CHANGE_TIMEOUT, DNS_DELAY
from headless_conformance.core.settings import Network

NAME = "mysql-svc.default.svc.cluster.local."
COREFILE = """.:53 {{
    kubernetes cluster.local in-addr.arpa ip6.arpa {{
       ttl 30
    }}
    cache 30 {{
       {cached}
    }}
}}
"""
KEPT = COREFILE.format(cached="prefetch 2")
NOT_KEPT = COREFILE.format(cached="disable success cluster.local\n       disable denial cluster.local")


def facts(ours: bool, corefile: str = "", *, stock_dns: bool = False) -> Facts:
    """Facts of a cluster whose DNS servers are configured so, or somewhere else."""
    kube = Mock()
    kube.get.return_value = {"data": {"Corefile": corefile}}
    if not corefile:
        kube.get.side_effect = ApiException(status=404)
    return Facts(
        kube, cast(Cluster, SimpleNamespace(ours=ours, stock_dns=stock_dns or not ours)), Network(), str
    )


@pytest.mark.parametrize(
    ("ours", "corefile", "kept"),
    [
        (True, NOT_KEPT, 0),
        (True, KEPT, 30),
        (False, NOT_KEPT, 30),
        (False, "", DNS_DELAY),
    ],
    ids=["ours", "ours with a cache", "theirs, whose nodes may have one", "theirs, configured elsewhere"],
)
def test_a_change_may_come_as_much_later_as_an_answer_is_kept(ours: bool, corefile: str, kept: float) -> None:
    assert facts(ours, corefile).change_timeout(NAME) == CHANGE_TIMEOUT + kept


def test_a_name_at_rest_is_looked_at_again_for_longer_where_the_first_answer_may_be_kept() -> None:
    assert facts(False, KEPT).at_rest_timeout(NAME) == AT_REST_TIMEOUT + 30
    assert (
        facts(True, KEPT.replace("ttl 30", "ttl 5"), stock_dns=True).at_rest_timeout(NAME)
        == AT_REST_TIMEOUT + 5
    )
    assert facts(True, KEPT).at_rest_timeout(NAME) == AT_REST_TIMEOUT


def test_the_dns_service_is_not_the_one_that_a_cache_on_the_nodes_asks() -> None:
    found = facts(True)
    cast(Mock, found.kube).list.return_value = [{"spec": {"clusterIPs": ["10.96.0.10"]}}]
    assert found.dns_service_addresses == ["10.96.0.10"]
    assert cast(Mock, found.kube).list.call_args.kwargs == {
        "labelSelector": "k8s-app=kube-dns,kubernetes.io/name!=KubeDNSUpstream"
    }
