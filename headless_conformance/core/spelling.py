"""`python -m headless_conformance.core.spelling NAME KNOWN...`: what make says of a variable that nobody reads. Needs no packages."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Sequence


def sentence(name: str, known: Sequence[str]) -> str:
    """That `name` is not known, with the nearest known name or, where none is near, with all of them. make adds the full stop."""
    near = difflib.get_close_matches(name.upper(), known, n=1)
    hint = f"the nearest one is {near[0]}" if near else f"there are {', '.join(sorted(known))}"
    return f"{name} is not a variable of this suite; {hint}"


if __name__ == "__main__":
    print(sentence(sys.argv[1], sys.argv[2:]))
