"""What does not answer is found once, known to all workers, an error at once from then on, and used again
when it comes back."""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import dns.message
import dns.rcode
import pytest
from urllib3.exceptions import HTTPError

from headless_conformance.cluster import api_client, waiting
from headless_conformance.cluster import kube as kube_module
from headless_conformance.cluster import outages as module
from headless_conformance.cluster.dns_answer import on_this_host
from headless_conformance.cluster.kube import Kube
from headless_conformance.cluster.outages import Outages
from headless_conformance.cluster.waiting import OutageError, eventually
from headless_conformance.providers.simulated.ports import Ports
from tests.cluster.api_stand_in import ApiStandIn, serving, thing, write_kubeconfig

SILENCE = 0.8


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for where in (api_client, kube_module, module, waiting):
        monkeypatch.setattr(where, "SILENCE_SECONDS", SILENCE)
    for name in ("LOOK_SECONDS", "NODE_SECONDS"):
        monkeypatch.setattr(module, name, 0.3)
    monkeypatch.setattr(module, "STALL_SECONDS", 0.5)


@pytest.fixture
def api() -> ApiStandIn:
    return ApiStandIn()


@pytest.fixture
def kubeconfig(api: ApiStandIn, tmp_path: Path) -> Iterator[Path]:
    with serving(api) as port:
        yield write_kubeconfig(tmp_path / "kubeconfig", port)


def worker(kubeconfig: Path, *, kubelets: bool = True) -> Kube:
    """One of the workers of a run."""
    outages = Outages(kubeconfig.parent, kubeconfig, kubelets=kubelets)
    outages.begin()
    return Kube(kubeconfig, Path("kubectl"), outages)


def look_again_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOOK_AGAIN_SECONDS", 0.0)


def test_a_whole_cluster_keeps_nobody_from_looking(kubeconfig: Path) -> None:
    kube = worker(kubeconfig)
    assert kube.request("GET", "/api/v1/nodes")["items"]
    kube.outages.require_node("node-1")
    kube.outages.require_dns()
    assert kube.outages.since(time.time()) == ""


