"""The registers of the documents that this suite verifies, and the pages and schemas made from them."""

from __future__ import annotations

import pytest

from headless_conformance.core.levels import Level
from headless_conformance.core.paths import ROOT
from headless_conformance.requirements.documents import DOCUMENT_SCHEMA, document_schema, load_documents
from headless_conformance.requirements.model import Document
from headless_conformance.requirements.pages import PAGES, page_path, requirements_page
from headless_conformance.results.report import REPORT_SCHEMA, report_schema

BINDING_WORDS_ZH = {Level.MUST: ("必须", "不得"), Level.SHOULD: ("应当",), Level.MAY: ("可以",)}
DOCUMENTS = load_documents()
EACH_DOCUMENT = pytest.mark.parametrize("document", list(DOCUMENTS), ids=lambda document: document.id)


def test_the_register_has_every_requirement_of_the_document() -> None:
    families = {
        "WHY": 4,
        "HLS": 6,
        "APL": 4,
        "DSC": 15,
        "GET": 5,
        "NID": 10,
        "ETH": 9,
        "RUN": 3,
        "NSL": 10,
        "XC": 2,
    }
    document = DOCUMENTS.document("headless_service")
    assert list(document.by_id) == [
        f"SEED-{name}-{n:02}" for name, count in families.items() for n in range(1, count + 1)
    ]
    assert [reference.id for reference in document.references] == [f"SEED-REF-{n:02}" for n in range(1, 6)]


def test_levels_other_than_must_are_few() -> None:
    document = DOCUMENTS.document("headless_service")
    softer = {found.id: found.level for found in document.requirements if found.level is not Level.MUST}
    assert softer == {
        "SEED-DSC-15": Level.SHOULD,
        "SEED-GET-05": Level.MAY,
        "SEED-NID-07": Level.SHOULD,
        "SEED-RUN-02": Level.MAY,
        "SEED-NSL-04": Level.MAY,
    }


@EACH_DOCUMENT
def test_every_sentence_says_its_level_in_both_languages_and_is_there_once(document: Document) -> None:
    for requirement in document.requirements:
        assert any(word in requirement.statement_zh for word in BINDING_WORDS_ZH[requirement.level]), (
            requirement.id
        )
        assert requirement.statement.endswith("."), requirement.id
        assert requirement.statement_zh.endswith("。"), requirement.id
    assert len({requirement.statement for requirement in document.requirements}) == len(document.requirements)
    assert len({requirement.statement_zh for requirement in document.requirements}) == len(
        document.requirements
    )


@EACH_DOCUMENT
def test_every_section_has_a_place_and_a_requirement(document: Document) -> None:
    for section in document.sections:
        assert section.anchor, section.id
        assert document.requirements_of(section), section.id


@EACH_DOCUMENT
def test_the_page_is_the_one_that_the_register_makes(document: Document) -> None:
    assert (ROOT / page_path(document)).read_text() == requirements_page(document), "run `make pages`"


def test_no_page_is_left_of_a_document_that_is_gone() -> None:
    assert {path.stem for path in (ROOT / PAGES).iterdir()} == {document.id for document in DOCUMENTS}


def test_the_schemas_are_those_of_the_models() -> None:
    assert DOCUMENT_SCHEMA.read_text() == document_schema(), "run `make pages`"
    assert REPORT_SCHEMA.read_text() == report_schema(), "run `make pages`"
