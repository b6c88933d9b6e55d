"""The registers: the generated page, which tests cover what, and the listing."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence

from headless_conformance.core.errors import UserError, in_one_sentence
from headless_conformance.core.paths import REPORTS, ROOT
from headless_conformance.plugin.markers import Collected, collect_tests
from headless_conformance.requirements.coverage import coverage, listing
from headless_conformance.requirements.register import PAGE, Register, load, page
from headless_conformance.results.report_file import read
from headless_conformance.results.selection import selected


def _collect(register: Register) -> Mapping[str, Sequence[Collected]]:
    return collect_tests(ROOT / "suites" / register.id)


def _print_coverage(register: Register) -> int:
    lines, bare = coverage(register, _collect(register))
    print("\n".join(lines))
    print(f"\n{len(register.requirements) - len(bare)} of {len(register.requirements)} requirements are covered or excused.")
    if bare:
        print(f"Neither test nor excuse: {', '.join(bare)}", file=sys.stderr)
    return 1 if bare else 0


def _print_list(register: Register) -> int:
    chosen = selected(register, os.environ)
    seconds: dict[str, float] = {}
    with contextlib.suppress(UserError):
        rows = read(REPORTS / "conformance.yaml")["requirements"]
        seconds = {row["id"]: row["seconds"] for row in rows if "tests" in row}
    print("\n".join(listing(chosen, _collect(register), seconds)))
    return 0


@in_one_sentence
def main(arguments: list[str]) -> int:
    """`docs`, `coverage` or `list`; the exit status is 1 when a requirement has neither test nor excuse."""
    register = load()
    if arguments == ["docs"]:
        PAGE.write_text(page(register))
        return 0
    if arguments == ["coverage"]:
        return _print_coverage(register)
    if arguments == ["list"]:
        return _print_list(register)
    raise UserError("Use `python -m headless_conformance.requirements.register` with docs, coverage or list.")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
