"""`python -m tests.own_set.on_simulated`: the suite with TARGET= against StatefulSets of a person's own.

They are on a simulated cluster that a run finds as PROVIDER=existing: one that is right, one whose
`serviceName` names nothing, one that names another set's Service, one for which DNS servers have a wrong SRV
record, and one that is scaled to zero. Each must come out as it is, and nothing in their namespace may have
been changed.
"""

from __future__ import annotations

import sys

from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import from_env
from headless_conformance.providers.simulated.cluster import SimulatedCluster, ensure_programs
from tests.own_set.all_cases import are_right
from tests.own_set.cases import Case

TTL = 1
"""Seconds. As little as there is: what is wrong is asked for again until no server can have kept it."""
COREFILE = """\
.:53 {{
    errors
    ready
    template IN SRV {domain} {{
       match "^_pg\\._tcp\\.tills-db\\.shop\\."
       answer "{{{{ .Name }}}} {ttl} IN SRV 0 100 5433 tills-0.tills-db.shop.svc.{domain}."
       fallthrough
    }}
    kubernetes {domain} in-addr.arpa ip6.arpa {{
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl {ttl}
    }}
}}
"""
CASES = (
    Case(
        "orders",
        {},
        exit_status=0,
        passed=(
            "SEED-HLS-03",
            "SEED-HLS-04",
            "SEED-NID-01",
            "SEED-NID-03",
            "SEED-NID-05",
            "SEED-DSC-11",
            "SEED-NSL-10",
            "SEED-XC-01",
        ),
        start=1,
    ),
    Case(
        "carts",
        {
            "SEED-HLS-03": "Service nothing",
            "SEED-HLS-04": "Service nothing",
            "SEED-DSC-09": "Service nothing",
            "SEED-DSC-10": "Service nothing",
            "SEED-NID-02": "Service nothing",
            "SEED-NID-03": "Service nothing",
            "SEED-NID-05": "Service nothing",
            "SEED-DSC-11": "Service nothing",
            "SEED-NSL-10": "Service nothing",
            "SEED-XC-01": "Service nothing",
        },
        exit_status=1,
        service_name="nothing",
    ),
    Case(
        "baskets",
        {
            "SEED-HLS-04": "EndpointSlices of Service orders-db: hostnames",
            "SEED-NID-05": "A baskets-0.orders-db.shop.svc.cluster.local.",
        },
        exit_status=1,
        passed=("SEED-HLS-03", "SEED-NID-03", "SEED-XC-01"),
        service_name="orders-db",
    ),
    Case(
        "tills",
        {"SEED-DSC-11": "SRV _pg._tcp.tills-db.shop.svc.cluster.local."},
        exit_status=1,
        passed=("SEED-NID-03", "SEED-NID-05", "SEED-NSL-10"),
    ),
    Case("idle", {}, exit_status=2, not_judged=True, replicas=0),
)


def main() -> int:
    """Exit status 1 with the cases that did not come out as they must."""
    settings = from_env({})
    programs = ensure_programs(settings, Progress(total=1))
    corefile = COREFILE.format(domain="cluster.local", ttl=TTL)
    with SimulatedCluster(settings, programs, dns_corefile=corefile) as cluster:
        return 0 if are_right(CASES, cluster) else 1


if __name__ == "__main__":
    sys.exit(main())
