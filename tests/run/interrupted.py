"""`python -m tests.run.interrupted [NAME ...]`: real runs that meet ^C in a terminal, at every stage.

Prints a table in Markdown, as docs/interrupts.md has it: what was printed from the interrupt on, how long it
took, and what was left. Exit status 1 when something was left after one ^C, or when what a second ^C left was
not removed by `make clean`. A stage is recognised by the files of the run and not by what it prints. Needs
what `make e2e` needs; K8S and the other variables of a run are heeded.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO

import pexpect
import psutil

from headless_conformance.core.paths import REPORTS, ROOT, clone_id, work_dir
from headless_conformance.engine import private
from headless_conformance.engine.engine import find_engine

STAGE_SECONDS = 400.0
END_SECONDS = 240.0
LOOK_SECONDS = 0.2
SECOND_SECONDS = 1.0
"""From the first ^C to the second."""
SHOWN = ("Interrupted", "Stopped", "Removed", "Left", "result ", "error", "Traceback", "Error")
"""How the lines begin, or what they hold, that the table shows."""
OF_ENGINE: Mapping[str, Sequence[str]] = {
    "container": ("ps", "--all", "--format", "{{.Names}}"),
    "network": ("network", "ls", "--format", "{{.Name}}"),
    "volume": ("volume", "ls", "--format", "{{.Name}}"),
}
CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]|\r")


def _begun() -> bool:
    """A cluster is being created, or is there."""
    return any(work_dir().glob(f"*hc-{clone_id()}-*.json")) or any(work_dir().glob("simulated/simulated-*"))


def _objects() -> bool:
    """Something was created in the cluster."""
    return any(work_dir().glob("shared/*/*/created.jsonl"))


def _results(count: int) -> Callable[[], bool]:
    return lambda: len(list((REPORTS / "allure-results").glob("*-result.json"))) >= count


@dataclass(frozen=True)
class Moment:
    """When the interrupt comes: so many seconds after a stage was reached."""

    what: str
    provider: str
    reached: Callable[[], bool] = lambda: True
    seconds: float = 0.0
    twice: bool = False


MOMENTS: Mapping[str, Moment] = {
    "start": Moment("the program starts", "kind", seconds=1.0),
    "ready": Moment("engine, tools and images are made ready", "kind", seconds=2.5),
    "creation-1": Moment("kind was started 1 s ago", "kind", _begun, 1.0),
    "creation-4": Moment("kind was started 4 s ago and creates the node containers", "kind", _begun, 4.0),
    "creation-7": Moment("kind was started 7 s ago and prepares the nodes", "kind", _begun, 7.0),
    "creation-10": Moment("kind was started 10 s ago and starts Kubernetes in them", "kind", _begun, 10.0),
    "creation-twice": Moment(
        "kind was started 4 s ago, and again 1 s later", "kind", _begun, 4.0, twice=True
    ),
    "fixture": Moment("the StatefulSets of a fixture start", "kind", _objects, 5.0),
    "tests": Moment("30 tests have ended", "kind", _results(30)),
    "tests-twice": Moment("the same, and again 1 s later", "kind", _results(30), twice=True),
    "report": Moment("pytest writes its reports", "kind", (REPORTS / "junit.xml").exists),
    "simulated-start": Moment("the program is being loaded", "simulated", seconds=0.5),
    "simulated-ready": Moment("programs are made ready", "simulated", seconds=3.0),
    "simulated-creation": Moment("the simulated clusters start", "simulated", _begun, 1.0),
    "simulated-fixture": Moment("the first objects were created", "simulated", _objects),
    "simulated-tests": Moment("30 tests have ended", "simulated", _results(30)),
    "simulated-twice": Moment("the same, and again 1 s later", "simulated", _results(30), twice=True),
    "simulated-report": Moment("pytest writes its reports", "simulated", (REPORTS / "junit.xml").exists),
}


@dataclass(frozen=True)
class Ending:
    """How an interrupted run ended."""

    moment: Moment
    said: Sequence[str]
    seconds: float
    report: str
    left: Sequence[str]
    left_after_clean: Sequence[str] | None

    @property
    def is_well(self) -> bool:
        return not (self.left if self.left_after_clean is None else self.left_after_clean)

    def row(self) -> str:
        said = "<br>".join(line.replace("|", "\\|") for line in self.said)
        left = "; ".join(self.left) or "nothing"
        if self.left_after_clean is not None:
            left += f"; after `make clean`: {'; '.join(self.left_after_clean) or 'nothing'}"
        when = f"{self.moment.provider}: {self.moment.what}"
        return f"| {when} | {said} | {self.seconds:.1f} s | {self.report} | {left} |"


def left_over() -> list[str]:
    """What this clone has on this machine: containers, networks, volumes, processes, clusters' files."""
    found = []
    engine = find_engine()
    if engine is not None:
        for what, question in OF_ENGINE.items():
            found += [f"{what} {name}" for name in engine.docker(*question).split() if clone_id() in name]
    own = {process.pid for process in [psutil.Process(), *psutil.Process().parents()]}
    for process in psutil.process_iter(["pid", "name", "cmdline"]):
        words = " ".join(process.info["cmdline"] or [])
        if process.pid not in own and str(work_dir()) in words:
            found.append(f"process {process.info['name']}")
    files = (*work_dir().glob("*hc-*.*"), *work_dir().glob("simulated/simulated-*"))
    return sorted({*found, *(f"file {path.name}" for path in files)})


