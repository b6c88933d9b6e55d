"""Auditing StatefulSets and headless Services of any cluster, without changing anything there.

What the API holds tells, through the model in `records`, what EndpointSlices and DNS must say. That is held
against what is there and against what each DNS server answers, and whatever differs is blamed on the
component that is the first to be wrong.
"""

from headless_conformance.audit.access import Access, open_access
from headless_conformance.audit.findings import AuditResult, Finding, status_of_all
from headless_conformance.audit.options import Options
from headless_conformance.audit.servers import DnsServer
from headless_conformance.audit.session import Audit
from headless_conformance.audit.targets import AuditTarget, parse
from headless_conformance.audit.text import audit_text

__all__ = [
    "Access",
    "Audit",
    "AuditResult",
    "AuditTarget",
    "DnsServer",
    "Finding",
    "Options",
    "audit_text",
    "open_access",
    "parse",
    "status_of_all",
]
