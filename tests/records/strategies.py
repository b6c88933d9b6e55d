"""Services, EndpointSlices and Pods of any shape, for hypothesis: few names and addresses, so that they
meet."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tests.records.builders import (
    DNS,
    HTTP,
    SQL,
    Object,
    endpoint,
    endpoint_slice,
    external,
    headless,
    ordinary,
    pod,
    port,
)

PORTS = (SQL, HTTP, DNS)
UNNAMED = port("", 8080)
HOSTNAMES = ("db-0", "db-1", "")
ADDRESSES = {4: ("10.1.0.1", "10.1.0.2", "10.1.0.3"), 6: ("fd00::1", "fd00::2", "fd00:0:0:1::")}
NAMES = ("db", "web", "s" * 63)
SELECTOR = {"app": "db"}

ports = st.one_of(
    st.just(()),
    st.just((UNNAMED,)),
    st.lists(st.sampled_from(PORTS), unique_by=lambda p: p["name"]).map(tuple),
)


def endpoints(version: int) -> st.SearchStrategy[Object]:
    """One endpoint of a family."""
    addresses = st.lists(st.sampled_from(ADDRESSES[version]), min_size=1, max_size=2, unique=True)
    made = st.tuples(addresses, st.sampled_from(HOSTNAMES), st.sampled_from((True, True, False, None)))
    return made.map(lambda drawn: endpoint(*drawn[0], hostname=drawn[1], ready=drawn[2]))


@st.composite
def slices(draw: st.DrawFn, name: str) -> list[Object]:
    """Up to three slices of a Service."""
    made = []
    for number in range(draw(st.integers(0, 3))):
        found = draw(st.lists(endpoints(draw(st.sampled_from((4, 6)))), min_size=1, max_size=3))
        made.append(endpoint_slice(name, *found, ports=draw(ports), name=f"{name[:8]}-{number}"))
    return made


@st.composite
def services(draw: st.DrawFn) -> tuple[list[Object], list[Object]]:
    """Services with different names, and their slices."""
    made: list[Object] = []
    written: list[Object] = []
    for number, name in enumerate(draw(st.lists(st.sampled_from(NAMES), min_size=1, unique=True))):
        made.append(draw(service(name, number)))
        written += draw(slices(name))
    return made, written


@st.composite
def service(draw: st.DrawFn, name: str, number: int) -> Object:
    """A Service of any kind."""
    kind = draw(st.sampled_from(("headless", "headless", "ordinary", "external")))
    if kind == "external":
        return external(name, draw(st.sampled_from(("www.example.com", "db.shop.svc.cluster.local"))))
    if kind == "headless":
        return headless(name, *draw(ports))
    addresses = [f"10.96.0.{number + 1}", f"fd00:96::{number + 1}"]
    return ordinary(
        name, draw(st.sampled_from((addresses, addresses[:1], addresses[1:]))), *(draw(ports) or (UNNAMED,))
    )


@st.composite
def pods(draw: st.DrawFn) -> list[Object]:
    """Pods that a Service may select, in any state."""
    made = []
    for number in range(draw(st.integers(0, 4))):
        spec: dict[str, Any] = {
            "hostname": draw(st.sampled_from(HOSTNAMES)),
            "subdomain": draw(st.sampled_from((*NAMES, ""))),
        }
        found = pod(
            f"pod-{number}",
            *draw(st.sampled_from((("10.1.0.1",), ("10.1.0.2", "fd00::2"), ("fd00::1",), ()))),
            ready=draw(st.booleans()),
            terminating=draw(st.booleans()),
            phase=draw(st.sampled_from(("Running", "Running", "Pending", "Succeeded", "Failed"))),
            ports=draw(
                st.sampled_from(((), ({"name": "mysql", "containerPort": 13306, "protocol": "TCP"},)))
            ),
            **spec,
        )
        if draw(st.integers(0, 4)) == 0:
            found["metadata"]["labels"] = {"app": "other"}
        made.append(found)
    return made


@st.composite
def selecting(draw: st.DrawFn) -> Object:
    """A Service with selector."""
    target: int | str = 3306 if draw(st.booleans()) else "mysql"
    listed = (
        port("sql", 3306, target=target),
        *draw(st.sampled_from(((), (PORTS[1],)))),
    )
    return headless(
        draw(st.sampled_from(NAMES)),
        *draw(st.sampled_from(((), listed))),
        selector=SELECTOR,
        publishNotReadyAddresses=draw(st.booleans()),
        ipFamilies=draw(st.sampled_from((["IPv4"], ["IPv6"], ["IPv4", "IPv6"]))),
    )
