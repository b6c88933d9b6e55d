"""Which tests stand for which requirement, as a listing for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from headless_conformance.requirements.documents import Documents
from headless_conformance.requirements.model import Document, Requirement


class CollectedTest(Protocol):
    """A test as far as it is known without running it."""

    @property
    def nodeid(self) -> str: ...
    @property
    def needs(self) -> Sequence[str]: ...


TestsByRequirement = Mapping[str, Sequence[CollectedTest]]


def coverage_lines(document: Document, tests: TestsByRequirement) -> list[str]:
    """The requirements of a document, each with its tests, or with why it has none."""
    lines = [document.title]
    for section in document.sections:
        lines += ["", section.title]
        for requirement in document.requirements_of(section):
            lines.append(f"  {requirement.id}  {requirement.level:<6}  {requirement.statement}")
            own = tests.get(requirement.id, [])
            lines += [f"      {test.nodeid}" for test in own]
            if not own:
                lines.append(
                    f"      not judged: {requirement.untestable}"
                    if requirement.untestable
                    else "      NO TEST"
                )
    if document.references:
        lines += [
            "",
            "Cited pages",
            *(f"  {row.id}  {row.title}: {row.reason}" for row in document.references),
        ]
    return lines


def requirements_without_test(documents: Documents, tests: TestsByRequirement) -> list[str]:
    """IDs of the requirements that have no test and are not said to be untestable."""
    return [
        name for name, found in documents.requirements.items() if not tests.get(name) and not found.untestable
    ]


def requirement_lines(
    documents: Documents,
    chosen: Iterable[Requirement],
    tests: TestsByRequirement,
    seconds: Mapping[str, float],
) -> list[str]:
    """One line per requirement: ID, level, document and section, seconds in the last
    run, needs of its tests, sentence."""
    lines = []
    for requirement in chosen:
        needs = dict.fromkeys(need for test in tests.get(requirement.id, []) for need in test.needs)
        took = f"{seconds[requirement.id]:.1f} s" if requirement.id in seconds else "-"
        section = f"{documents.document_of(requirement.id).id}/{requirement.section}"
        lines.append(
            f"{requirement.id}  {requirement.level:<6}  {section:<33}  {took:>7}  "
            f"{','.join(needs) or '-':<26}  "
            f"{requirement.statement}"
        )
    return lines
