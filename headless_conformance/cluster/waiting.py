"""Waiting for what must become true, and for what must stay true. Tests and what they call poll nowhere else.

Polled are an AssertionError (it is not so yet) and `COULD_NOT_OBSERVE` (we could not look). When time is up,
the last one of them comes out: a Mismatch with the number of attempts and the time they took, anything else
as it is, so that "we could not tell" is never reported as a broken promise.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NoReturn, TypeVar

from kubernetes.client.exceptions import ApiException
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_delay, wait_fixed
from urllib3.exceptions import HTTPError

from headless_conformance.cluster.timeouts import SILENCE_SECONDS, STALL_SECONDS
from headless_conformance.core.mismatch import Mismatch, Observation, PermanentFailure

T = TypeVar("T")

DNS_DELAY = 60.0
"""Seconds from Ready to resolvable: the bound that we read in "seconds or tens of seconds"."""

CHANGE_TIMEOUT = 20.0
"""Seconds from a change in the API to the new answer at every DNS server, where no answers are kept."""

AT_REST_TIMEOUT = 5.0
"""Seconds that a test about something at rest may look again, so that a lost packet is not a failure."""

POD_READY_TIMEOUT = 60.0
"""Seconds from creation to Ready of one Pod whose image is on its node."""

STACK_READY_TIMEOUT = 180.0
"""Seconds from apply to Ready of three database servers, which start one after another."""

INTERVAL = 0.1
"""Seconds between two looks at first; they grow by a tenth of the time waited."""

LONGEST_INTERVAL = 0.5
"""Seconds between two looks at the most."""

INTERVAL_AFTER_SUCCESS = 0.03
"""Seconds from a success to the next look, which is to meet another replica and not another time."""

FORGIVEN_SECONDS = 60.0
"""How much of the time of looks during which the cluster stood still is not counted, at the most."""

SUCCESSES_IN_A_ROW = 3
"""How often in a row a check must succeed, so that one good answer of several replicas is not enough."""


class ObservationError(Exception):
    """We could not look, as the stream to a Pod broke. Says nothing about the cluster's promises.

    `observation` has the fields of what was waited for in vain, where there is such a thing.
    """

    def __init__(self, message: str, observation: Observation | None = None) -> None:
        super().__init__(message)
        self.observation = observation


class OutageError(ObservationError):
    """A part of the cluster does not answer, which its message names: no use to look again."""


COULD_NOT_OBSERVE: tuple[type[Exception], ...] = (ObservationError, ApiException, HTTPError)


class _TooFewSuccessesError(Exception):
    """A success that is not yet the last one needed."""


POLLED: tuple[type[Exception], ...] = (AssertionError, _TooFewSuccessesError, *COULD_NOT_OBSERVE)


def _worth_another_look(error: BaseException) -> bool:
    return isinstance(error, POLLED) and not isinstance(error, (PermanentFailure, OutageError))


def eventually(check: Callable[[], T], *, expecting: str, within: float = AT_REST_TIMEOUT) -> T:
    """What `check` returns once it has succeeded three times in a row within `within` seconds.

    Raises the last Mismatch, with attempts and seconds, or the error that kept us from observing, with a note
    of what was being expected: `expecting` completes "while expecting".
    """
    __tracebackhide__ = True
    begun = time.monotonic()
    in_a_row = attempts = 0
    stood_still = 0.0

    def look() -> T:
        nonlocal in_a_row, attempts, stood_still
        attempts += 1
        looked = time.monotonic()
        try:
            value = check()
        except Exception:
            in_a_row = 0
            raise
        finally:
            took = time.monotonic() - looked
            stood_still += took if took > STALL_SECONDS else 0.0
        in_a_row += 1
        if in_a_row < SUCCESSES_IN_A_ROW:
            raise _TooFewSuccessesError
        return value

    def time_is_up(state: RetryCallState) -> bool:
        # A row of successes may end after the time: a slow look is no broken promise.
        return in_a_row == 0 and stop_after_delay(within + min(stood_still, FORGIVEN_SECONDS))(state)

    def pause(state: RetryCallState) -> float:
        waited = state.seconds_since_start or 0.0
        return (
            min(INTERVAL_AFTER_SUCCESS, INTERVAL)
            if in_a_row
            else min(INTERVAL * (1 + waited), LONGEST_INTERVAL)
        )

    polling = Retrying(
        retry=retry_if_exception(_worth_another_look), stop=time_is_up, wait=pause, reraise=True
    )
    try:
        return polling(look)
    except POLLED as error:
        _fail(error, attempts, time.monotonic() - begun, expecting)


def wait_until(check: Callable[[], T], *, expecting: str, within: float) -> T:
    """As `eventually`, for what a test needs and no promise is about: when it does not come in time, that is
    an ObservationError with what was seen last."""
    __tracebackhide__ = True
    try:
        return eventually(check, expecting=expecting, within=within)
    except Mismatch as error:
        raise ObservationError(str(error), error.observation) from None


def reached(
    call: Callable[[], T], *, in_vain: Callable[[BaseException], bool], within: float | None = None
) -> T:
    """What `call` returns; made again for `within` seconds, or SILENCE_SECONDS, while it ends in an error
    that says that the other side did not get it, as when a server is started again."""
    again = Retrying(
        retry=retry_if_exception(in_vain),
        stop=stop_after_delay(SILENCE_SECONDS if within is None else within),
        wait=wait_fixed(LONGEST_INTERVAL),
        reraise=True,
    )
    return again(call)


def consistently(check: Callable[[], object], *, expecting: str, during: float) -> None:
    """Require that `check` succeeds every time for `during` seconds. Raises like `eventually`, at the first
    failure.

    A look that fails to observe is made up for by the next one; when the last one fails to observe, its error
    comes out.
    """
    __tracebackhide__ = True
    begun = time.monotonic()
    attempts = 0

    def look() -> NoReturn:
        nonlocal attempts
        attempts += 1
        check()
        raise _TooFewSuccessesError

    polling = Retrying(
        retry=retry_if_exception(
            lambda error: (
                isinstance(error, (_TooFewSuccessesError, *COULD_NOT_OBSERVE)) and _worth_another_look(error)
            )
        ),
        stop=stop_after_delay(during),
        wait=wait_fixed(INTERVAL),
        retry_error_callback=_outcome_of_last,
    )
    try:
        polling(look)
    except POLLED as error:
        note = f"(it had to hold for {during:.0f} s)"
        _fail(error, attempts, time.monotonic() - begun, expecting, note)


def _outcome_of_last(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    if error is not None and not isinstance(error, _TooFewSuccessesError):
        raise error


def _fail(error: Exception, attempts: int, seconds: float, expecting: str, note: str = "") -> NoReturn:
    """Raise what ended the polling, with how often and how long it was tried."""
    __tracebackhide__ = True
    if isinstance(error, Mismatch):
        counted = error.after(attempts, seconds)
        if note:
            counted.add_note(note)
        raise counted from None
    error.add_note(f"while expecting {expecting} ({attempts} attempts in {seconds:.1f} s)")
    raise error
