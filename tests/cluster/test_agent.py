"""Tests of what tests ask of a client pod. No cluster: the pod's answers are given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import Mock

import allure
import pytest

from headless_conformance.cluster import agent as module
from headless_conformance.cluster.agent import Agent
from headless_conformance.cluster.waiting import ObservationError, OutageError
from headless_conformance.core.errors import NotSupportedError
from headless_conformance.core.mismatch import Mismatch, Where

NAME = "nginx"


def agent(answers: Iterator[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> Agent:
    """An agent whose pod gives these answers, one after another."""
    found = Agent(Mock(), "default", "client")
    monkeypatch.setattr(found, "do", lambda jobs: [next(answers)])
    monkeypatch.setattr(module, "AT_REST_TIMEOUT", 0.3)
    return found


def always(**answer: Any) -> Iterator[dict[str, Any]]:
    while True:
        yield answer


def test_the_exact_addresses_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    agent(always(addresses=["10.0.0.2", "10.0.0.1"]), monkeypatch).require(
        NAME, ["10.0.0.1", "10.0.0.2"], within=0.3
    )
    wrong = agent(always(addresses=["10.0.0.1", "10.0.0.3"]), monkeypatch)
    with pytest.raises(Mismatch) as raised:
        wrong.require(NAME, ["10.0.0.1"], within=0.3)
    seen = raised.value.observation
    assert (seen.subject, seen.expected, seen.observed) == (
        f"getaddrinfo {NAME}",
        "{10.0.0.1}",
        "{10.0.0.1, 10.0.0.3}",
    )
    assert seen.where == Where(pod="client", namespace="default")


def test_several_names_are_resolved_together(monkeypatch: pytest.MonkeyPatch) -> None:
    found = agent(iter(()), monkeypatch)
    results: list[dict[str, Any]] = [{"addresses": ["10.0.0.1"]}, {"error": "EAI_NONAME"}]
    monkeypatch.setattr(found, "do", lambda jobs: results)
    with pytest.raises(Mismatch, match=r"getaddrinfo other: expected \{10\.0\.0\.2\}, got EAI_NONAME"):
        found.require_each({NAME: ["10.0.0.1"], "other": ["10.0.0.2"]})


def test_connections_to_mysql_that_are_refused_are_a_mismatch(monkeypatch: pytest.MonkeyPatch) -> None:
    assert agent(always(servers={"a": 2}), monkeypatch).mysql_servers("10.0.0.1", 3306, 2) == {"a": 2}
    refused = agent(always(problem="ConnectionRefusedError"), monkeypatch)
    with pytest.raises(Mismatch, match="expected an answer, got error: ConnectionRefusedError"):
        refused.mysql_servers("10.0.0.1", 3306, 2)


def test_a_name_that_must_not_exist_is_an_error_of_the_c_library(monkeypatch: pytest.MonkeyPatch) -> None:
    agent(always(error="EAI_NONAME"), monkeypatch).require_no_such_name(NAME)
    with pytest.raises(Mismatch, match=r"getaddrinfo nginx: expected no such name, got \{10\.0\.0\.1\}"):
        agent(always(addresses=["10.0.0.1"]), monkeypatch).require_no_such_name(NAME)


def test_no_answer_is_not_an_absence(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ObservationError, match="got no answer about nginx"):
        agent(always(error="EAI_AGAIN"), monkeypatch).require_no_such_name(NAME)


def test_where_others_answer_for_unknown_names_their_silence_is_not_supported(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    silent = agent(always(error="EAI_AGAIN"), monkeypatch)
    with pytest.raises(NotSupportedError, match="nobody answers for names outside the cluster"):
        silent.require_no_such_name(NAME, never=["10.0.0.1"])


class DyingNode:
    """Opens no stream to the Pods whose node is dead; the others answer nothing to every batch."""

    def __init__(self, *dead: str) -> None:
        self.dead = dead
        self.opened: list[str] = []

    @contextmanager
    def open_stream(self, namespace: str, pod: str, *command: str, stdin: bool) -> Iterator[Any]:
        self.opened.append(pod)
        if pod in self.dead:
            raise OutageError("node a does not answer")
        yield Mock(read_line=lambda seconds: "[]")


def test_an_agent_whose_node_dies_acts_from_another_pod() -> None:
    kube: Any = DyingNode("client")
    found = Agent(kube, "default", "client", spare=lambda: "spare")
    assert [found.do([]), found.do([])] == [[], []]
    assert (kube.opened, found.pod) == (["client", "spare"], "spare")


class ReplacedPod:
    """Opens a stream that ends after its first answer, as the Pod is replaced."""

    def __init__(self) -> None:
        self.opened = 0

    @contextmanager
    def open_stream(self, namespace: str, pod: str, *command: str, stdin: bool) -> Iterator[Any]:
        self.opened += 1
        lines = iter(["[]"])
        yield Mock(read_line=lambda seconds: next(lines, None), has_ended=True, stderr="")


def test_an_agent_whose_pod_was_replaced_begins_anew() -> None:
    kube: Any = ReplacedPod()
    found = Agent(kube, "default", "client")
    assert [found.do([]), found.do([]), kube.opened] == [[], [], 2]


@pytest.mark.parametrize("spare", [None, lambda: "spare"], ids=["no spare", "a dead spare"])
def test_an_agent_without_a_living_node_is_an_outage(spare: Callable[[], str] | None) -> None:
    kube: Any = DyingNode("client", "spare")
    found = Agent(kube, "default", "client", spare=spare)
    for _ in range(2):
        with pytest.raises(OutageError, match="node a"):
            found.do([])


def test_the_last_look_is_attached_once(monkeypatch: pytest.MonkeyPatch) -> None:
    attached = Mock()
    monkeypatch.setattr(allure, "attach", attached)
    looks: list[dict[str, Any]] = [{"error": "EAI_AGAIN"}, *[{"addresses": ["10.0.0.1"]}] * 3]
    agent(iter(looks), monkeypatch).require(NAME, ["10.0.0.1"])
    assert [call.args[0] for call in attached.mock_calls] == ["nginx: {10.0.0.1}"]
