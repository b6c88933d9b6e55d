"""The registers of claims: loading, checking, the generated page, and which spec covers what.

`python -m headless_conformance.cli.claims docs` writes docs/claims.md, `coverage` prints which specs cover which claim, `list` the claims with
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

CLAIMS = ROOT / "claims"
HEADLESS_SERVICE = CLAIMS / "headless_service.yaml"
PAGE = ROOT / "docs" / "claims.md"


class Level(StrEnum):
    """How binding a claim is, as RFC 2119 has it."""

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
class Reading:
    """How we read the document where it contradicts itself or Kubernetes, and why so."""

    text: str
    reason: str


@dataclass(frozen=True)
class Claim:
    """One promise of the document, in our words. `since` and `until` are Kubernetes minors, both included."""

    id: str
    section: Section
    level: Level
    statement: str
    statement_zh: str
    since: str | None = None
    until: str | None = None
    reading: Reading | None = None
    excuse: str | None = None

    @property
    def anchor(self) -> str:
        """The claim's place in the generated page, as GitHub derives it from the heading."""
        return self.id.lower()

    def sentence(self, lang: str) -> str:
        """The normative sentence in English (`en`) or Chinese (`zh`)."""
        return self.statement_zh if lang == "zh" else self.statement

    def out_of_range(self, minor: str) -> str:
        """Why the claim does not hold for a Kubernetes minor such as `1.37`; empty when it does."""
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
    claims_found: int
    excuse: str


@dataclass(frozen=True)
class Register:
    """All claims of one document, in its order."""

    id: str
    title: str
    title_zh: str
    sections: tuple[Section, ...]
    claims: Mapping[str, Claim]
    references: tuple[Reference, ...]

    def claim(self, claim_id: str) -> Claim:
        """The claim of this ID; UserError when there is none."""
        try:
            return self.claims[claim_id]
        except KeyError:
            raise UserError(f"{claim_id} is not a claim of claims/{self.id}.yaml; `make claims` lists them.") from None


def _minor(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


def _schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((CLAIMS / "schema.json").read_text())
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
    _no_twins(path, [row["id"] for row in [*data["claims"], *data["references"]]])
    claims = {row["id"]: _claim(path, row, sections) for row in data["claims"]}
    return Register(
        id=document["id"],
        title=document["title"],
        title_zh=document["title_zh"],
        sections=tuple(sections.values()),
        claims=MappingProxyType(claims),
        references=tuple(Reference(**row) for row in data["references"]),
    )


def _no_twins(path: Path, ids: Iterable[str]) -> None:
    for twin in (name for name, count in Counter(ids).items() if count > 1):
        raise UserError(f"{path.name}: {twin} is there twice; give one of them another ID.")


def _claim(path: Path, row: dict[str, Any], sections: Mapping[str, Section]) -> Claim:
    level = Level(row.get("level", Level.MUST))
    where = f"{path.name}: {row['id']}"
    if row["section"] not in sections:
        raise UserError(f"{where} names the section {row['section']}; use one of {', '.join(sections)}.")
    words = {word for word in Level if word in row["statement"].replace(".", " ").replace(",", " ").split()}
    if words != {level}:
        raise UserError(f"{where} is a {level} claim; its statement must say {level} and no other level's word.")
    return Claim(
        id=row["id"],
        section=sections[row["section"]],
        level=level,
        statement=row["statement"],
        statement_zh=row["statement_zh"],
        since=row.get("since"),
        until=row.get("until"),
        reading=Reading(**row["reading"]) if "reading" in row else None,
        excuse=row.get("excuse"),
    )


def markdown(text: str) -> str:
    """A sentence of the register for Markdown, where `<svc>` outside code would be taken for HTML."""
    parts = text.split("`")
    parts[::2] = [part.replace("<", r"\<") for part in parts[::2]]
    return "`".join(parts)


def page(register: Register) -> str:
    """The register as a page for readers, in Markdown."""
    levels = Counter(claim.level for claim in register.claims.values())
    counts = ", ".join(f"{levels[level]} {level}" for level in Level)
    lines = [
        f"# Claims: {register.title} ({register.title_zh})",
        "",
        f"Generated from `claims/{register.id}.yaml` by `python -m headless_conformance.cli.claims docs`; change the register, not this page.",
        "",
        f"{len(register.claims)} claims: {counts}. Each sentence is our own; the levels are those of RFC 2119.",
        "",
    ]
    for section in register.sections:
        lines += [f"## {section.title} ({section.title_zh})", ""]
        for claim in (claim for claim in register.claims.values() if claim.section == section):
            lines += _claim_lines(claim)
    lines += ["## Cited pages", "", "| ID | page | claims found | why no spec names it |", "|---|---|---|---|"]
    lines += [f"| {row.id} | [{row.title}]({row.url}) | {row.claims_found} | {row.excuse} |" for row in register.references]
    return "\n".join(lines) + "\n"


def _claim_lines(claim: Claim) -> list[str]:
    lines = [f"### {claim.id}", ""]
    lines += [markdown(claim.statement), "", markdown(claim.statement_zh), ""]
    if claim.since:
        lines += [f"Since Kubernetes {claim.since}.", ""]
    if claim.until:
        lines += [f"Until Kubernetes {claim.until}.", ""]
    if claim.reading:
        lines += [f"*Reading*: {markdown(claim.reading.text)} *Reason*: {markdown(claim.reading.reason)}", ""]
    if claim.excuse:
        lines += [f"*Not verified by a spec*: {claim.excuse}", ""]
    return lines
