"""A broken promise as data: what was asked, what was expected, what came, and where."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Self


@dataclass(frozen=True)
class Where:
    """Where something was seen; empty strings do not apply."""

    server: str = ""
    """Name of the DNS server."""
    transport: str = ""
    """`udp` or `tcp`."""
    pod: str = ""
    node: str = ""
    namespace: str = ""

    def __str__(self) -> str:
        parts = (
            self.server and f"at {self.server}",
            self.transport and f"over {self.transport}",
            self.pod and f"in Pod {self.pod}",
            self.node and f"on node {self.node}",
            self.namespace and f"in namespace {self.namespace}",
        )
        return " ".join(part for part in parts if part)


@dataclass(frozen=True)
class Observation:
    """The fields of a mismatch."""

    subject: str
    """What was asked or looked at, such as `mysql-0.db.default.svc.cluster.local. A` or `Service mysql-svc: spec.clusterIP`."""
    expected: str
    observed: str
    where: Where = Where()
    details: str = ""
    """The whole answer, output or object, for a person."""
    attempts: int | None = None
    seconds: float | None = None
    """How often and for how long it was looked at; None where it was looked at once."""

    def fields(self) -> dict[str, Any]:
        """What is stored, without what is empty."""
        row = {**asdict(self), "where": {key: value for key, value in asdict(self.where).items() if value}}
        return {key: value for key, value in row.items() if value not in ("", None, {})}


class Mismatch(AssertionError):
    """The cluster broke a promise. Prints as a person reads it; `observation` has the fields."""

    def __init__(self, observation: Observation) -> None:
        super().__init__(observation)
        self.observation = observation

    def after(self, attempts: int, seconds: float) -> Self:
        """The same mismatch, the last one of so many looks."""
        return type(self)(replace(self.observation, attempts=attempts, seconds=round(seconds, 1)))

    def __str__(self) -> str:
        seen = self.observation
        where = f" {seen.where}" if str(seen.where) else ""
        lines = [f"{seen.subject}: expected {seen.expected}, came {seen.observed}{where}"]
        if seen.details:
            lines.append(seen.details.rstrip())
        if seen.attempts is not None:
            lines.append(f"({seen.attempts} attempts in {seen.seconds:.1f} s)")
        return "\n".join(lines)
