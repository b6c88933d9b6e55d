"""All documents that this suite verifies, found as `suites/*/document.yaml`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from pydantic import ValidationError

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import ROOT, SUITES, command_line
from headless_conformance.core.validation import first_mistake
from headless_conformance.requirements.model import Document, Requirement, Section

REGISTER_FILE = "document.yaml"
DOCUMENT_SCHEMA = ROOT / "docs" / "document.schema.json"


@dataclass(frozen=True)
class Documents:
    """The documents, in the order of their IDs. No two of them have a requirement of the same ID."""

    documents: tuple[Document, ...]

    def __iter__(self) -> Iterator[Document]:
        return iter(self.documents)

    @cached_property
    def requirements(self) -> Mapping[str, Requirement]:
        """Every requirement by its ID, document by document."""
        found = {
            requirement.id: requirement
            for document in self.documents
            for requirement in document.requirements
        }
        return MappingProxyType(found)

    @cached_property
    def _document_ids(self) -> Mapping[str, Document]:
        return {
            requirement.id: document for document in self.documents for requirement in document.requirements
        }

    @cached_property
    def _equivalents(self) -> Mapping[str, tuple[str, ...]]:
        groups: dict[str, set[str]] = {name: {name} for name in self.requirements}
        for name, requirement in self.requirements.items():
            for other in requirement.same_as:
                merged = groups[name] | groups[other]
                groups |= dict.fromkeys(merged, merged)
        return {
            name: tuple(other for other in self.requirements if other in group)
            for name, group in groups.items()
        }

    def document(self, document_id: str) -> Document:
        """The document of an ID; UserError names those that there are."""
        for found in self.documents:
            if found.id == document_id:
                return found
        known = ", ".join(document.id for document in self.documents)
        raise UserError(f"There is no suites/{document_id}/{REGISTER_FILE}; the documents are {known}.")

    def requirement(self, requirement_id: str) -> Requirement:
        """The requirement of an ID; UserError when no document has it."""
        try:
            return self.requirements[requirement_id]
        except KeyError:
            raise UserError(
                f"{requirement_id} is not a requirement of any document; `{command_line('list')}` lists them."
            ) from None

    def document_of(self, requirement_id: str) -> Document:
        """The document that a requirement stands in."""
        return self._document_ids[requirement_id]

    def section_of(self, requirement: Requirement) -> Section:
        """The section that a requirement stands in."""
        return self.document_of(requirement.id).section(requirement.section)

    def equivalents(self, requirement_id: str) -> tuple[str, ...]:
        """The requirement's own ID and those of all that `same_as` joins to it,
        directly or through another one."""
        return self._equivalents[requirement_id]


def load_documents(suites: Path = SUITES) -> Documents:
    """Read and check every register below `suites`; UserError names the first thing that is wrong."""
    found = Documents(tuple(load_document(path) for path in sorted(suites.glob(f"*/{REGISTER_FILE}"))))
    owners: dict[str, str] = {}
    for document in found:
        for prefix in document.id_prefixes:
            if owners.setdefault(prefix, document.id) != document.id:
                raise UserError(
                    f"{_file(document.id)}: the prefix {prefix} is that of {owners[prefix]}; use another one."
                )
    for name, requirement in found.requirements.items():
        for other in requirement.same_as:
            if wrong := _wrong_twin(found, requirement, other):
                raise UserError(
                    f"{_file(found.document_of(name).id)}: {name} is the same as {other}, "
                    f"{wrong}; correct same_as."
                )
    return found


def _wrong_twin(documents: Documents, requirement: Requirement, other: str) -> str:
    twin = documents.requirements.get(other)
    if twin is None:
        return "which no document has"
    if documents.document_of(other) is documents.document_of(requirement.id):
        return "which is in the same document"
    return (
        f"whose level is {twin.level} and not {requirement.level}"
        if twin.level is not requirement.level
        else ""
    )


def load_document(path: Path) -> Document:
    """Read and check the register of one document; UserError names the first thing that is wrong with it."""
    where = _file(path.parent.name)
    try:
        data: Any = yaml.load(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, yaml.YAMLError) as error:
        raise UserError(f"{where} cannot be read, correct it: {error}") from None
    try:
        # As JSON, in which a list is a tuple and a word an enumeration's value though the models are strict.
        document = Document.model_validate_json(json.dumps(data, default=str))
    except ValidationError as error:
        raise UserError(f"{where}: {first_mistake(error, data)}; correct the register.") from None
    if document.id != path.parent.name:
        raise UserError(
            f"{where}: its id is {document.id}; it must be {path.parent.name}, the name of its folder."
        )
    return document


def _file(document_id: str) -> str:
    return f"suites/{document_id}/{REGISTER_FILE}"


def document_schema() -> str:
    """The JSON schema of a register, as docs/document.schema.json has it."""
    return json.dumps(Document.model_json_schema(), indent=2) + "\n"
