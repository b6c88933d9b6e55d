"""Reading registers, what is said of a wrong one, and what is made from a right one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from headless_conformance.cluster.model import Capability
from headless_conformance.core.errors import UserError
from headless_conformance.core.templates import markdown
from headless_conformance.plugin.collection import CollectedCase
from headless_conformance.requirements.coverage import (
    coverage_lines,
    requirement_lines,
    requirements_without_test,
)
from headless_conformance.requirements.documents import Documents, document_schema, load_documents
from headless_conformance.requirements.model import KnownDeviation, Requirement
from headless_conformance.requirements.pages import requirements_page, write_requirement_pages
from tests.miniature import MINI, register_of, requirement_row, write_register


def documents_of(tmp_path: Path, *registers: dict[str, Any]) -> Documents:
    for register in registers:
        write_register(tmp_path / "suites", register)
    return load_documents(tmp_path / "suites")


def one_row(**changes: Any) -> dict[str, Any]:
    """A register whose first requirement has these keys changed; None takes a key away."""
    row = requirement_row("ONE-A-01", "a") | changes
    kept = {key: value for key, value in row.items() if value is not None}
    register = register_of("one", "ONE", [requirement_row("ONE-A-01", "a"), requirement_row("ONE-A-02", "a")])
    return register | {"requirements": [kept, register["requirements"][1]]}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param(
            {"statement": "It has to hold."},
            r"requirements\[0\] \(ONE-A-01\): .* must say MUST",
            id="no word",
        ),
        pytest.param({"statement": "It MUST or MAY hold."}, "no other level's word", id="two levels"),
        pytest.param(
            {"level": "SHALL"},
            r"requirements\[0\]\.level \(ONE-A-01\): .*'MUST', 'SHOULD'",
            id="unknown level",
        ),
        pytest.param(
            {"section": "appendix"}, "names the section appendix; use one of a", id="unknown section"
        ),
        pytest.param(
            {"statement_zh": None},
            r"requirements\[0\]\.statement_zh \(ONE-A-01\): Field required",
            id="no Chinese",
        ),
        pytest.param({"id": "ONE-A-02"}, "ONE-A-02 is there twice", id="a twin"),
        pytest.param({"id": "TWO-A-01"}, "TWO-A-01 must begin with ONE", id="another prefix"),
        pytest.param({"until": "latest"}, r"\.until", id="no version"),
        pytest.param({"since": "1.37", "until": "1.36"}, "since 1.37 and until 1.36", id="never"),
        pytest.param({"interpretation": {"text": "So."}}, r"interpretation\.reason", id="no reason"),
        pytest.param({"read_only": "yes"}, r"read_only .*valid boolean", id="no boolean"),
        pytest.param({"excuse": "none"}, r"excuse .*Extra inputs are not permitted", id="unknown key"),
        pytest.param({"same_as": "ONE-A-02"}, "which is in the same document", id="the same as a neighbour"),
        pytest.param(
            {"same_as": ["TWO-A-01"]},
            "ONE-A-01 is the same as TWO-A-01, which no document has",
            id="as nothing",
        ),
    ],
)
def test_a_wrong_register_is_named_in_one_sentence(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(UserError, match=rf"^suites/one/document\.yaml: .*{said}"):
        documents_of(tmp_path, one_row(**changes))


def test_a_register_is_named_after_its_folder(tmp_path: Path) -> None:
    path = write_register(tmp_path, one_row())
    path.parent.rename(tmp_path / "other")
    with pytest.raises(UserError, match=r"suites/other/document.yaml: its id is one; it must be other"):
        load_documents(tmp_path)


def test_a_register_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    write_register(tmp_path, one_row()).write_text("id: [")
    with pytest.raises(UserError, match=r"suites/one/document\.yaml cannot be read"):
        load_documents(tmp_path)


def test_two_documents_cannot_share_a_prefix(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"suites/two/document\.yaml: the prefix ONE is that of one"):
        documents_of(tmp_path, one_row(), register_of("two", "ONE", [requirement_row("ONE-B-01", "b")]))


def test_what_is_the_same_has_the_same_level(tmp_path: Path) -> None:
    other = register_of("two", "TWO", [requirement_row("TWO-A-01", "a", "SHOULD", same_as=["ONE-A-01"])])
    with pytest.raises(
        UserError, match="TWO-A-01 is the same as ONE-A-01, whose level is MUST and not SHOULD"
    ):
        documents_of(tmp_path, one_row(), other)


def test_documents_are_looked_up_by_document_and_by_requirement(tmp_path: Path) -> None:
    other = register_of("two", "TWO", [requirement_row("TWO-A-01", "a"), requirement_row("TWO-B-01", "b")])
    documents = documents_of(tmp_path, one_row(), other)
    assert [document.id for document in documents] == ["one", "two"]
    assert list(documents.requirements) == ["ONE-A-01", "ONE-A-02", "TWO-A-01", "TWO-B-01"]
    assert documents.document_of("TWO-B-01").id == "two"
    assert documents.section_of(documents.requirement("TWO-B-01")).title == "About b"
    with pytest.raises(UserError, match="THREE-A-01 is not a requirement of any document"):
        documents.requirement("THREE-A-01")
    with pytest.raises(
        UserError, match=r"There is no suites/three/document.yaml; the documents are one, two\."
    ):
        documents.document("three")


def test_what_is_the_same_is_so_in_all_directions(tmp_path: Path) -> None:
    documents = documents_of(
        tmp_path,
        one_row(),
        register_of("two", "TWO", [requirement_row("TWO-A-01", "a", same_as="ONE-A-01")]),
        register_of("three", "THREE", [requirement_row("THREE-A-01", "a", same_as=["TWO-A-01"])]),
    )
    for name in ("ONE-A-01", "TWO-A-01", "THREE-A-01"):
        assert documents.equivalents(name) == ("ONE-A-01", "THREE-A-01", "TWO-A-01")
    assert documents.equivalents("ONE-A-02") == ("ONE-A-02",)


def test_a_sentence_is_where_its_section_is_unless_it_says_better(tmp_path: Path) -> None:
    better = "https://example.org/one#sentence"
    document = documents_of(tmp_path, one_row(source=better)).document("one")
    first, second = document.requirements
    assert document.source_of(first) == better
    assert document.source_of(second) == "https://example.org/one#about-a"
    unpublished = document.model_copy(update={"url": None})
    assert unpublished.source_of(second) == ""


@pytest.mark.parametrize(
    ("minor", "holds"),
    [("1.9", False), ("1.34", True), ("1.36", True), ("1.37", False)],
    ids=lambda value: str(value),
)
def test_versions_are_compared_as_numbers(minor: str, holds: bool) -> None:
    requirement = Requirement(**requirement_row("ONE-A-01", "a", since="1.34", until="1.36"))
    assert (requirement.out_of_range(minor) == "") is holds


@pytest.mark.parametrize(
    ("kubernetes", "test", "covered"),
    [
        ("1.37.0", "test_a", True),
        ("1.37.0", "test_b", False),
        ("1.36.4", "test_a", True),
        ("1.36.5", "test_a", False),
        ("1.3.7", "test_a", False),
        ("1.370.1", "test_a", False),
    ],
)
def test_a_deviation_covers_its_versions_and_its_tests(kubernetes: str, test: str, covered: bool) -> None:
    deviation = KnownDeviation(
        versions=("1.37", "1.36.4"), reason="r", thread="https://example.org/1", tests=("test_a",)
    )
    assert deviation.covers(kubernetes, test) is covered
    assert KnownDeviation(versions=("1.37",), reason="r", thread="https://example.org/1").covers(
        "1.37.2", "test_any"
    )


def test_the_published_schema_takes_a_register_and_no_wrong_one() -> None:
    schema = json.loads(document_schema())
    jsonschema.validate(MINI, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**MINI, "claims": []}, schema)
    jsonschema.validate(one_row(same_as="TWO-A-01"), schema)


def test_angle_brackets_are_shown() -> None:
    assert markdown("`<svc>` and <pod>.<svc>") == r"`<svc>` and \<pod>.\<svc>"


def test_a_page_has_all_that_its_register_has(tmp_path: Path) -> None:
    documents = documents_of(tmp_path, MINI)
    page = requirements_page(documents.document("mini"))
    assert "17 requirements: 15 MUST, 1 SHOULD, 1 MAY." in page
    assert page.count("\n### ") == 17
    for said in (
        "# The mini document (mini 文档)",
        "The document: <https://example.org/mini>, as of 2026-01-01.",
        "## About middle (关于 middle)",
        "MINI-B-07 SHOULD hold.\n\nMINI-B-07 应当成立。\n\n([source](https://example.org/mini#about-middle))",
        "*Known deviation* on Kubernetes 1.36, 1.37: dead addresses stay ([thread](https://example.org/1))",
        "*Not verified by a test*: nobody can see it",
    ):
        assert said in page
    assert "\n\n\n" not in page
    written = write_requirement_pages(documents, tmp_path)
    assert [path.as_posix() for path in written] == ["docs/requirements/mini.md", "docs/document.schema.json"]
    assert (tmp_path / "docs/requirements/mini.md").read_text() == page


def test_coverage_names_tests_excuses_and_gaps(tmp_path: Path) -> None:
    documents = documents_of(tmp_path, MINI)
    tests = {name: [CollectedCase("suites/test_a.py::test_b", ())] for name in documents.requirements}
    del tests["MINI-C-05"], tests["MINI-B-04"]
    assert requirements_without_test(documents, tests) == ["MINI-B-04"]
    text = "\n".join(coverage_lines(documents.document("mini"), tests))
    assert "      suites/test_a.py::test_b" in text
    assert "      not judged: nobody can see it" in text
    assert text.count("NO TEST") == 1


def test_the_listing_shows_places_needs_and_seconds(tmp_path: Path) -> None:
    documents = documents_of(tmp_path, MINI)
    chosen = [documents.requirement(name) for name in ("MINI-C-01", "MINI-C-02")]
    sql = (Capability.KUBELET, Capability.SQL)
    tests = {"MINI-C-01": [CollectedCase("a", (Capability.KUBELET,)), CollectedCase("b", sql)]}
    first, second = requirement_lines(documents, chosen, tests, {"MINI-C-01": 1.26})
    assert first.split()[:6] == ["MINI-C-01", "MUST", "mini/end", "1.3", "s", "kubelet,sql"]
    assert second.split()[:5] == ["MINI-C-02", "MUST", "mini/end", "-", "-"]
