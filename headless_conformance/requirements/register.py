"""The registers of requirements: loading, checking, the generated page, and which test covers what.

`python -m headless_conformance.cli.requirements docs` writes docs/requirements.md, `coverage` prints which tests cover which requirement, `list` the requirements with
what they need and how long they took.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

import jsonschema
import yaml

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import ROOT

SUITES = ROOT / "suites"
HEADLESS_SERVICE = SUITES / "headless_service" / "document.yaml"
PAGE = ROOT / "docs" / "requirements.md"


class Level(StrEnum):
    """How binding a requirement is, as RFC 2119 has it."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    MAY = "MAY"


@dataclass(frozen=True)
class Section:
    """A section of the document."""

    id: str
    title: str
    title_zh: str


@dataclass(frozen=True)
class Interpretation:
    """How we read the document where it contradicts itself or Kubernetes, and why so."""

    text: str
    reason: str


@dataclass(frozen=True)
class Requirement:
    """One promise of the document, in our words. `since` and `until` are Kubernetes minors, both included."""

    id: str
    section: Section
    level: Level
    statement: str
    statement_zh: str
    since: str | None = None
    until: str | None = None
    interpretation: Interpretation | None = None
    excuse: str | None = None

    @property
    def anchor(self) -> str:
        """The requirement's place in the generated page, as GitHub derives it from the heading."""
        return self.id.lower()

    def sentence(self, lang: str) -> str:
        """The normative sentence in English (`en`) or Chinese (`zh`)."""
        return self.statement_zh if lang == "zh" else self.statement

    def out_of_range(self, minor: str) -> str:
        """Why the requirement does not hold for a Kubernetes minor such as `1.37`; empty when it does."""
        if self.since and _minor(minor) < _minor(self.since):
            return f"it holds since Kubernetes {self.since}, this is {minor}"
        if self.until and _minor(minor) > _minor(self.until):
            return f"it held until Kubernetes {self.until}, this is {minor}"
        return ""


@dataclass(frozen=True)
class Reference:
    """A page that the document cites."""

    id: str
    title: str
    url: str
    requirements_found: int
    excuse: str


@dataclass(frozen=True)
class Register:
    """All requirements of one document, in its order."""

    id: str
    title: str
    title_zh: str
    sections: tuple[Section, ...]
    requirements: Mapping[str, Requirement]
    references: tuple[Reference, ...]

    def requirement(self, requirement_id: str) -> Requirement:
        """The requirement of this ID; UserError when there is none."""
        try:
            return self.requirements[requirement_id]
        except KeyError:
            raise UserError(
                f"{requirement_id} is not a requirement of suites/{self.id}/document.yaml; `make requirements` lists them."
            ) from None


def _minor(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SUITES / "schema.json").read_text())
    return loaded


def load(path: Path = HEADLESS_SERVICE) -> Register:
    """Read and check a register; UserError names the first thing that is wrong with it."""
    data = yaml.safe_load(path.read_text())
    error = jsonschema.exceptions.best_match(jsonschema.Draft202012Validator(_schema()).iter_errors(data))
    if error is not None:
        raise UserError(f"{path.name}: {error.json_path}: {error.message}; correct the register.")
    document = data["document"]
    sections = {row["id"]: Section(**row) for row in data["sections"]}
    _no_twins(path, [row["id"] for row in data["sections"]])
    _no_twins(path, [row["id"] for row in [*data["requirements"], *data["references"]]])
    requirements = {row["id"]: _requirement(path, row, sections) for row in data["requirements"]}
    return Register(
        id=document["id"],
        title=document["title"],
        title_zh=document["title_zh"],
        sections=tuple(sections.values()),
        requirements=MappingProxyType(requirements),
        references=tuple(Reference(**row) for row in data["references"]),
    )


def _no_twins(path: Path, ids: Iterable[str]) -> None:
    for twin in (name for name, count in Counter(ids).items() if count > 1):
        raise UserError(f"{path.name}: {twin} is there twice; give one of them another ID.")


def _requirement(path: Path, row: dict[str, Any], sections: Mapping[str, Section]) -> Requirement:
    level = Level(row.get("level", Level.MUST))
    where = f"{path.name}: {row['id']}"
    if row["section"] not in sections:
        raise UserError(f"{where} names the section {row['section']}; use one of {', '.join(sections)}.")
    words = {word for word in Level if word in row["statement"].replace(".", " ").replace(",", " ").split()}
    if words != {level}:
        raise UserError(f"{where} is a {level} requirement; its statement must say {level} and no other level's word.")
    return Requirement(
        id=row["id"],
        section=sections[row["section"]],
        level=level,
        statement=row["statement"],
        statement_zh=row["statement_zh"],
        since=row.get("since"),
        until=row.get("until"),
        interpretation=Interpretation(**row["interpretation"]) if "interpretation" in row else None,
        excuse=row.get("excuse"),
    )


def markdown(text: str) -> str:
    """A sentence of the register for Markdown, where `<svc>` outside code would be taken for HTML."""
    parts = text.split("`")
    parts[::2] = [part.replace("<", r"\<") for part in parts[::2]]
    return "`".join(parts)


def page(register: Register) -> str:
    """The register as a page for readers, in Markdown."""
    levels = Counter(requirement.level for requirement in register.requirements.values())
    counts = ", ".join(f"{levels[level]} {level}" for level in Level)
    lines = [
        f"# Requirements: {register.title} ({register.title_zh})",
        "",
        f"Generated from `suites/{register.id}/document.yaml` by `make pages`; change the register, not this page.",
        "",
        f"{len(register.requirements)} requirements: {counts}. Each sentence is our own; the levels are those of RFC 2119.",
        "",
    ]
    for section in register.sections:
        lines += [f"## {section.title} ({section.title_zh})", ""]
        for requirement in (requirement for requirement in register.requirements.values() if requirement.section == section):
            lines += _requirement_lines(requirement)
    lines += ["## Cited pages", "", "| ID | page | requirements found | why no test names it |", "|---|---|---|---|"]
    lines += [f"| {row.id} | [{row.title}]({row.url}) | {row.requirements_found} | {row.excuse} |" for row in register.references]
    return "\n".join(lines) + "\n"


def _requirement_lines(requirement: Requirement) -> list[str]:
    lines = [f"### {requirement.id}", ""]
    lines += [markdown(requirement.statement), "", markdown(requirement.statement_zh), ""]
    if requirement.since:
        lines += [f"Since Kubernetes {requirement.since}.", ""]
    if requirement.until:
        lines += [f"Until Kubernetes {requirement.until}.", ""]
    if requirement.interpretation:
        lines += [
            f"*Reading*: {markdown(requirement.interpretation.text)} *Reason*: {markdown(requirement.interpretation.reason)}",
            "",
        ]
    if requirement.excuse:
        lines += [f"*Not verified by a test*: {requirement.excuse}", ""]
    return lines
