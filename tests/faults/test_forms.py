"""Faults match data: every pattern of theirs is of a listed form, and none of them is a sentence of ours."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from headless_conformance.core.mismatch_forms import MismatchForm, form_of
from headless_conformance.faults.catalogue import find_faults
from headless_conformance.faults.evaluation import Effect, evaluate
from headless_conformance.faults.expectation import FieldPatterns
from headless_conformance.faults.model import Fault
from headless_conformance.faults.run_record import Failure, RequirementRecord, RunRecord
from headless_conformance.results.verdict import Outcome

FAULTS = find_faults()
STANDING_FOR_ANYTHING = ("x", "x.", "7", "X", "SELECT x", "{x}")
"""What an asterisk of a pattern may be in a text."""
EXPRESSION = re.compile(r"/.+/")
WORDS = re.compile(r"[A-Za-z]{2,} [a-z]{2,}")
"""Two words, as no regular expression of a fault may have: what it is a form of cannot be seen."""


def texts_of(pattern: str) -> Iterator[str]:
    """Texts that a pattern with asterisks describes."""
    return (pattern.replace("*", filling) for filling in STANDING_FOR_ANYTHING)


def is_of_form(pattern: str | None, form: str) -> bool:
    """Whether a text of this form may be what a pattern describes."""
    if pattern is None:
        return True
    if EXPRESSION.fullmatch(pattern):
        return not WORDS.search(pattern)
    return any(re.fullmatch(form, text) for text in texts_of(pattern))


def form_of_pattern(pattern: str) -> MismatchForm | None:
    return next((form for text in texts_of(pattern) if (form := form_of(text))), None)


def expectations() -> Iterator[tuple[str, FieldPatterns]]:
    for fault in FAULTS:
        for provider in fault.providers:
            yield from ((fault.name, found) for found in fault.expected_failures(provider).values())
        yield from ((fault.name, error) for error in fault.others_unknown)


def test_every_pattern_of_a_fault_is_of_a_listed_form() -> None:
    wrong = []
    for name, found in expectations():
        if found.subject is None:
            wrong += [] if not (found.expected or found.observed) else [(name, "no subject")]
            continue
        form = form_of_pattern(found.subject)
        if form is None:
            wrong.append((name, found.subject))
        elif not is_of_form(found.expected, form.expected):
            wrong.append((name, f"{found.subject}: expected {found.expected}"))
        elif not is_of_form(found.observed, form.observed):
            wrong.append((name, f"{found.subject}: observed {found.observed}"))
    assert not wrong


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ("subject", "second kubectl apply of the manifest"),
        ("subject", "the last lines of /etc/hosts"),
        ("expected", "several of the three Pods"),
        ("observed", "error: *Unknown MySQL server host*"),
        ("observed", "/Unknown server host/"),
    ],
)
def test_a_sentence_would_be_found(field: str, sentence: str) -> None:
    form = form_of("SELECT @@hostname at db")
    assert form is not None
    if field == "subject":
        assert form_of_pattern(sentence) is None
    else:
        assert not is_of_form(sentence, getattr(form, field))


def described(pattern: str | None) -> str:
    """A text that a pattern describes; of a regular expression itself, which is not needed here."""
    return (pattern or "").replace("*", "x")


def reworded(fault: Fault, provider: str) -> RunRecord:
    """A run in which all failed that had to, with fields of the listed forms and with other words in all that
    is said beside them."""
    rows = {}
    for name, wanted in fault.expected_failures(provider).items():
        place = {key: described(getattr(wanted, key)) for key in ("server", "transport", "pod", "node")}
        fields = {key: described(getattr(wanted, key)) for key in ("subject", "expected", "observed")}
        failure = Failure(
            test=described(wanted.test) or "x",
            outcome=Outcome.FAILED,
            message="Other words than ever before.",
            seconds=1.0,
            error="Mismatch",
            mismatch={**fields, "where": place, "details": "Nor these."},
        )
        rows[name] = RequirementRecord(outcome=Outcome.FAILED, failures=(failure,))
    return RunRecord(aborted={}, requirements=rows)


def has_expression(fault: Fault) -> bool:
    found = [
        pattern
        for provider in fault.providers
        for wanted in fault.expected_failures(provider).values()
        for pattern in wanted.model_dump().values()
    ]
    return any(isinstance(pattern, str) and EXPRESSION.fullmatch(pattern) for pattern in found)


@pytest.mark.parametrize(
    "fault",
    [fault for fault in FAULTS if not has_expression(fault)],
    ids=lambda fault: fault.name,
)
def test_rewording_what_is_said_breaks_no_fault(fault: Fault) -> None:
    for provider in fault.providers:
        run = evaluate(fault, provider, reworded(fault, provider), 1.0)
        assert {one.effect for one in run.effects} == {Effect.DETECTED}
