"""A reference model of the records of Services, after the Kubernetes DNS specification (schema 1.1.0).

It is computed from objects of the API as plain JSON, and from nothing that a DNS server says:

- `compare_endpoints`: the endpoints that the control plane must have written for a Service and its Pods,
  against the EndpointSlices that are there;
- `expected_in_endpoints` and `listed_in_endpoints`: the same for the core/v1 Endpoints;
- `zone_of`: the records that a DNS server must, must not and may have for Services and the EndpointSlices
  that are there;
- `judge`: one answer against a zone, and `judge_labels`: the answers of one server against each other;
- `zone_text`, `zone_difference`: both as text;
- `known_difference`: whether CoreDNS is known for a difference.
"""

from headless_conformance.records.core_endpoints import expected_in_endpoints, listed_in_endpoints
from headless_conformance.records.endpoints import (
    EndpointChange,
    EndpointDifference,
    ListedEndpoint,
    compare_endpoints,
    expected_endpoints,
)
from headless_conformance.records.expectation import Denial, Expectation, Presence, Question, Record
from headless_conformance.records.judgement import (
    AnswerData,
    DifferenceKind,
    RecordDifference,
    ResourceRecord,
    judge,
)
from headless_conformance.records.known_differences import (
    KNOWN_DIFFERENCES,
    KnownDifference,
    known_difference,
    unexplained,
)
from headless_conformance.records.labels import follow_ups, judge_labels
from headless_conformance.records.rules import RULES, Rule
from headless_conformance.records.text import zone_difference, zone_text
from headless_conformance.records.zone import Zone, zone_of

__all__ = [
    "KNOWN_DIFFERENCES",
    "RULES",
    "AnswerData",
    "Denial",
    "DifferenceKind",
    "EndpointChange",
    "EndpointDifference",
    "Expectation",
    "KnownDifference",
    "ListedEndpoint",
    "Presence",
    "Question",
    "Record",
    "RecordDifference",
    "ResourceRecord",
    "Rule",
    "Zone",
    "compare_endpoints",
    "expected_endpoints",
    "expected_in_endpoints",
    "follow_ups",
    "judge",
    "judge_labels",
    "known_difference",
    "listed_in_endpoints",
    "unexplained",
    "zone_difference",
    "zone_of",
    "zone_text",
]
