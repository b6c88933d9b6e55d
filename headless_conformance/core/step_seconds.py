"""How long steps take on this machine: measured by its past runs, else from a table by its speed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from headless_conformance.core.files import replacing
from headless_conformance.core.paths import cache_dir
from headless_conformance.core.plan import Step

BENCHMARK_SECONDS = 2.0
REFERENCE_ROUNDS = 170.0
"""Rounds of the benchmark per second of two processors of the table's machine that do nothing else: 87 in a
second of processor time, 2026-11-28."""
LONG_SECONDS = 60.0
"""Of steps that were never measured, by the table: what makes it worth two seconds to know more."""
LEAST_SHARE = 0.3
"""More processors make no step shorter than this share of its time on the machine of the table: programs are
linked one by one, and clusters wait."""
MOST_SHARE = 4.0
"""What is busy for two seconds need not be so for an hour."""

TABLE: Mapping[str, float] = {
    "container engine": 10,
    "build kind": 20,
    "build kubernetes": 446,
    "build coredns": 199,
    "build containerd": 97,
    "build local-path-provisioner": 137,
    "build etcd": 44,
    "build netd": 70,
    "build crictl": 59,
    "build cni-plugins": 12,
    "build pause": 5,
    "build kwok": 60,
    "build k3d": 100,
    "Debian packages, file systems and busybox": 60,
    "root file system of the node": 27,
    "images of the control plane": 15,
    "node image": 21,
    "kind cluster": 45,
    "kept kind cluster": 45,
    "k3d cluster": 45,
    "simulated cluster": 8,
    "existing cluster": 5,
    "tests on the kind cluster": 100,
    "tests on the kept kind cluster": 100,
    "tests on the k3d cluster": 100,
    "tests on the existing cluster": 110,
    "tests on the simulated cluster": 14,
    "clean-up and report": 6,
}
"""Seconds of each step that takes long, measured on two processors of docs/measurements.md, 2026-11-27."""


BY_RUNS = "by its last runs"
BY_SPEED = "by its speed"
UNKNOWN = "as on another one: nothing was measured here yet"


def kind_of_step(title: str) -> str:
    """A title without the versions in it, such as `build kubernetes` for `build kubernetes-1.37.0`."""
    return re.sub(r"( for Kubernetes)?[ -]v?\d+(\.\d+)+\S*", "", title)


@dataclass(frozen=True)
class StepSeconds:
    """What this machine measured, by the kind of step."""

    file: Path

    @classmethod
    def of_this_machine(cls) -> StepSeconds:
        return cls(cache_dir() / "step-seconds.json")

    def measured(self) -> dict[str, float]:
        """The last time of each step; nothing where no run has ended a step, or the file is damaged."""
        try:
            found = json.loads(self.file.read_text())
            return {str(name): float(seconds) for name, seconds in found.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            return {}

    def remember(self, title: str, seconds: float) -> None:
        """A step of this title ended well after so many seconds."""
        with FileLock(self.file.with_suffix(".lock")), replacing(self.file) as temporary:
            temporary.write_text(
                json.dumps({**self.measured(), kind_of_step(title): round(seconds, 1)}, indent=1)
            )


@dataclass(frozen=True)
class Estimate:
    """How long each step takes, and how that is known, as part of a sentence."""

    seconds: Mapping[str, float]
    known_by: str
    factor: float | None = None
    """How many times the seconds of the table this machine needs, where that was found out."""


def estimate(steps: Sequence[Step], measured: Mapping[str, float], factor: float | None = None) -> Estimate:
    """The seconds of each step by its title. The machine's speed is only found out where steps that take long
    were never measured here, unless `factor` has it."""
    seconds = {step.title: measured[kind_of_step(step.title)] for step in steps if _in(measured, step)}
    unknown = [step for step in steps if not _in(measured, step) and _in(TABLE, step)]
    if not unknown:
        return Estimate(seconds, BY_RUNS)
    if factor is None and sum(TABLE[kind_of_step(step.title)] for step in unknown) > LONG_SECONDS:
        factor = REFERENCE_ROUNDS / max(rounds_per_second(), 0.01)
        factor = min(max(factor, LEAST_SHARE), MOST_SHARE)
    seconds |= {step.title: TABLE[kind_of_step(step.title)] * (factor or 1.0) for step in unknown}
    return Estimate(seconds, BY_SPEED if factor else BY_RUNS if measured else UNKNOWN, factor)


def _in(table: Mapping[str, float], step: Step) -> bool:
    return kind_of_step(step.title) in table


_ROUNDS = """
import ast, sys, time
text = open(ast.__file__).read()
end, rounds = time.monotonic() + float(sys.argv[1]), 0
while time.monotonic() < end:
    compile(text, "text", "exec")
    rounds += 1
print(rounds)
"""


def rounds_per_second(seconds: float = BENCHMARK_SECONDS) -> float:
    """How often per second all processors together compile a module of Python's library: work like that of
    the compiler that the long steps wait for."""
    begun = time.monotonic()
    children = [
        subprocess.Popen([sys.executable, "-I", "-c", _ROUNDS, str(seconds)], stdout=subprocess.PIPE)
        for _ in range(os.cpu_count() or 1)
    ]
    rounds = sum(int(child.communicate()[0] or 0) for child in children)
    return rounds / (time.monotonic() - begun)
