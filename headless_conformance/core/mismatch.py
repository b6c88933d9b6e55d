"""A broken promise as data: what was asked, what was expected, what was observed, and where.

Tests raise a `Mismatch`. Its fields go into the reports, and the fault catalogue matches them. They have
these forms, which rewording a message does not change.

Values: a string stands for itself, a missing field is `absent`, truth values are `true` and `false`, a
sequence is `[a, b]` in its order, items whose order does not count are `{a, b}` sorted, a mapping is `{key:
value}` sorted by key, a tuple is its items with blanks between. A number of items is observed with them: `2
{10.0.0.1, 10.0.0.2}`.

Subjects, each with what is expected and observed:

- `A web-0.nginx.default.svc.cluster.local.`: record type and name; where: server, address, transport.
  Expected: `{10.0.0.1}`, `at least {10.0.0.1}`, `none of {a, b}`, `{web-0.…} below nginx.…` (for PTR),
  `NXDOMAIN`, `NODATA`, `NXDOMAIN or NODATA` and `NODATA with SOA`, `TTL at most 60`,
  `negative TTL at most 60`, `records with a TTL`. Observed:
  `{10.0.0.2}`, `NODATA` (NOERROR without such records), `NXDOMAIN`, `SERVFAIL` and the other response codes,
  `no answer: ` and why,
  `NXDOMAIN with {10.0.0.1}`, `{10.0.0.1} of other.name.` (another owner), `CNAME other.name.`,
  `{10.0.0.1} with flag TC`, `{web-0.… 80} with additional {web-0.… 10.0.0.1}`, `NODATA without SOA`,
  `TTL 3600`, `TTL {30, 5}`; of more than ten records `40 records`, and observed
  `39 records: missing {a}, additional {}`.
- `getaddrinfo nginx`; where: Pod, namespace. `{10.0.0.1}`, `no such name`; observed `EAI_NONAME`.
- `Service nginx`: kind and name; where: namespace. `present`; observed `absent`.
- `Service nginx .spec.clusterIP`: a field, with its value.
- `StatefulSet web: Pods`, `StatefulSet web: Ready Pods`, `EndpointSlices of Service nginx: hostnames`.
- `EndpointSlices of Service nginx: endpoints`: expected those that are not there as they must be, observed
  what is there in their place; `{10.0.0.1 mysql:3306/TCP hostname web-0 of Pod/... on node: ready, serving}`.
- `kubectl describe svc/nginx: Endpoints`, `kubectl get svc: TYPE of nginx`,
  `kubectl apply -f web.yaml: line 1`: what was printed; of a key that is not there once `[a, b]` or `[]`.
- `kubectl apply -f web.yaml: exit status`: `0`; observed status and error, `1: Error from server: no`.
- `create a Service with clusterIP: none`: `refused as invalid, naming clusterIP`; observed `accepted`,
  `refused as invalid: ` or `refused with status 403: ` and why.
- `/etc/hosts of Pod web-0`, `/etc/hosts of Pod web-0: web-1`: a line; the addresses of a name.
- `SELECT @@hostname at web-0.nginx`; where: the client's Pod. Rows; observed `error: ` and what the client
  says.
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
    """What was asked or looked at, such as `A web-0.nginx.default.svc.cluster.local.`: one of the forms that
    `headless_conformance.core.mismatch` lists."""
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
