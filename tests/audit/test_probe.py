"""The Pod that is created to ask from: it is removed whatever happens."""

from __future__ import annotations

import os
import signal
import threading
from typing import Any

import pytest

from headless_conformance.audit import Audit, Options
from headless_conformance.audit.errors import InspectionError, MissingRightError, NoSuchObjectError
from headless_conformance.audit.probe import ProbePod
from headless_conformance.audit.targets import parse
from headless_conformance.core.interrupts import INTERRUPTS
from tests.audit.objects import headless, stateful_set
from tests.audit.world import DOMAIN, SERVERS, World


class Writes(World):
    """Remembers what is created and deleted."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[tuple[str, str]] = []
        self.phase = "Running"
        self.refuses: Exception | None = None

    def send(self, method: str, path: str, right: str, body: dict[str, Any]) -> None:
        self.written.append((method, path))
        if self.refuses:
            raise self.refuses
        name = path if method == "DELETE" else f"{path}/{body['metadata']['name']}"
        self.answers[name] = {"status": {"phase": self.phase}}


def test_a_probe_is_created_and_removed() -> None:
    world = Writes()
    pod = ProbePod(world, "shop", "image")
    pod.create(world.clock.monotonic() + 60, world.clock.pause)
    pod.remove()
    pod.remove()
    assert [method for method, _ in world.written] == ["POST", "DELETE"]
    assert world.written[1][1] == f"{world.written[0][1]}/{pod.name}"


def test_a_probe_that_does_not_start_is_said_and_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    world = Writes()
    monkeypatch.setattr("time.monotonic", world.clock.monotonic)
    world.phase = "Pending"
    pod = ProbePod(world, "shop", "image")
    with pytest.raises(InspectionError, match="did not run in time"):
        pod.create(world.clock.monotonic() + 10, world.clock.pause)
    pod.remove()
    assert [method for method, _ in world.written] == ["POST", "DELETE"]


def test_a_probe_that_cannot_be_removed_leaves_the_line_that_does() -> None:
    world = Writes()
    pod = ProbePod(world, "shop", "image")
    pod.create(world.clock.monotonic() + 60, world.clock.pause)
    world.refuses = MissingRightError("delete pods in namespace shop")
    with pytest.raises(InspectionError, match=f"kubectl -n shop delete pod {pod.name}"):
        pod.remove()
    world.refuses = NoSuchObjectError("gone")
    pod.remove()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_probe_is_removed_when_the_program_is_interrupted(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headless_conformance.audit.dialogue.ROUNDS", 1)
    world, ended = Writes(), threading.Event()
    world.phase = "Pending"
    world.apply(headless(), stateful_set())

    def pause(seconds: float) -> None:
        if world.written:
            os.kill(os.getpid(), number)
            ended.wait(20)
            raise InspectionError("the test is over")
        ended.wait(seconds)

    options = Options(targets=(parse("shop/db"),), domain=DOMAIN, servers=SERVERS, probe_image="image")
    audit = Audit(world, options, connect=lambda server: world.dns[server].connect(), pause=pause)
    with INTERRUPTS.handled(), pytest.raises(KeyboardInterrupt):
        audit.run()
    ended.set()
    assert [method for method, _ in world.written] == ["POST", "DELETE"]
