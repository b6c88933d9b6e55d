"""A namespace in which CoreDNS differs from the specification in every way that the table of known
differences has."""

from __future__ import annotations

from headless_conformance.records import Question, Zone
from headless_conformance.records.names import reverse_name
from tests.records.builders import SQL, endpoint, endpoint_slice, external, headless, ordinary
from tests.records.generator import Namespace

NAME = "peculiar"


def peculiar(cluster_ip: str) -> Namespace:
    """The objects; `cluster_ip` is an address that a Service of the cluster can have."""
    return Namespace(
        NAME,
        services=[
            ordinary("web", [cluster_ip], SQL, namespace=NAME),
            headless("vip", SQL, namespace=NAME),
            headless("collision", SQL, namespace=NAME),
            external("numeric", "10.255.0.9", namespace=NAME),
            external("inside", f"web.{NAME}.svc.cluster.local", namespace=NAME),
            external("outside", "www.example.com", namespace=NAME),
        ],
        slices=[
            endpoint_slice(
                "vip", endpoint(cluster_ip, hostname="vip-0"), ports=(SQL,), name="vip", namespace=NAME
            ),
            endpoint_slice(
                "collision",
                endpoint("10.255.0.1", hostname="10-255-0-2"),
                endpoint("10.255.0.2"),
                ports=(SQL,),
                name="collision",
                namespace=NAME,
            ),
            endpoint_slice("orphan", endpoint("10.255.0.3"), name="orphan", namespace=NAME),
            endpoint_slice("outside", endpoint("10.255.0.4"), name="outside", namespace=NAME),
        ],
        fixed_addresses=True,
    )


def peculiar_questions(zone: Zone) -> list[Question]:
    """What shows the differences and is no question that the zone can tell beforehand."""
    names = [Question(reverse_name(f"10.255.0.{last}"), "PTR") for last in (3, 4)]
    names += [Question(zone.domain.service(NAME, name), "TXT") for name in ("outside", "inside")]
    names += [Question(zone.domain.service(NAME, "inside"), rdtype) for rdtype in ("A", "AAAA")]
    return [*names, Question(f"_._tcp.{zone.domain.service(NAME, 'collision')}", "SRV")]
