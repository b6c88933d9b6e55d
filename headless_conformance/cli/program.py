"""What `headless-conformance`, `kubectl headless` and `python -m headless_conformance` start.

Imports nothing that takes time before ^C is heeded.
"""

from __future__ import annotations

import os
import shlex
import signal
import sys

from headless_conformance.core.interrupts import INTERRUPTS, status_of_interrupt
from headless_conformance.core.paths import PROGRAM_NAME

KUBECTL_PLUGIN = "kubectl-headless"
"""The program that kubectl starts for `kubectl headless`."""
LINE = 10_000
"""Characters that no line of completion reaches: each must stay one line."""


def main() -> None:
    """Run the command of the command line, and end with its exit status."""
    with INTERRUPTS.handled():
        try:
            from headless_conformance.cli.application import run

            by_kubectl = sys.argv[0].endswith(KUBECTL_PLUGIN)
            status = run(sys.argv[1:], "kubectl headless" if by_kubectl else PROGRAM_NAME)
        except KeyboardInterrupt:
            status = INTERRUPTS.status or status_of_interrupt(signal.SIGINT)
    sys.exit(status)


def complete() -> None:
    """What kubectl starts as `kubectl_complete-headless`: a line for each way to go on with the words, then
    the sign that they are no files."""
    words = shlex.join([PROGRAM_NAME, *sys.argv[1:]])
    # typer has the same lines for fish as kubectl expects: a word, a tab, what it means.
    os.environ |= {
        "_HEADLESS_CONFORMANCE_COMPLETE": "complete_fish",
        "_TYPER_COMPLETE_FISH_ACTION": "get-args",
        "_TYPER_COMPLETE_ARGS": words,
        "COLUMNS": str(LINE),
    }
    try:
        from headless_conformance.cli.application import run

        run([])
    finally:
        print(":4")
