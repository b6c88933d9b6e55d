"""Polling: what is looked at again, what ends it, and what a failure tells."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable

import pytest
from kubernetes.client.exceptions import ApiException

from headless_conformance.cluster import waiting
from headless_conformance.cluster.waiting import ObservationError, consistently, eventually, wait_until
from headless_conformance.core.mismatch import Mismatch, Observation, PermanentFailure

SHORT = 0.05
TWO_PODS = Mismatch(Observation("Ready Pods", "3", "2 {a, b}", details="b is Pending"))


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "INTERVAL", 0.001)


def results(*outcomes: object) -> Callable[[], object]:
    """A check that returns or raises these one after the other, the last for ever."""
    left: Iterable[object] = iter(outcomes)

    def check() -> object:
        outcome = next(iter(left), outcomes[-1])
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return check


@pytest.mark.parametrize(("stall", "right"), [(0.1, True), (10.0, False)], ids=["stood still", "was slow"])
def test_a_look_during_which_the_cluster_stood_still_is_not_the_last(
    monkeypatch: pytest.MonkeyPatch, *, stall: float, right: bool
) -> None:
    monkeypatch.setattr(waiting, "STALL_SECONDS", stall)
    looks = iter([0.2])

    def look() -> None:
        if seconds := next(looks, 0.0):
            time.sleep(seconds)
            raise TWO_PODS

    if right:
        eventually(look, expecting="three Pods", within=SHORT)
    else:
        with pytest.raises(Mismatch):
            eventually(look, expecting="three Pods", within=SHORT)


def test_what_a_test_needs_and_nobody_promised_is_no_broken_promise() -> None:
    with pytest.raises(ObservationError, match=r"2 \{a, b\}") as raised:
        wait_until(results(TWO_PODS), expecting="three Pods", within=SHORT)
    assert not isinstance(raised.value, AssertionError)
    assert raised.value.observation
    assert raised.value.observation.subject == "Ready Pods"
    assert wait_until(results("a", "b", "c"), expecting="three looks", within=SHORT) == "c"


def test_success_is_needed_three_times_in_a_row() -> None:
    assert eventually(results("first", "second", "third", "fourth"), expecting="three looks") == "third"


def test_a_failure_in_between_starts_the_count_anew() -> None:
    assert (
        eventually(results("a", "b", AssertionError("not yet"), "c", "d", "e"), expecting="three in a row")
        == "e"
    )


def test_a_mismatch_has_the_number_of_attempts_and_their_seconds() -> None:
    answers = results(Mismatch(Observation("Pods", "3", "1")), TWO_PODS)
    with pytest.raises(Mismatch) as raised:
        eventually(answers, expecting="three Pods", within=SHORT)
    seen = raised.value.observation
    assert (seen.subject, seen.expected, seen.observed) == ("Ready Pods", "3", "2 {a, b}")
    assert (seen.attempts or 0) > 1
    printed = (
        rf"Ready Pods: expected 3, got 2 \{{a, b\}}\nb is Pending\n\({seen.attempts} attempts in 0\.\d s\)"
    )
    assert re.fullmatch(printed, str(raised.value))


def test_one_good_answer_of_several_replicas_is_a_failure() -> None:
    answers = results(*["good", "good", AssertionError("one replica says otherwise")] * 10_000)
    with pytest.raises(AssertionError, match="one replica says otherwise"):
        eventually(answers, expecting="all replicas to agree", within=SHORT)


def test_what_cannot_be_mended_is_not_looked_at_again() -> None:
    seen: list[int] = []

    def check() -> None:
        seen.append(1)
        raise PermanentFailure(Observation("A db.", "TTL 30", "TTL 3600"))

    with pytest.raises(PermanentFailure, match="expected TTL 30, got TTL 3600"):
        eventually(check, expecting="at most 60 s")
    assert len(seen) == 1


@pytest.mark.parametrize(
    "error", [ObservationError("stream broke"), ApiException(status=503, reason="no API server")]
)
def test_what_could_not_be_observed_comes_out_as_it_is(error: Exception) -> None:
    with pytest.raises(type(error)) as raised:
        eventually(results(error), expecting="anything", within=SHORT)
    assert raised.value is error
    assert "while expecting anything" in error.__notes__[0]


def test_an_error_of_our_own_ends_the_polling_at_once() -> None:
    with pytest.raises(KeyError):
        eventually(results(KeyError("status"), "good"), expecting="no typing error", within=SHORT)


def test_a_lost_look_is_made_up_for() -> None:
    assert eventually(results(ObservationError("lost"), "good"), expecting="a good look") == "good"


def test_consistently_passes_when_nothing_changes() -> None:
    consistently(results("good", ObservationError("lost"), "good"), expecting="no change", during=SHORT)


def test_consistently_fails_at_the_first_change() -> None:
    with pytest.raises(Mismatch, match=r"got 2 \{a, b\}[^(]*\(3 attempts in"):
        consistently(results("good", "good", TWO_PODS, "good"), expecting="no change", during=5)


def test_consistently_does_not_pass_unseen() -> None:
    with pytest.raises(ObservationError):
        consistently(results(ObservationError("lost")), expecting="no change", during=SHORT)


def test_a_row_of_successes_may_end_after_the_time_is_up() -> None:
    assert eventually(results("a", "b", "c"), expecting="three slow looks", within=0.0) == "c"
