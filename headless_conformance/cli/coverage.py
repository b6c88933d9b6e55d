"""`headless-conformance requirements`: which tests stand for which requirement."""

from __future__ import annotations

import sys


def requirements() -> int:
    """Print the coverage; 1 when a requirement has neither a test nor an excuse."""
    from headless_conformance.core.paths import ROOT
    from headless_conformance.plugin.markers import collect_tests
    from headless_conformance.requirements.coverage import coverage
    from headless_conformance.requirements.register import load

    register = load()
    lines, bare = coverage(register, collect_tests(ROOT / "suites" / register.id))
    covered = len(register.requirements) - len(bare)
    print("\n".join(lines))
    print(f"\n{covered} of {len(register.requirements)} requirements are covered or excused.")
    if bare:
        print(f"Neither test nor excuse: {', '.join(bare)}", file=sys.stderr)
    return 1 if bare else 0
