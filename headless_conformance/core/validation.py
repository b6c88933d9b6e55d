"""What a person wrote: names of objects, and what pydantic found wrong with a file, in one sentence."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

OBJECT_NAME = r"[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?"
"""What a name of a namespace or an object looks like (RFC 1123), as a regular expression."""


def first_mistake(error: ValidationError, data: Any) -> str:
    """The first mistake in `data`: where it is, with the ID of the row around it, and what is wrong there."""
    first = error.errors()[0]
    place, row_id, inner = "", "", data
    for part in first["loc"]:
        place += f"[{part}]" if isinstance(part, int) else f".{part}" if place else part
        try:
            inner = inner[part]
        except (KeyError, IndexError, TypeError):
            inner = None
        if isinstance(inner, dict) and isinstance(inner.get("id"), str):
            row_id = f" ({inner['id']})"
    what = first["msg"].removeprefix("Value error, ")
    return f"{place}{row_id}: {what}" if place else what