def interrupted(moment: Moment) -> Ending:
    """One run, with the interrupt at its moment."""
    for old in (REPORTS / "conformance.yaml", REPORTS / "junit.xml"):
        old.unlink(missing_ok=True)
    for old in (REPORTS / "allure-results").glob("*"):
        old.unlink()
    screen = StringIO()
    env = {**os.environ, "PROVIDER": moment.provider}
    child = pexpect.spawn(
        "make", ["e2e"], cwd=str(ROOT), env=env, encoding="utf-8", dimensions=(50, 160), logfile=screen
    )
    _watch(child, STAGE_SECONDS, moment.reached)
    _watch(child, moment.seconds)
    before, begun = screen.tell(), time.monotonic()
    child.sendintr()
    if moment.twice:
        _watch(child, SECOND_SECONDS)
        child.sendintr()
    child.expect(pexpect.EOF, timeout=END_SECONDS)
    child.close()
    seconds = time.monotonic() - begun
    text = CONTROL.sub("\n", screen.getvalue()[before:])
    said = [line.strip() for line in text.splitlines() if any(word in line for word in SHOWN)]
    report = "yes" if (REPORTS / "conformance.yaml").exists() else "no"
    left = left_over()
    after = None
    if moment.twice:
        pexpect.run("make clean", cwd=str(ROOT), timeout=END_SECONDS)
        after = left_over()
    return Ending(moment, said, seconds, report, left, after)


def _watch(child: pexpect.spawn[str], seconds: float, reached: Callable[[], bool] = lambda: False) -> None:
    """Take in what a run prints for so long, or until a stage is reached."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not reached():
        try:
            child.read_nonblocking(65536, timeout=min(LOOK_SECONDS, max(0.0, end - time.monotonic())))
        except pexpect.TIMEOUT:
            continue


def main(names: Sequence[str]) -> int:
    print("| the interrupt comes when | printed from then on | took | report | left |\n|---|---|---|---|---|")
    endings = []
    for name in names or MOMENTS:
        endings.append(interrupted(MOMENTS[name]))
        print(endings[-1].row(), flush=True)
    engine = "runs" if private.processes() else "does not run"
    print(f"\nThe private engine {engine}.", file=sys.stderr)
    return 0 if all(ending.is_well for ending in endings) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
