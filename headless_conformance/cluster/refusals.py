"""What a cluster's own rules (quotas, policies, webhooks) refuse, in their words."""

from __future__ import annotations

import re

_REFUSED = re.compile(r"is forbidden: |denied the request|denied request")
_OF_NO_RULE = re.compile(r'User "[^"]*" cannot|being terminated|error looking up service account')
"""What is forbidden because of missing rights, or because a namespace is just coming or going."""


def refusal_in(text: str) -> str:
    """The line in which an API server says that a rule of the cluster refuses something; empty where there is
    none."""
    for line in text.splitlines():
        if _REFUSED.search(line) and not _OF_NO_RULE.search(line):
            return line.strip()
    return ""
