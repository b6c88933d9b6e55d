"""What a person did that we can name in one sentence."""

from __future__ import annotations


class UserError(Exception):
    """One sentence that says what is wrong and what to do; the runner prints it and exits with 2."""


class StepFailed(UserError):
    """A step of ours failed; the message carries its last log lines and the path of the whole log."""