def test_an_api_server_that_falls_silent_is_found_once_and_known_to_all(
    api: ApiStandIn, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, other = worker(kubeconfig), worker(kubeconfig)
    api.freeze()
    begun = time.monotonic()
    with pytest.raises(OutageError, match="the API server does not answer") as raised:
        first.request("GET", "/api/v1/nodes")
    assert raised.value.__suppress_context__, "nobody needs to read what the HTTP library says"
    assert time.monotonic() - begun < 4 * SILENCE
    begun = time.monotonic()
    for act in (
        lambda: other.request("GET", "/api/v1/nodes"),
        lambda: other.kubectl("get", "pods", namespace="default"),
        lambda: other.execute("default", "web-0", "true"),
        lambda: list(other.watch("Pod", "default", "web-0", 60)),
        lambda: eventually(lambda: other.get("Pod", "default", "web-0"), expecting="a Pod", within=60),
    ):
        with pytest.raises(OutageError, match="the API server does not answer"):
            act()
    assert time.monotonic() - begun < SILENCE, "they ask nothing more"
    api.thaw()
    look_again_at_once(monkeypatch)
    assert other.request("GET", "/api/v1/nodes")["items"]
    assert first.outages.since(time.time() + 60) == ""


def test_an_api_server_that_stands_still_for_a_while_does_no_harm(api: ApiStandIn, kubeconfig: Path) -> None:
    kube = worker(kubeconfig)
    api.freeze()
    threading.Timer(SILENCE / 2, api.thaw).start()
    assert kube.request("GET", "/api/v1/nodes")["items"]


def test_an_api_server_that_is_started_again_is_waited_for(api: ApiStandIn, tmp_path: Path) -> None:
    with serving(api) as port:
        kube = worker(write_kubeconfig(tmp_path / "kubeconfig", port))
    again = serving(api, port)
    begun = time.monotonic()
    threading.Timer(SILENCE / 2, again.__enter__).start()
    assert kube.request("GET", "/api/v1/nodes")["items"]
    assert time.monotonic() - begun > SILENCE / 4
    again.__exit__(None, None, None)


def test_nobody_there_is_an_outage(api: ApiStandIn, tmp_path: Path) -> None:
    with serving(api) as port:
        kube = worker(write_kubeconfig(tmp_path / "kubeconfig", port))
    with pytest.raises(OutageError, match="the API server does not answer"):
        kube.request("GET", "/api/v1/nodes")


@pytest.mark.parametrize("how", ["its kubelet is silent", "it is not Ready"])
def test_a_node_that_dies_is_named_and_the_rest_goes_on(api: ApiStandIn, kubeconfig: Path, how: str) -> None:
    kube, other = worker(kubeconfig), worker(kubeconfig)
    if how == "it is not Ready":
        api.nodes = [thing("node-1"), thing("node-2", ready=False)]
    else:
        api.silent = {"node-2"}
    with pytest.raises(OutageError, match="node node-2 does not answer"):
        kube.outages.look_at_node("node-2")
    with pytest.raises(OutageError, match="node node-2 does not answer"):
        other.outages.require_node("node-2")
    other.outages.require_node("node-1")
    other.outages.require_dns()
    assert other.request("GET", "/api/v1/nodes")["items"]
    assert not other.outages.answers("node-2")
    assert other.outages.since(time.time()) == "node node-2 does not answer"


def test_a_node_that_was_not_ready_when_the_run_began_is_nobodys_outage(
    api: ApiStandIn, kubeconfig: Path
) -> None:
    api.nodes = [thing("node-1"), thing("node-2", ready=False)]
    kube = worker(kubeconfig)
    kube.outages.look_at_node("node-2")
    assert kube.outages.since(time.time()) == ""


def test_a_node_with_nothing_of_the_run_hides_no_failure_on_a_large_cluster(
    api: ApiStandIn, kubeconfig: Path
) -> None:
    kube = worker(kubeconfig, kubelets=False)
    api.nodes = [thing("node-1"), thing("node-2", ready=False)]
    kube.outages.require_node("node-1")
    assert kube.outages.since(time.time()) == ""
    kube.outages.require_node("node-1")
    with pytest.raises(OutageError):
        kube.outages.require_node("node-2")
    assert kube.outages.since(time.time()) == "node node-2 does not answer"


def test_dns_servers_that_are_all_gone_are_an_outage_and_one_of_two_is_none(
    api: ApiStandIn, kubeconfig: Path
) -> None:
    kube = worker(kubeconfig)
    api.dns = [thing("coredns-1"), thing("coredns-2", ready=False)]
    kube.outages.look_at_dns()
    api.dns = []
    with pytest.raises(OutageError, match="no DNS server of the cluster is Ready"):
        kube.outages.look_at_dns()
    with pytest.raises(OutageError, match="no DNS server"):
        kube.outages.require_dns()
    kube.outages.require_node("node-1")


@pytest.fixture
def answering() -> Iterator[socket.socket]:
    """A DNS server on this machine that answers over UDP alone, until it is closed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))

        def answer() -> None:
            with suppress(OSError):
                while True:
                    wire, asker = server.recvfrom(512)
                    if not wire:
                        return
                    refused = dns.message.make_response(dns.message.from_wire(wire))
                    refused.set_rcode(dns.rcode.REFUSED)
                    server.sendto(refused.to_wire(), asker)

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        yield server
        server.sendto(b"", server.getsockname())
        thread.join()


@pytest.fixture
def free_port() -> Iterator[int]:
    """Of UDP and of TCP."""
    ports = Ports()
    yield ports.take()
    ports.release()


def test_a_dns_server_on_this_machine_that_falls_silent_is_named(
    answering: socket.socket, free_port: int, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as frozen, socket.socket() as listening:
        frozen.bind(("127.0.0.1", free_port))
        # As of a stopped process: the kernel takes its connections, and nobody reads from them.
        listening.bind(frozen.getsockname())
        listening.listen()
        both = on_this_host([answering.getsockname(), frozen.getsockname()])
        outages = Outages(kubeconfig.parent, kubeconfig, kubelets=False, host_dns=both)
        with monkeypatch.context() as whole:
            whole.setattr(module, "_says_something", lambda way: True)
            outages.begin()
            outages.require_dns()
        said = f"DNS server CoreDNS 2 (127.0.0.1:{frozen.getsockname()[1]}) does not answer"
        assert outages.since(time.time()) == said
        with pytest.raises(OutageError, match=re.escape(said)):
            outages.require_dns()
        assert outages.since(time.time()).count("DNS server") == 1, "the other one does"


def test_a_dns_server_on_this_machine_that_never_answered_is_nobodys_outage(
    answering: socket.socket, free_port: int, kubeconfig: Path
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", free_port))
        both = on_this_host([answering.getsockname(), silent.getsockname()])
        outages = Outages(kubeconfig.parent, kubeconfig, kubelets=False, host_dns=both)
        outages.begin()
        assert outages.since(time.time()) == ""
        outages.require_dns()


def test_what_came_back_meanwhile_is_told_and_what_did_before_is_not(
    api: ApiStandIn, kubeconfig: Path
) -> None:
    kube = worker(kubeconfig)
    begun = time.time()
    api.dns = [thing("coredns-3", since=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))]
    assert kube.outages.since(begun - 60) == "DNS server coredns-3 was not Ready for a while"
    assert kube.outages.since(begun + 60) == ""


def test_a_cluster_that_stood_still_is_told(api: ApiStandIn, kubeconfig: Path) -> None:
    kube, begun = worker(kubeconfig), time.time()
    api.freeze()
    threading.Timer(0.6, api.thaw).start()
    kube.request("GET", "/api/v1/nodes")
    assert kube.outages.since(begun).startswith("the cluster stood still: GET /api/v1/nodes took 1 s")
    assert kube.outages.since(time.time()) == ""


def test_an_outage_is_not_waited_for() -> None:
    def look() -> None:
        raise OutageError("node a does not answer")

    begun = time.monotonic()
    with pytest.raises(OutageError):
        eventually(look, expecting="an answer", within=30)
    with pytest.raises(OutageError):
        waiting.consistently(look, expecting="an answer", during=30)
    assert time.monotonic() - begun < 5


def test_every_silence_ends(api: ApiStandIn, kubeconfig: Path) -> None:
    kube = worker(kubeconfig)
    api.freeze()
    begun = time.monotonic()
    with pytest.raises((OutageError, HTTPError)):
        list(kube.watch("Pod", "default", "web-0", 60))
    assert time.monotonic() - begun < 6 * SILENCE
