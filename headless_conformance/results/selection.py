"""Which requirements a run is about: REQUIREMENT, SECTION and LEVEL narrow it down, RERUN takes what was not green in an earlier report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from headless_conformance.core.errors import UserError
from headless_conformance.requirements.register import Level, Register, Requirement, load
from headless_conformance.results.report_file import read
from headless_conformance.results.verdict import Outcome

GREEN = (Outcome.PASSED, Outcome.EXCUSED)
VARIABLES = ("REQUIREMENT", "SECTION", "LEVEL", "RERUN")


def _words(env: Mapping[str, str], name: str, known: Iterable[str]) -> set[str]:
    """The words of a variable, separated by blanks or commas; UserError names the first unknown one."""
    words = env.get(name, "").replace(",", " ").split()
    for word in words:
        if word not in known:
            raise UserError(f"{name}={word} is not known; use one or more of {', '.join(known)}.")
    return set(words)


def selected(register: Register, env: Mapping[str, str]) -> dict[str, Requirement]:
    """The requirements that all given variables agree on, in the register's order; all when none is given."""
    ids = _words(env, "REQUIREMENT", register.requirements)
    sections = _words(env, "SECTION", [section.id for section in register.sections])
    levels = _words(env, "LEVEL", list(Level))
    conditions: list[Callable[[Requirement], bool]] = []
    if ids:
        conditions.append(lambda requirement: requirement.id in ids)
    if sections:
        conditions.append(lambda requirement: requirement.section.id in sections)
    if levels:
        conditions.append(lambda requirement: requirement.level in levels)
    if env.get("RERUN"):
        earlier = {row["id"]: row["outcome"] for row in read(Path(env["RERUN"]))["requirements"]}
        conditions.append(lambda requirement: earlier.get(requirement.id) not in GREEN)
    chosen = {
        requirement.id: requirement
        for requirement in register.requirements.values()
        if all(holds(requirement) for holds in conditions)
    }
    if not chosen:
        raise UserError("No requirement is left to verify; give fewer of REQUIREMENT, SECTION, LEVEL and RERUN.")
    return chosen


def as_requirements(env: Mapping[str, str]) -> dict[str, str]:
    """The same choice by REQUIREMENT alone, for a run whose reports take the place of the one that RERUN names; empty without a choice.

    UserError as `selected`.
    """
    if not any(env.get(name) for name in VARIABLES):
        return {}
    return {**dict.fromkeys(VARIABLES, ""), "REQUIREMENT": ",".join(selected(load(), env))}
