"""The last words: what a SHOULD came to, and what to do next."""

from __future__ import annotations

import json

import pytest

from headless_conformance.core.levels import Level
from headless_conformance.requirements.model import Document
from headless_conformance.results.summary import next_line, should_sentence
from headless_conformance.results.verdict import Outcome, Verdict
from tests.miniature import MINI

REQUIREMENT = Document.model_validate_json(json.dumps(MINI)).requirements[0]


def test_a_should_that_failed_or_could_not_be_told_is_named() -> None:
    found = [
        ("A-01", Level.MUST, Outcome.FAILED),
        ("A-02", Level.SHOULD, Outcome.FAILED),
        ("A-03", Level.SHOULD, Outcome.PASSED),
        ("A-04", Level.SHOULD, Outcome.ERROR),
        ("A-05", Level.MAY, Outcome.FAILED),
    ]
    assert should_sentence(found) == (
        "SHOULD not met, which leaves the exit status as it is: A-02 (failed), A-04 (error)."
    )
    assert should_sentence(found[2:3]) == ""


@pytest.mark.parametrize(
    ("outcomes", "provider", "line"),
    [
        pytest.param(
            (Outcome.PASSED, Outcome.FAILED),
            "kind",
            "next: `make report` shows what was asked and answered; "
            "`make e2e PROVIDER=kind RERUN=reports/conformance.yaml` runs only what did not pass",
            id="a failure",
        ),
        pytest.param(
            (Outcome.ERROR,),
            "",
            "next: `make report` shows what was asked and answered; "
            "`make e2e RERUN=reports/conformance.yaml` runs only what did not pass",
            id="no cluster",
        ),
        pytest.param(
            (Outcome.PASSED, Outcome.NOT_SUPPORTED),
            "simulated",
            "next: `make e2e PROVIDER=kind` verifies what needs real nodes; "
            "`make report` shows what was asked and answered",
            id="more on other nodes",
        ),
        pytest.param(
            (Outcome.PASSED,),
            "kind",
            "next: `make report` shows what was asked and answered",
            id="all passed",
        ),
    ],
)
def test_what_to_do_next(outcomes: tuple[Outcome, ...], provider: str, line: str) -> None:
    assert next_line([Verdict(REQUIREMENT, outcome, "") for outcome in outcomes], provider) == line
