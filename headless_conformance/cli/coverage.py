"""`headless-conformance requirements`: which tests stand for which requirement."""

from __future__ import annotations

import sys


def requirements() -> int:
    """Print the coverage; 1 when a requirement has no test and is not said to be untestable."""
    from headless_conformance.plugin.collection import collect_tests
    from headless_conformance.requirements.coverage import coverage_lines, requirements_without_test
    from headless_conformance.requirements.documents import load_documents

    documents, tests = load_documents(), collect_tests()
    for document in documents:
        print("\n".join([*coverage_lines(document, tests), ""]))
    bare = requirements_without_test(documents, tests)
    total = len(documents.requirements)
    print(f"{total - len(bare)} of {total} requirements have a test or are said to be untestable.")
    if bare:
        print(f"No test: {', '.join(bare)}", file=sys.stderr)
    return 1 if bare else 0
