"""What `headless-conformance` and `python -m headless_conformance` start.

Imports nothing that takes time before ^C is heeded.
"""

from __future__ import annotations

import sys

from headless_conformance.core.interrupts import INTERRUPTED, INTERRUPTS


def main() -> None:
    """Run the command of the command line, and end with its exit status."""
    with INTERRUPTS.handled():
        try:
            from headless_conformance.cli.application import run

            status = run(sys.argv[1:])
        except KeyboardInterrupt:
            status = INTERRUPTED
    sys.exit(status)
