"""Which tests stand for which requirement, as a listing for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from headless_conformance.requirements.register import Claim, Register


class Collected(Protocol):
    """A test as far as it is known without running it."""

    @property
    def nodeid(self) -> str: ...
    @property
    def needs(self) -> Sequence[str]: ...


def coverage(register: Register, specs: Mapping[str, Sequence[Collected]]) -> tuple[list[str], list[str]]:
    """The printed coverage and the claims with neither spec nor excuse; `specs` has what pytest collected for each claim."""
    lines: list[str] = []
    bare: list[str] = []
    for section in register.sections:
        lines += ["", section.title]
        for claim in (claim for claim in register.claims.values() if claim.section == section):
            lines.append(f"  {claim.id}  {claim.level:<6}  {claim.statement}")
            nodes = specs.get(claim.id, [])
            lines += [f"      {node.nodeid}" for node in nodes]
            if not nodes and claim.excuse:
                lines.append(f"      excused: {claim.excuse}")
            elif not nodes:
                lines.append("      NO SPEC")
                bare.append(claim.id)
    lines += ["", "Cited pages", *(f"  {row.id}  {row.title}: {row.excuse}" for row in register.references)]
    return lines, bare


def listing(chosen: Mapping[str, Claim], specs: Mapping[str, Sequence[Collected]], seconds: Mapping[str, float]) -> list[str]:
    """One line per claim: ID, level, section, seconds in the last run, what its specs need, sentence."""
    lines = []
    for claim in chosen.values():
        needs = dict.fromkeys(need for spec in specs.get(claim.id, []) for need in spec.needs)
        took = f"{seconds[claim.id]:.1f} s" if claim.id in seconds else "-"
        row = f"{claim.id}  {claim.level:<6}  {claim.section.id:<16}  {took:>7}  {','.join(needs) or '-':<26}  {claim.statement}"
        lines.append(row)
    return lines
