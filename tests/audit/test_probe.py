"""The Pod that is created to ask from: it is removed whatever happens."""

from __future__ import annotations

from typing import Any

import pytest

from headless_conformance.audit.errors import InspectionError, MissingRightError, NoSuchObjectError
from headless_conformance.audit.probe import ProbePod
from tests.audit.world import World


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
