"""Which tests stand for which requirement, as a listing for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from headless_conformance.requirements.register import Register, Requirement


class Collected(Protocol):
    """A test as far as it is known without running it."""

    @property
    def nodeid(self) -> str: ...
    @property
    def needs(self) -> Sequence[str]: ...


def coverage(register: Register, tests: Mapping[str, Sequence[Collected]]) -> tuple[list[str], list[str]]:
    """The printed coverage and the requirements with neither test nor excuse; `specs` has what pytest collected for each requirement."""
    lines: list[str] = []
    bare: list[str] = []
    for section in register.sections:
        lines += ["", section.title]
        for requirement in (requirement for requirement in register.requirements.values() if requirement.section == section):
            lines.append(f"  {requirement.id}  {requirement.level:<6}  {requirement.statement}")
            nodes = tests.get(requirement.id, [])
            lines += [f"      {node.nodeid}" for node in nodes]
            if not nodes and requirement.excuse:
                lines.append(f"      excused: {requirement.excuse}")
            elif not nodes:
                lines.append("      NO SPEC")
                bare.append(requirement.id)
    lines += ["", "Cited pages", *(f"  {row.id}  {row.title}: {row.excuse}" for row in register.references)]
    return lines, bare


def listing(
    chosen: Mapping[str, Requirement], tests: Mapping[str, Sequence[Collected]], seconds: Mapping[str, float]
) -> list[str]:
    """One line per requirement: ID, level, section, seconds in the last run, what its tests need, sentence."""
    lines = []
    for requirement in chosen.values():
        needs = dict.fromkeys(need for case in tests.get(requirement.id, []) for need in case.needs)
        took = f"{seconds[requirement.id]:.1f} s" if requirement.id in seconds else "-"
        row = f"{requirement.id}  {requirement.level:<6}  {requirement.section.id:<16}  {took:>7}  {','.join(needs) or '-':<26}  {requirement.statement}"
        lines.append(row)
    return lines
