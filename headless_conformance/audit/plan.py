"""What one look at the API gives: the zone that must be there, and what to ask about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from headless_conformance.audit.checks import Check
from headless_conformance.audit.targets import AuditTarget
from headless_conformance.records import Question, Zone
from headless_conformance.records.names import is_reverse

Owners = Mapping[Question, Sequence[tuple[AuditTarget, Check]]]


@dataclass(frozen=True)
class Plan:
    """The questions of all targets together: each is asked once, whoever it belongs to."""

    zone: Zone
    always: Owners
    absent: Owners = field(default_factory=dict)
    """Asked only where denials are not kept."""
    never: Owners = field(default_factory=dict)
    """Names that nobody will ever have: they must not exist, and a denial of them hides nothing."""
    by_service: Mapping[str, Sequence[AuditTarget]] = field(default_factory=dict)
    """The targets that a Service, as `namespace/name`, belongs to."""
    recent: bool = False
    """Whether something of a target changed so lately that DNS servers may not know it yet."""

    @property
    def questions(self) -> tuple[Question, ...]:
        """All of them."""
        return (*self.always, *self.never, *self.absent)

    def probe_of(self, question: Question) -> Question | None:
        """A name that nobody will ever have, whose denial is kept exactly when that of a name of `absent` is;
        None when there is none.

        That of a reverse name is below it: reverse zones are not the cluster's alone, and a cache that keeps
        nothing of the cluster domain may keep what is in them.
        """
        never = next(iter(self.never), None)
        if never is None or not is_reverse(question.name):
            return never
        return Question(f"{never.name.partition('.')[0]}.{question.name}", question.rdtype)

    def owners(self, question: Question) -> Sequence[tuple[AuditTarget, Check]]:
        """The targets that a question is about, with the check it belongs to."""
        known = [owner for some in (self.always, self.never, self.absent) for owner in some.get(question, ())]
        parsed = self.zone.domain.parse(question.name)
        if known or parsed is None:
            return known
        # Labels that a server chose are asked for as they turn up.
        targets = self.by_service.get(f"{parsed.namespace}/{parsed.service}", ())
        return [(target, Check.MEMBER_RECORDS) for target in targets]
