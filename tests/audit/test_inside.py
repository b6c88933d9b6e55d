"""What a Pod sees: the script that asks, what is read from its output, and
who is to blame for a difference."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest

from headless_conformance.audit import AuditResult
from headless_conformance.audit.checks import Check
from headless_conformance.audit.errors import InspectionError, MissingRightError, NoSuchObjectError
from headless_conformance.audit.execute import CommandOutput
from headless_conformance.audit.findings import BlamedComponent
from headless_conformance.audit.inside import MARK, script
from headless_conformance.audit.probe import ProbePod
from headless_conformance.records import Question
from headless_conformance.results.verdict import Outcome
from tests.audit.dns_servers import without
from tests.audit.world import World

NAMESERVER = "10.96.0.10"
PTR_SUFFIX = ".in-addr.arpa."


class PodOfWorld:
    """Output of dig and getent in a Pod of the world, as their authors print it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.tools: tuple[str, ...] = ("dig", "getent")
        self.udp: dict[Question, str] = {}
        """What dig prints in place of the right answer."""
        self.library: dict[str, str] = {}

    def execute(
        self, _access: object, _namespace: str, _pod: str, _container: str, command: Any, *_: object
    ) -> CommandOutput:
        asked = [
            line.split("'")[1].removeprefix(MARK).split()
            for line in command[2].splitlines()
            if f"echo '{MARK}" in line
        ]
        lines = [f"{MARK}has {tool}" for tool in self.tools]
        for words in asked:
            if words[0] == "udp" and "dig" in self.tools:
                lines += [
                    f"{MARK}udp {words[1]} {words[2]} {NAMESERVER}",
                    self._dig(Question(words[1], words[2])),
                ]
            if words[0] == "library" and "getent" in self.tools:
                lines += [f"{MARK}library {words[1]}", self._getent(words[1])]
        return CommandOutput(0, "\n".join(lines), "")

    def _dig(self, question: Question) -> str:
        if question in self.udp:
            return self.udp[question]
        answer = self._world.answer(question)
        records = [f"{one.name}\t30\tIN\t{one.rdtype}\t{one.rdata}" for one in answer.answer]
        head = [
            f";; ->>HEADER<<- opcode: QUERY, status: {answer.rcode}, id: 1",
            ";; flags: qr aa rd; QUERY: 1, ANSWER: 1",
        ]
        return "\n".join([";; Got answer:", *head, "", ";; ANSWER SECTION:", *records])

    def _getent(self, name: str) -> str:
        if name in self.library:
            return self.library[name]
        found = self._world.answer(Question(name, "A")).answer
        return "\n".join(f"{one.rdata}      {kind} {name}" for one in found for kind in ("STREAM", "DGRAM"))


@pytest.fixture
def inside(world: World, monkeypatch: pytest.MonkeyPatch) -> PodOfWorld:
    made = PodOfWorld(world)
    monkeypatch.setattr("headless_conformance.audit.inside.execute", made.execute)
    return made


def look(world: World) -> tuple[AuditResult, Outcome]:
    result = world.audit(from_pod=("shop", "client"))
    return result, next(check.outcome for check in result.targets[0].checks if check.check is Check.INSIDE)


SERVICE = Question("db-peers.shop.svc.cluster.local", "A")


def test_a_pod_that_gets_the_same_answers_passes(world: World, inside: PodOfWorld) -> None:
    result, outcome = look(world)
    assert (outcome, result.findings, result.status) == (Outcome.PASSED, [], 0)
    assert result.notes == ["asked from Pod shop/client with dig and getent: 12 questions"]


@pytest.mark.parametrize("tool", ["dig", "getent"])
def test_one_tool_is_enough(world: World, inside: PodOfWorld, tool: str) -> None:
    inside.tools = (tool,)
    assert look(world)[1] is Outcome.PASSED


def test_without_tools_it_cannot_be_told(world: World, inside: PodOfWorld) -> None:
    inside.tools = ()
    result, outcome = look(world)
    assert outcome is Outcome.ERROR
    assert result.status == 2


@pytest.mark.parametrize(
    "printed",
    [
        ";; connection timed out; no servers could be reached",
        ";; ->>HEADER<<- opcode: QUERY, status: SERVFAIL, id: 1\n;; flags: qr rd; QUERY: 1",
        ";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 1\n;; flags: qr aa; QUERY: 1\n"
        "db-peers.shop.svc.cluster.local. 30 IN A 10.66.6.6",
    ],
    ids=["silence", "SERVFAIL", "other address"],
)
def test_a_wrong_answer_over_udp_is_the_way_when_the_servers_are_right(
    world: World, inside: PodOfWorld, printed: str
) -> None:
    inside.udp[SERVICE] = printed
    result, outcome = look(world)
    (finding,) = result.findings
    assert (outcome, finding.component, result.status) == (Outcome.FAILED, BlamedComponent.WAY, 1)
    assert f"UDP at {NAMESERVER}" in finding.summary
    assert f"dig +notcp @{NAMESERVER}" in finding.command


def test_an_answer_that_is_cut_over_udp_is_not_wrong(world: World, inside: PodOfWorld) -> None:
    inside.udp[SERVICE] = (
        ";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 1\n;; flags: qr aa tc rd; QUERY: 1"
    )
    assert look(world)[1] is Outcome.PASSED


@pytest.mark.parametrize("printed", ["", "getent: no such name", "10.66.6.6 STREAM db"])
def test_a_wrong_answer_of_the_c_library_is_the_resolver(
    world: World, inside: PodOfWorld, printed: str
) -> None:
    inside.library[SERVICE.name] = printed
    result, outcome = look(world)
    (finding,) = result.findings
    assert (outcome, finding.component) == (Outcome.FAILED, BlamedComponent.RESOLVER)
    assert "getent ahosts db-peers.shop" in finding.command


def test_what_servers_have_wrong_is_not_blamed_on_the_resolver(world: World, inside: PodOfWorld) -> None:
    inside.library[SERVICE.name] = ""
    for server in world.dns.values():
        server.change = lambda question, answer: (
            without(question, answer, "A") if question == SERVICE else answer
        )
    result, _ = look(world)
    assert {finding.component for finding in result.findings} == {BlamedComponent.ALL_SERVERS}


def test_the_script_is_one_that_a_shell_understands() -> None:
    shell = shutil.which("sh")
    assert shell
    text = script(
        [SERVICE, Question(f"4.3.2.10{PTR_SUFFIX}", "PTR"), Question("_data._tcp.db.shop.svc.x.", "SRV")]
    )
    done = subprocess.run([shell, "-n", "-c", text], capture_output=True, text=True, timeout=10, check=False)
    assert (done.returncode, done.stderr) == (0, "")


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
