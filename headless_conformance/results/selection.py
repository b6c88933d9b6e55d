"""Which requirements a run is about.

DOCUMENT, SECTION, REQUIREMENT and LEVEL narrow it down, RERUN takes what did not pass in an earlier report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from headless_conformance.core.errors import UserError
from headless_conformance.core.levels import Level
from headless_conformance.core.settings import Selection, variables_of
from headless_conformance.requirements.documents import Documents
from headless_conformance.requirements.model import Requirement
from headless_conformance.results.report_file import read_report
from headless_conformance.results.verdict import Outcome

SELECTING_VARIABLES = tuple(variables_of(Selection()))


def _words(text: str) -> list[str]:
    """The words of a variable's value, separated by blanks or commas."""
    return text.replace(",", " ").split()


def _known_words(name: str, text: str, known: Iterable[str]) -> set[str]:
    """The words of the variable `name`; UserError names the first unknown one."""
    for word in _words(text):
        if word not in known:
            raise UserError(f"{name}={word} is not known; use one or more of {', '.join(known)}.")
    return set(_words(text))


def _sections(documents: Documents, text: str) -> set[str]:
    """The sections that SECTION names, as `document/section`; UserError names the first unknown or ambiguous
    one."""
    every = [f"{document.id}/{section.id}" for document in documents for section in document.sections]
    chosen = set()
    for word in _words(text):
        found = [place for place in every if word in (place, place.partition("/")[2])]
        if not found:
            raise UserError(f"SECTION={word} is not known; use one or more of {', '.join(every)}.")
        if len(found) > 1:
            raise UserError(f"SECTION={word} is in several documents; write {' or '.join(found)}.")
        chosen.update(found)
    return chosen


def select_requirements(documents: Documents, selection: Selection) -> dict[str, Requirement]:
    """The requirements that all given variables agree on, in the documents' order; all when none is given.

    UserError when a variable has an unknown word, or when nothing is left to verify.
    """
    conditions: list[Callable[[Requirement], bool]] = []
    if names := _known_words("DOCUMENT", selection.document, [document.id for document in documents]):
        conditions.append(lambda found: documents.document_of(found.id).id in names)
    if sections := _sections(documents, selection.section):
        conditions.append(lambda found: f"{documents.document_of(found.id).id}/{found.section}" in sections)
    if ids := _known_words("REQUIREMENT", selection.requirement, documents.requirements):
        conditions.append(lambda found: found.id in ids)
    if levels := _known_words("LEVEL", selection.level, list(Level)):
        conditions.append(lambda found: found.level in levels)
    if selection.rerun:
        earlier = read_report(Path(selection.rerun)).outcomes()
        conditions.append(lambda found: earlier.get(found.id) is not Outcome.PASSED and not found.untestable)
    chosen = {
        name: found
        for name, found in documents.requirements.items()
        if all(holds(found) for holds in conditions)
    }
    if conditions and not chosen:
        *others, last = SELECTING_VARIABLES
        raise UserError(f"No requirement is left to verify; give fewer of {', '.join(others)} and {last}.")
    return chosen


def selection_by_requirement(documents: Documents, selection: Selection) -> Selection:
    """The same choice by REQUIREMENT alone, for a run whose reports take the place of the one that RERUN
    names.

    Empty without a choice. UserError as `select_requirements`.
    """
    if selection == Selection():
        return selection
    return Selection(requirement=",".join(select_requirements(documents, selection)))
