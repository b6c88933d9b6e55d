"""What is audited: StatefulSets, and Services without one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from headless_conformance.core.errors import UserError
from headless_conformance.core.validation import OBJECT_NAME

_NAME = re.compile(rf"^{OBJECT_NAME}$")
SERVICE_WORDS = ("svc", "service", "services")
SET_WORDS = ("sts", "statefulset", "statefulsets")


class TargetKind(StrEnum):
    """The two kinds of objects that can be named."""

    STATEFUL_SET = "StatefulSet"
    SERVICE = "Service"


@dataclass(frozen=True, order=True)
class AuditTarget:
    """One object that is judged."""

    namespace: str
    kind: TargetKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


def parse(text: str) -> AuditTarget:
    """`NAMESPACE/STATEFULSET` or `NAMESPACE/svc/SERVICE`, as kubectl abbreviates kinds. UserError for
    anything else."""
    parts = text.split("/")
    if len(parts) == 2:
        parts.insert(1, SET_WORDS[0])
    kinds = {
        **dict.fromkeys(SET_WORDS, TargetKind.STATEFUL_SET),
        **dict.fromkeys(SERVICE_WORDS, TargetKind.SERVICE),
    }
    if len(parts) != 3 or parts[1] not in kinds or not _NAME.match(parts[0]) or not _NAME.match(parts[2]):
        raise UserError(
            f"{text!r} names nothing to audit; write NAMESPACE/STATEFULSET or NAMESPACE/svc/SERVICE, or "
            "use --namespace."
        )
    return AuditTarget(parts[0], kinds[parts[1]], parts[2])
