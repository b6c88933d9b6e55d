"""Which claims a run is about: CLAIM, SECTION and LEVEL narrow it down, RERUN takes what was not green in an earlier report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from headless_conformance.core.errors import UserError
from headless_conformance.requirements.register import Claim, Level, Register, load
from headless_conformance.results.report_file import read
from headless_conformance.results.verdict import Outcome

GREEN = (Outcome.PASSED, Outcome.EXCUSED)
VARIABLES = ("CLAIM", "SECTION", "LEVEL", "RERUN")


def _words(env: Mapping[str, str], name: str, known: Iterable[str]) -> set[str]:
    """The words of a variable, separated by blanks or commas; UserError names the first unknown one."""
    words = env.get(name, "").replace(",", " ").split()
    for word in words:
        if word not in known:
            raise UserError(f"{name}={word} is not known; use one or more of {', '.join(known)}.")
    return set(words)


def selected(register: Register, env: Mapping[str, str]) -> dict[str, Claim]:
    """The claims that all given variables agree on, in the register's order; all when none is given."""
    ids = _words(env, "CLAIM", register.claims)
    sections = _words(env, "SECTION", [section.id for section in register.sections])
    levels = _words(env, "LEVEL", list(Level))
    conditions: list[Callable[[Claim], bool]] = []
    if ids:
        conditions.append(lambda claim: claim.id in ids)
    if sections:
        conditions.append(lambda claim: claim.section.id in sections)
    if levels:
        conditions.append(lambda claim: claim.level in levels)
    if env.get("RERUN"):
        earlier = {row["id"]: row["outcome"] for row in read(Path(env["RERUN"]))["claims"]}
        conditions.append(lambda claim: earlier.get(claim.id) not in GREEN)
    chosen = {claim.id: claim for claim in register.claims.values() if all(holds(claim) for holds in conditions)}
    if not chosen:
        raise UserError("No claim is left to verify; give fewer of CLAIM, SECTION, LEVEL and RERUN.")
    return chosen


def as_claims(env: Mapping[str, str]) -> dict[str, str]:
    """The same choice by CLAIM alone, for a run whose reports take the place of the one that RERUN names; empty without a choice.

    UserError as `selected`.
    """
    if not any(env.get(name) for name in VARIABLES):
        return {}
    return {**dict.fromkeys(VARIABLES, ""), "CLAIM": ",".join(selected(load(), env))}
