"""A broken promise as data: what was asked, what was expected, what was observed, and where.

Tests raise a `Mismatch`. Its fields go into the reports, and the fault catalogue matches them. The forms that
they have are listed in `headless_conformance.core.mismatch_forms`; rewording a message changes none of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Self


@dataclass(frozen=True)
class Where:
    """Where something was observed; empty strings do not apply."""

    server: str = ""
    """Name of the DNS server."""
    address: str = ""
    """The DNS server's address and port."""
    transport: str = ""
    """`udp` or `tcp`."""
    pod: str = ""
    node: str = ""
    namespace: str = ""

    def __str__(self) -> str:
        parts = (
            self.server and f"at {self.server}",
            self.address and f"({self.address})",
            self.transport and f"over {self.transport}",
            self.pod and f"in Pod {self.pod}",
            self.node and f"on node {self.node}",
            self.namespace and f"in namespace {self.namespace}",
        )
        return " ".join(part for part in parts if part)


NOWHERE = Where()


@dataclass(frozen=True)
class Observation:
    """The fields of a mismatch."""

    subject: str
    """What was asked or looked at, such as `A web-0.nginx.default.svc.cluster.local.`, in one of the listed
    forms (`headless_conformance.core.mismatch_forms`)."""
    expected: str
    observed: str
    where: Where = NOWHERE
    details: str = ""
    """The whole answer, output or object, for a person."""
    attempts: int | None = None
    seconds: float | None = None
    """How often and for how long it was looked at; None where it was looked at once."""

    def fields(self) -> dict[str, Any]:
        """What is stored: subject, expected and observed, and of the rest what is not empty."""
        row = {**asdict(self), "where": {key: value for key, value in asdict(self.where).items() if value}}
        always = ("subject", "expected", "observed")
        return {key: value for key, value in row.items() if key in always or value not in ("", None, {})}

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Self:
        """What `fields` was stored of."""
        return cls(**{**fields, "where": Where(**fields.get("where", {}))})


class Mismatch(AssertionError):
    """The cluster broke a promise. Prints as a person reads it; `observation` has the fields."""

    # Python and pytest print the module of a class before its name, unless it is a built-in one.
    __module__ = "builtins"

    def __init__(self, observation: Observation) -> None:
        super().__init__(observation)
        self.observation = observation

    def after(self, attempts: int, seconds: float) -> Self:
        """The same mismatch, as the last one of so many attempts."""
        return type(self)(replace(self.observation, attempts=attempts, seconds=round(seconds, 1)))

    def __str__(self) -> str:
        seen = self.observation
        where = f" {seen.where}" if str(seen.where) else ""
        lines = [f"{seen.subject}: expected {seen.expected}, got {seen.observed}{where}"]
        if seen.details:
            lines.append(seen.details.rstrip())
        if seen.attempts is not None:
            lines.append(f"({seen.attempts} attempts in {seen.seconds:.1f} s)")
        return "\n".join(lines)


class PermanentFailure(Mismatch):
    """A promise is broken in a way that waiting cannot mend; it is not looked at again."""


def text_of(value: object) -> str:
    """A value in the form that the fields of a mismatch have."""
    match value:
        case None:
            return "absent"
        case bool():
            return str(value).lower()
        case str():
            return value
        case Mapping():
            return "{" + ", ".join(f"{key}: {text_of(item)}" for key, item in sorted(value.items())) + "}"
        case tuple():
            return " ".join(map(text_of, value))
        case Sequence():
            return "[" + ", ".join(map(text_of, value)) + "]"
        case Collection():
            return items_of(value)
        case _:
            return str(value)


def items_of(values: Iterable[object]) -> str:
    """Items whose order does not count, as text: `{a, b}`; an item that is there twice is shown twice."""
    return "{" + ", ".join(sorted(map(text_of, values))) + "}"


def require(
    holds: bool, subject: str, *, expected: str, observed: object, where: Where = NOWHERE, details: str = ""
) -> None:
    """Raise a Mismatch unless a condition holds that the other helpers cannot express."""
    __tracebackhide__ = True
    if not holds:
        raise Mismatch(Observation(subject, expected, text_of(observed), where, details))


def require_equal(
    subject: str, observed: object, expected: object, *, where: Where = NOWHERE, details: str = ""
) -> None:
    """Raise a Mismatch unless two values are equal."""
    __tracebackhide__ = True
    require(
        observed == expected,
        subject,
        expected=text_of(expected),
        observed=observed,
        where=where,
        details=details,
    )


def require_items(
    subject: str,
    observed: Iterable[object],
    expected: Iterable[object],
    *,
    where: Where = NOWHERE,
    details: str = "",
) -> None:
    """Raise a Mismatch unless two collections have the same items, each as often, in any order."""
    __tracebackhide__ = True
    seen, wanted = list(observed), list(expected)
    same = Counter(seen) == Counter(wanted)
    texts = {"expected": items_of(wanted), "observed": items_of(seen)}
    require(same, subject, **texts, where=where, details=details)


def require_count(
    subject: str, observed: Collection[object], expected: int, *, where: Where = NOWHERE, details: str = ""
) -> None:
    """Raise a Mismatch unless there are so many items."""
    __tracebackhide__ = True
    seen = f"{len(observed)} {items_of(observed)}"
    require(
        len(observed) == expected,
        subject,
        expected=str(expected),
        observed=seen,
        where=where,
        details=details,
    )
