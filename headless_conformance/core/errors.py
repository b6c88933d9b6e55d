"""What ends a command or a test early, each with one sentence for the person."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import wraps
from typing import NoReturn, ParamSpec

BAD_INPUT = 2
"""Exit status of every command of ours after a UserError."""

Words = ParamSpec("Words")


class UserError(Exception):
    """One sentence that says what is wrong and what to do; a command prints it and exits with BAD_INPUT."""


class StepFailed(UserError):
    """A step of ours failed; the message carries its last log lines and the path of the whole log."""


def in_one_sentence(main: Callable[Words, int]) -> Callable[Words, int]:
    """A command whose UserError becomes one sentence on standard error and exit status BAD_INPUT."""

    @wraps(main)
    def command(*args: Words.args, **words: Words.kwargs) -> int:
        try:
            return main(*args, **words)
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)
            return BAD_INPUT

    return command


class NotSupportedError(Exception):
    """The cluster or this account lacks what is needed to look. Never counted as passed."""


def not_supported(reason: str) -> NoReturn:
    """End what needs something that can only be seen while it runs.

    `reason` is part of a sentence: "it has one node".
    """
    raise NotSupportedError(reason)


class NotJudgedError(Exception):
    """What was looked at is on its way to another state, so that nothing can be said of it.

    Never counted as passed.
    """


def not_judged(reason: str) -> NoReturn:
    """End a look at something that is not at rest.

    `reason` is part of a sentence: "its third member is starting".
    """
    raise NotJudgedError(reason)
