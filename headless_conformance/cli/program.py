"""What `headless-conformance` and `python -m headless_conformance` start.

Imports nothing that takes time before ^C is heeded.
"""

from __future__ import annotations

import signal
import sys

from headless_conformance.core.interrupts import INTERRUPTS, status_of_interrupt


def main() -> None:
    """Run the command of the command line, and end with its exit status."""
    with INTERRUPTS.handled():
        try:
            from headless_conformance.cli.application import run

            status = run(sys.argv[1:])
        except KeyboardInterrupt:
            status = INTERRUPTS.status or status_of_interrupt(signal.SIGINT)
    sys.exit(status)
