"""What a Pod sees: the script that asks, what is read from its output, and
who is to blame for a difference."""

from __future__ import annotations

import shutil
import subprocess
from typing import Any

import pytest

from headless_conformance.audit import AuditResult
from headless_conformance.audit.checks import Check
from headless_conformance.audit.errors import (
    CommandTimeoutError,
)
from headless_conformance.audit.execute import CommandOutput
from headless_conformance.audit.findings import BlamedComponent, TargetResult
from headless_conformance.audit.inside import LIBRARY, MARK, NAMES, TOOLS_SCRIPT, over_udp, script
from headless_conformance.records import Question
from headless_conformance.results.verdict import Outcome
from tests.audit.dns_servers import without
from tests.audit.objects import headless, stateful_set
from tests.audit.world import World

NAMESERVER = "10.96.0.10"
PTR_SUFFIX = ".in-addr.arpa."


class PodOfWorld:
    """Output of dig and getent in a Pod of the world, as their authors print it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.tools: tuple[str, ...] = ("dig", "getent")
        self.nameservers = [NAMESERVER]
        self.udp: dict[Question, str] = {}
        """What dig prints in place of the right answer."""
        self.library: dict[str, str] = {}
        self.dead: set[str] = set()
        """Name servers that nothing comes from."""
        self.prints_at_most: int | None = None
        """After so many lines of a script its time is over."""
        self.containers: list[str] = []
        """In which it was asked."""
        self.asked: list[list[str]] = []
        self.pod: dict[str, Any] = {
            "metadata": {"name": "client", "namespace": "shop"},
            "spec": {"containers": [{"name": "client"}]},
            "status": {"containerStatuses": [{"name": "client", "state": {"running": {}}}]},
        }
        world.answers["/api/v1/namespaces/shop/pods/client"] = self.pod

    def execute(
        self, _access: object, _namespace: str, _pod: str, container: str, command: Any, *_: object
    ) -> CommandOutput:
        self.containers.append(container)
        text = command[2]
        if text == TOOLS_SCRIPT:
            lines = [f"{MARK}has {tool}" for tool in self.tools]
            lines += [f"{MARK}conf", *(f"nameserver {address}" for address in self.nameservers)]
        else:
            lines = self._answers(text)
        lines.append(f"{MARK}end")
        if self.prints_at_most is not None and len(lines) > self.prints_at_most:
            raise CommandTimeoutError("sh did not end", "\n".join(lines[: self.prints_at_most]))
        return CommandOutput(0, "\n".join(lines), "")

    def _answers(self, text: str) -> list[str]:
        marks = [line.split("'")[1] for line in text.splitlines() if f"echo '{MARK}" in line][:-1]
        lines = []
        for mark in marks:
            words = mark.removeprefix(MARK).split()
            self.asked.append(words)
            lines.append(mark)
            if words[0] == "library":
                alive = set(self.nameservers) - self.dead
                lines.append(self._getent(words[1]) if alive else "")
            else:
                silence = ";; connection timed out; no servers could be reached"
                dead = words[3] in self.dead
                lines.append(silence if dead else self._dig(Question(words[1], words[2])))
        return lines

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
    monkeypatch.setattr("headless_conformance.audit.inside_pod.execute", made.execute)
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
    udp = over_udp(NAMESERVER)
    pointer, service = Question(f"4.3.2.10{PTR_SUFFIX}", "PTR"), Question("_data._tcp.db.shop.svc.x.", "SRV")
    asked = [(SERVICE, udp), (pointer, udp), (service, over_udp("fd00::a")), (SERVICE, LIBRARY)]
    for text in (TOOLS_SCRIPT, script(asked)):
        command = [shell, "-n", "-c", text]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
        assert (done.returncode, done.stderr) == (0, "")


def test_the_names_of_all_targets_are_asked_for(empty: World, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"db{number}" for number in range(NAMES + 2)]
    for name in names:
        empty.apply(headless(f"{name}-peers", {"app": name}), stateful_set(name, 1))
    inside = PodOfWorld(empty)
    monkeypatch.setattr("headless_conformance.audit.inside_pod.execute", inside.execute)
    few = empty.audit(" ".join(f"shop/{name}" for name in names[:10]), from_pod=("shop", "client"))
    assert {of_target(one) for one in few.targets} == {Outcome.PASSED}
    asked = {words[1] for words in inside.asked}
    assert all(any(f".{name}-peers." in f".{one}" for one in asked) for name in names[:10])
    inside.asked.clear()
    many = empty.audit(" ".join(f"shop/{name}" for name in names), from_pod=("shop", "client"))
    assert [of_target(one) for one in many.targets].count(Outcome.NOT_JUDGED) == 2
    assert len({tuple(words[1:3]) for words in inside.asked if words[0] == "udp"}) == NAMES


def test_of_two_sets_the_one_whose_names_are_right_passes(
    empty: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("db", "pg"):
        empty.apply(headless(f"{name}-peers", {"app": name}), stateful_set(name))
    inside = PodOfWorld(empty)
    monkeypatch.setattr("headless_conformance.audit.inside_pod.execute", inside.execute)
    inside.library[SERVICE.name] = "10.66.6.6 STREAM db"
    result = empty.audit("shop/db shop/pg", from_pod=("shop", "client"))
    assert [of_target(one) for one in result.targets] == [Outcome.FAILED, Outcome.PASSED]


def test_the_name_that_only_the_c_library_denies_costs_the_others_nothing(
    empty: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("db", "pg"):
        empty.apply(headless(f"{name}-peers", {"app": name}), stateful_set(name))
    inside = PodOfWorld(empty)
    monkeypatch.setattr("headless_conformance.audit.inside_pod.execute", inside.execute)
    inside.library[SERVICE.name] = ""
    result = empty.audit("shop/db shop/pg", from_pod=("shop", "client"))
    assert [of_target(one) for one in result.targets] == [Outcome.FAILED, Outcome.PASSED]


def of_target(found: TargetResult) -> Outcome:
    return next(check.outcome for check in found.checks if check.check is Check.INSIDE)


def test_a_way_that_swallows_every_question_is_a_finding_after_one_name(
    world: World, inside: PodOfWorld
) -> None:
    inside.dead = {NAMESERVER}
    result, outcome = look(world)
    assert (outcome, result.status) == (Outcome.FAILED, 1)
    assert {found.component for found in result.findings} == {BlamedComponent.WAY, BlamedComponent.RESOLVER}
    assert all("gets no answer over" in found.summary for found in result.findings)
    assert {words[1] for words in inside.asked} == {f"{SERVICE.name}"}
    assert world.clock.waited < 20


def test_one_of_two_name_servers_that_swallows_every_question_is_named(
    world: World, inside: PodOfWorld
) -> None:
    inside.nameservers, inside.dead = [NAMESERVER, "10.96.0.11"], {"10.96.0.11"}
    result, outcome = look(world)
    (finding,) = result.findings
    assert (outcome, finding.component) == (Outcome.FAILED, BlamedComponent.WAY)
    assert "no answer over UDP at 10.96.0.11" in finding.summary


def test_what_came_before_time_was_up_is_judged(world: World, inside: PodOfWorld) -> None:
    inside.prints_at_most = 13
    inside.udp[SERVICE] = wrong_address(30)
    result, outcome = look(world)
    assert (outcome, len(result.findings)) == (Outcome.FAILED, 1)
    inside.udp.clear()
    inside.prints_at_most = 7
    inside.asked.clear()
    assert look(world)[1] is not Outcome.FAILED


def wrong_address(ttl: int) -> str:
    return (
        ";; ->>HEADER<<- opcode: QUERY, status: NOERROR, id: 1\n;; flags: qr aa; QUERY: 1\n"
        f"db-peers.shop.svc.cluster.local. {ttl} IN A 10.66.6.6"
    )


def test_an_old_answer_of_a_cache_on_the_way_is_waited_for(world: World, inside: PodOfWorld) -> None:
    inside.udp[SERVICE] = wrong_address(25)
    inside.library[SERVICE.name] = "10.66.6.6 STREAM db"

    def forgets() -> None:
        inside.udp.clear()
        inside.library.clear()

    world.later.append((30, forgets))
    result, outcome = look(world)
    assert (outcome, result.findings, result.status) == (Outcome.PASSED, [], 0)
    assert 30 <= world.clock.waited < 45


def test_an_old_answer_that_is_still_kept_when_time_is_up_is_not_wrong(
    world: World, inside: PodOfWorld
) -> None:
    inside.udp[SERVICE] = wrong_address(25)
    result = world.audit(from_pod=("shop", "client"), limit_seconds=12)
    (finding,) = result.findings
    assert finding.outcome is Outcome.NOT_JUDGED
    assert "old answers may be kept for at most 25 s more" in finding.summary
    assert result.status == 2


def test_a_member_that_is_replaced_meanwhile_is_asked_for_by_the_api_of_then(
    world: World, inside: PodOfWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    def replaced(*words: Any) -> CommandOutput:
        output = inside.execute(*words)
        if words[4][2] != TOOLS_SCRIPT and "db-1." in words[4][2]:
            world.find("Pod", "db-1")["status"]["podIPs"] = [{"ip": "10.1.77.7"}]
            world.write_slices()
        return output

    monkeypatch.setattr("headless_conformance.audit.inside_pod.execute", replaced)
    assert look(world)[1] is Outcome.PASSED


def test_a_pod_with_several_containers_is_asked_in_one_that_runs(world: World, inside: PodOfWorld) -> None:
    inside.pod["status"]["containerStatuses"] = [
        {"name": "init", "state": {"terminated": {}}},
        {"name": "server", "state": {"running": {}}},
        {"name": "proxy", "state": {"running": {}}},
    ]
    inside.library[SERVICE.name] = ""
    result, _ = look(world)
    assert set(inside.containers) == {"server"}
    assert "exec client -c server -- getent" in result.findings[0].command


def test_a_pod_that_does_not_run_cannot_tell(world: World, inside: PodOfWorld) -> None:
    inside.pod["status"] = {"phase": "Pending"}
    result, outcome = look(world)
    assert outcome is Outcome.ERROR
    assert "no container of Pod shop/client is running" in str(result.targets)


def test_a_name_server_that_a_pod_adds_for_itself_need_not_know_the_cluster(
    world: World, inside: PodOfWorld
) -> None:
    inside.pod["spec"]["dnsConfig"] = {"nameservers": ["8.8.8.8"]}
    inside.nameservers, inside.dead = [NAMESERVER, "8.8.8.8"], {"8.8.8.8"}
    result, outcome = look(world)
    assert (outcome, result.findings) == (Outcome.PASSED, [])
    assert not [words for words in inside.asked if "8.8.8.8" in words]
    assert any("not asked" in note and "8.8.8.8" in note for note in result.notes)


def test_a_pod_that_asks_none_of_the_cluster_s_name_servers_cannot_tell(
    world: World, inside: PodOfWorld
) -> None:
    inside.pod["spec"]["dnsPolicy"] = "Default"
    inside.nameservers = ["192.0.2.53"]
    assert look(world)[1] is Outcome.ERROR
    assert inside.asked == []
