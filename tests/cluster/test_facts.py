"""What is concluded from how a cluster is configured. No cluster: the API's answers are given."""

from __future__ import annotations

from unittest.mock import Mock

import pytest
from kubernetes.client.exceptions import ApiException

from headless_conformance.cluster.facts import Facts
from headless_conformance.cluster.model import Cluster
from headless_conformance.cluster.waiting import AT_REST_TIMEOUT, CHANGE_TIMEOUT, DNS_DELAY
from headless_conformance.core.settings import Network
from tests.cluster.stand_in import stand_in_cluster

OURS = stand_in_cluster()
THEIRS = stand_in_cluster(ours=False, stock_dns=True)
K3S = stand_in_cluster(stock_dns=True)
NAME = "nginx.default.svc.cluster.local."
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


def facts(cluster: Cluster, corefile: str = "") -> Facts:
    """Facts of a cluster whose DNS servers are configured so, or somewhere else."""
    kube = Mock()
    kube.request.return_value = {"items": []}
    kube.list.return_value = []
    kube.get.return_value = {"data": {"Corefile": corefile}}
    if not corefile:
        kube.get.side_effect = ApiException(status=404)
    return Facts(kube, cluster, Network(), lambda: "nameserver 10.96.0.10\n")


@pytest.mark.parametrize(
    ("cluster", "corefile", "kept"),
    [
        (OURS, NOT_KEPT, 0),
        (OURS, KEPT, 30),
        (THEIRS, NOT_KEPT, 30),
        (THEIRS, "", DNS_DELAY),
    ],
    ids=["ours", "ours with a cache", "theirs, whose nodes may have one", "theirs, configured elsewhere"],
)
def test_a_change_may_come_as_much_later_as_an_answer_is_kept(
    cluster: Cluster, corefile: str, kept: float
) -> None:
    assert facts(cluster, corefile).change_timeout(NAME) == CHANGE_TIMEOUT + kept


def test_a_name_at_rest_is_looked_at_again_for_longer_where_the_first_answer_may_be_kept() -> None:
    assert facts(THEIRS, KEPT).at_rest_timeout(NAME) == AT_REST_TIMEOUT + 30
    assert facts(K3S, KEPT.replace("ttl 30", "ttl 5")).at_rest_timeout(NAME) == AT_REST_TIMEOUT + 5
    assert facts(OURS, KEPT).at_rest_timeout(NAME) == AT_REST_TIMEOUT
