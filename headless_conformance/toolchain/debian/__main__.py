"""`python -m headless_conformance.toolchain.debian lock <set>...`: write lock files from what the Debian archive has now."""

from __future__ import annotations

import argparse
import sys

from headless_conformance.core.errors import in_one_sentence
from headless_conformance.toolchain.debian.apt import resolve
from headless_conformance.toolchain.debian.fetch import changes_between
from headless_conformance.toolchain.debian.sets import SETS, lock_file, package_set, read_lock, write_lock


@in_one_sentence
def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m headless_conformance.toolchain.debian", description=__doc__)
    parser.add_argument("command", choices=["lock"])
    parser.add_argument("sets", nargs="+", metavar="set", help=", ".join(SETS))
    arguments = parser.parse_args()
    for name in arguments.sets:
        before = read_lock(name) if lock_file(name).exists() else ()
        pins = resolve(package_set(name))
        write_lock(name, pins)
        print("\n".join([f"{name}: {len(pins)} files", *(f"  {line}" for line in changes_between(before, pins))]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
