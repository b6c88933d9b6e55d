"""A document and its requirements, as `suites/<document>/document.yaml` has them: the register of that
document."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from headless_conformance.core.levels import Level

Text = Annotated[str, StringConstraints(min_length=1, pattern=r"^\S(.*\S)?$")]
Identifier = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]*(-[A-Z0-9]+)+$")]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$")]
Minor = Annotated[str, StringConstraints(pattern=r"^1\.[0-9]+$")]
Version = Annotated[str, StringConstraints(pattern=r"^1\.[0-9]+(\.[0-9]+)?$")]
Url = Annotated[str, StringConstraints(pattern=r"^https://\S+$")]


def _as_tuple(value: Any) -> Any:
    if isinstance(value, str):
        return (value,)
    return tuple(value) if isinstance(value, list) else value


Identifiers = Annotated[
    tuple[Identifier, ...], BeforeValidator(_as_tuple, json_schema_input_type=str | list[str])
]


class _Row(BaseModel):
    """A part of a register; it has no keys but its own and never changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class Section(_Row):
    """A section of the document."""

    id: Slug
    title: Text
    title_zh: Text
    anchor: str = ""
    """The place of the section in the document, without `#`."""


class Interpretation(_Row):
    """How the document is understood where it contradicts itself or Kubernetes."""

    text: Text
    reason: Text


class KnownDeviation(_Row):
    """A promise that some versions of Kubernetes are known to break. A failure there is a known deviation,
    never a pass."""

    versions: tuple[Version, ...] = Field(min_length=1)
    """Minors such as `1.37`, which stand for all of their patches, or patches such as `1.37.0`."""
    reason: Text
    thread: Url
    """Where the deviation was reported."""
    tests: tuple[Text, ...] = ()
    """Names of the test functions that show it; every test of the requirement where none is named."""

    def covers(self, kubernetes: str, test: str) -> bool:
        """Whether a failure of this test function on a version such as `1.37.0` is the deviation."""
        on_version = any(
            kubernetes == version or kubernetes.startswith(f"{version}.") for version in self.versions
        )
        return on_version and (not self.tests or test in self.tests)


class Requirement(_Row):
    """One promise of a document, in our words."""

    id: Identifier
    section: Slug
    level: Level = Level.MUST
    statement: Text
    """One sentence with the word of its level and of no other."""
    statement_zh: Text
    source: Url | None = None
    """Where the sentence stands, with its anchor; the place of the section where this is left out."""
    since: Minor | None = None
    """First Kubernetes minor for which the requirement holds."""
    until: Minor | None = None
    """Last Kubernetes minor for which the requirement holds."""
    same_as: Identifiers = ()
    """Requirements of other documents that promise the same. They are verified once and reported for all."""
    read_only: bool = False
    """Whether what it says can be seen on any headless Service and its Pods, by reading objects and files in
    Pods and by asking DNS servers; nothing is created, changed or deleted for it."""
    interpretation: Interpretation | None = None
    untestable: Text | None = None
    """Why no test can verify the requirement; its outcome is then `not_judged`."""
    known_deviations: tuple[KnownDeviation, ...] = ()

    @property
    def anchor(self) -> str:
        """The requirement's place in its generated page, as GitHub derives it from the heading."""
        return self.id.lower()

    def sentence(self, lang: str) -> str:
        """The normative sentence in English (`en`) or Chinese (`zh`)."""
        return self.statement_zh if lang == "zh" else self.statement

    def out_of_range(self, minor: str) -> str:
        """Why the requirement does not hold for a Kubernetes minor such as `1.37`; empty when it does."""
        if self.since and _numbers(minor) < _numbers(self.since):
            return f"it holds since Kubernetes {self.since}, this is {minor}"
        if self.until and _numbers(minor) > _numbers(self.until):
            return f"it held until Kubernetes {self.until}, this is {minor}"
        return ""

    def deviation(self, kubernetes: str, test: str) -> KnownDeviation | None:
        """The known deviation that a failure of this test function is on a Kubernetes version such as
        `1.37.0`."""
        return next((found for found in self.known_deviations if found.covers(kubernetes, test)), None)

    @model_validator(mode="after")
    def _says_its_level(self) -> Self:
        words = {word for word in Level if word in self.statement.replace(".", " ").replace(",", " ").split()}
        if words != {self.level}:
            raise ValueError(
                f"its level is {self.level}; its statement must say {self.level} and no other level's word"
            )
        if self.since and self.until and _numbers(self.since) > _numbers(self.until):
            raise ValueError(f"it cannot hold since {self.since} and until {self.until}")
        return self


class Reference(_Row):
    """A page that the document cites. It carries no requirement of the document."""

    id: Identifier
    title: Text
    url: Url
    requirements_found: int = Field(ge=0)
    """How many requirements of its own a reading of the page found."""
    reason: Text
    """Why no test names the page."""


class Document(_Row):
    """A document that is verified: the register of its requirements, in its order."""

    id: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    """Also the name of the folder below suites/ and manifests/."""
    title: Text
    title_zh: Text
    url: Url | None = None
    """Where the document is published; left out where it is not."""
    revision: Text
    """What was read: a commit, a version or a date."""
    id_prefixes: tuple[Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]*$")], ...] = Field(
        min_length=1
    )
    """How the IDs of its requirements begin; no other document has such IDs."""
    sections: tuple[Section, ...] = Field(min_length=1)
    requirements: tuple[Requirement, ...] = Field(min_length=1)
    references: tuple[Reference, ...] = ()

    @cached_property
    def by_id(self) -> Mapping[str, Requirement]:
        """The requirements by their IDs, in the document's order."""
        return MappingProxyType({requirement.id: requirement for requirement in self.requirements})

    def name(self, lang: str) -> str:
        """The title in English (`en`) or Chinese (`zh`)."""
        return self.title_zh if lang == "zh" else self.title

    def section(self, section_id: str) -> Section:
        """The section of an ID that the register has."""
        return next(section for section in self.sections if section.id == section_id)

    def requirements_of(self, section: Section) -> list[Requirement]:
        """The requirements of a section, in the document's order."""
        return [requirement for requirement in self.requirements if requirement.section == section.id]

    def source_of(self, requirement: Requirement) -> str:
        """Address and anchor of a requirement's sentence or else of its section; empty when the document is
        not published."""
        if requirement.source:
            return requirement.source
        anchor = self.section(requirement.section).anchor
        return f"{self.url}#{anchor}" if self.url and anchor else self.url or ""

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        sections = [section.id for section in self.sections]
        ids = [*(row.id for row in self.requirements), *(row.id for row in self.references)]
        for twin in (
            name for names in (sections, ids) for name, count in Counter(names).items() if count > 1
        ):
            raise ValueError(f"{twin} is there twice; give one of them another ID")
        for name in ids:
            if name.partition("-")[0] not in self.id_prefixes:
                raise ValueError(
                    f"{name} must begin with {' or '.join(self.id_prefixes)}, as id_prefixes says"
                )
        for requirement in self.requirements:
            if requirement.section not in sections:
                known = ", ".join(sections)
                raise ValueError(
                    f"{requirement.id} names the section {requirement.section}; use one of {known}"
                )
        return self


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
