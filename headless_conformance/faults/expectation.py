"""What a failure must say to count as the right one: patterns for the fields of its structured mismatch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

FAILURE_SECONDS = 30.0
"""How long a failing test may take, unless an expectation says otherwise; most take a few seconds."""


NO_PATTERNS = {"within", "error", "status"}
"""Fields of expectations that are compared in other ways."""


class FileModel(BaseModel):
    """Part of a YAML or JSON file: no unknown fields, and nothing changes once it is read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    if len(pattern) > 1 and pattern.startswith("/") and pattern.endswith("/"):
        return re.compile(pattern[1:-1], re.DOTALL)
    literals = (re.escape(part) for part in pattern.split("*"))
    return re.compile(rf"\A{'.*'.join(literals)}\Z", re.DOTALL)


def matches(pattern: str, text: str) -> bool:
    """Whether a pattern describes a text: all of it, with `*` for anything, or a part, as `/a regex/`."""
    return bool(_compiled(pattern).search(text))


def _valid(pattern: str) -> str:
    try:
        _compiled(pattern)
    except re.error as error:
        raise ValueError(f"it is not a regular expression: {error}") from None
    return pattern


Pattern = Annotated[
    str,
    AfterValidator(_valid),
    Field(
        min_length=1,
        description="The whole text, with * for anything, or /a regular expression/ for a part of it",
    ),
]


class FieldPatterns(FileModel):
    """Patterns for fields of a `headless_conformance.core.mismatch`; a field without one may be anything."""

    subject: Pattern | None = None
    expected: Pattern | None = None
    observed: Pattern | None = None
    server: Pattern | None = None
    transport: Pattern | None = None
    pod: Pattern | None = None
    node: Pattern | None = None

    def describe(self, fields: Mapping[str, Any]) -> bool:
        """Whether the stored fields of a mismatch are as described; an absent field is an empty text."""
        flat = {**fields, **fields.get("where", {})}
        patterns = self.model_dump(exclude=NO_PATTERNS, exclude_none=True)
        return all(matches(pattern, str(flat.get(name, ""))) for name, pattern in patterns.items())


class FailureExpectation(FieldPatterns):
    """One failure that a requirement must have under a fault."""

    test: Pattern | None = None
    """pytest's node ID of the test that fails."""
    within: float = Field(
        default=FAILURE_SECONDS, gt=0, description="Seconds that each failing test may take"
    )

    @model_validator(mode="after")
    def _has_a_reason(self) -> FailureExpectation:
        if not (self.subject or self.expected or self.observed):
            raise ValueError("give a pattern for subject, expected or observed, so that it names a reason")
        return self


class ErrorExpectation(FieldPatterns):
    """An error that keeps other requirements from being judged under a fault."""

    error: str = Field(min_length=1, description="The type of the exception, such as UserError or Mismatch")
    status: int | None = Field(default=None, description="The HTTP status of an ApiException")
