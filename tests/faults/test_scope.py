"""Tests of how much of the suite a run verifies. No cluster."""

from __future__ import annotations

import pytest

from headless_conformance.core.errors import UserError
from headless_conformance.faults.model import KIND, SIMULATED, Fault, Variation
from headless_conformance.faults.scope import requirements_to_verify
from headless_conformance.requirements.documents import Documents
from headless_conformance.requirements.model import Document, Requirement
from tests.faults.examples import fault


def document(name: str, *requirements: str) -> Document:
    rows = tuple(Requirement.model_construct(id=requirement) for requirement in requirements)
    return Document.model_construct(id=name, requirements=rows)


DOCUMENTS = Documents((document("a", "DOC-A-01", "DOC-A-02"), document("b", "DOC-B-01", "DOC-B-02")))


@pytest.mark.parametrize(
    ("scenario", "provider", "full", "expected"),
    [
        (fault(), SIMULATED, False, ["DOC-A-01", "DOC-A-02", "DOC-B-02"]),
        (fault(), KIND, False, ["DOC-A-01", "DOC-B-02"]),
        (fault(), SIMULATED, True, []),
        (fault(), KIND, True, []),
        (
            fault(failures={"DOC-A-01": {"observed": "x"}, "DOC-B-01": {"observed": "x"}}),
            SIMULATED,
            False,
            [],
        ),
        (
            fault(failures_on_kind={"DOC-B-01": {"observed": "x"}}),
            KIND,
            False,
            ["DOC-A-01", "DOC-B-01", "DOC-B-02"],
        ),
        (fault(verify_only=["DOC-A-01"]), SIMULATED, True, ["DOC-A-01"]),
    ],
)
def test_a_fault_run_verifies_its_documents_and_the_control_set(
    scenario: Fault, provider: str, full: bool, expected: list[str]
) -> None:
    assert requirements_to_verify(scenario, provider, DOCUMENTS, ["DOC-B-02"], full=full) == expected


def test_a_variation_verifies_everything() -> None:
    variation = Variation(title="x", changes="y", providers=(SIMULATED,))
    assert requirements_to_verify(variation, SIMULATED, DOCUMENTS, [], full=False) == []


def test_a_fault_that_lists_what_no_document_has_is_refused() -> None:
    unknown = fault(failures={"DOC-C-01": {"observed": "x"}})
    with pytest.raises(UserError, match="DOC-C-01 is not a requirement of any document"):
        requirements_to_verify(unknown, SIMULATED, DOCUMENTS, [], full=False)
