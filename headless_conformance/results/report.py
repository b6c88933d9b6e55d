"""`reports/conformance.yaml` as a value: one run for other programs, in format v2. Durations are in seconds.

Its published schema, docs/conformance-report.schema.json, is generated from these models.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from headless_conformance.core.levels import Level
from headless_conformance.core.mismatch import Observation
from headless_conformance.core.paths import ROOT
from headless_conformance.results.verdict import Outcome, Result

REPORT_SCHEMA = ROOT / "docs" / "conformance-report.schema.json"

Seconds = Annotated[float, Field(ge=0)]
Counts = dict[Outcome, Annotated[int, Field(ge=1)]]
Levels = dict[Level, Counts]


class _Part(BaseModel):
    """A part of a report; it has no keys but its own and never changes."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)


class SuiteVersion(_Part):
    """What verified."""

    version: str
    commit: Annotated[str, StringConstraints(pattern="^[0-9a-f]{40,64}$")] | None = None
    """Absent outside a git clone."""
    modified: bool | None = None
    """Whether files differed from the commit."""


class ClusterFacts(_Part):
    """What was seen of the cluster; what could not be seen is absent."""

    cluster: str | None = None
    provider: str | None = None
    kubernetes: str | None = None
    """Server version."""
    git_commit: str | None = None
    """Of the server, where it states one."""
    nodes: str | None = None
    """Number of nodes."""
    node_os: str | None = None
    node_kernel: str | None = None
    node_runtime: str | None = None
    pod_network: str | None = None
    """The DaemonSet of the CNI plug-in, where it is a known one."""
    kube_proxy_mode: str | None = None
    coredns_image: str | None = None
    corefile_sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")] | None = None
    stand_ins: str | None = None
    """Public images in whose place others ran, which are built from Debian packages, and what these are."""
    statefulset: str | None = None
    """`namespace/name` of the person's own, on which the tests that only look were run, too."""


class Measure(_Part):
    """The spread of a number that tests recorded, in the number's own unit."""

    samples: int = Field(ge=1)
    min: float
    median: float
    max: float
    p95: float | None = None
    """From 20 samples on."""


class TestRow(_Part):
    """One test."""

    __test__ = False

    id: str
    """pytest's node ID."""
    requirements: tuple[str, ...] = ()
    """The requirements that it names; none for a test that stands for no requirement."""
    outcome: Outcome
    seconds: Seconds
    reason: str = ""
    """First line of the message, or why it did not run."""
    mismatch: Observation | None = None
    """The failure as data, where the test raised it so."""
    measures: dict[str, Measure] = {}


class RequirementRow(_Part):
    """One requirement."""

    id: str
    section: str = ""
    """Empty in what was read from a v1 file."""
    level: Level
    outcome: Outcome
    """`passed` only if all its tests are."""
    seconds: Seconds
    reason: str = ""
    same_as: tuple[str, ...] = ()
    """Requirements of other documents that are verified by the same tests."""
    tests: tuple[str, ...] = ()
    """The `id` of each of its tests."""
    tests_passed: int = Field(default=0, ge=0)
    measures: dict[str, Measure] = {}


class SectionRow(_Part):
    """A section of a document."""

    id: str
    title: str


class CitedPage(_Part):
    """A page that the document cites."""

    id: str
    url: str
    requirements_found: int = Field(ge=0)
    requirements_covered: int = Field(ge=0)


class DocumentRow(_Part):
    """A document with every requirement of its register, in its order."""

    id: str
    title: str = ""
    url: str = ""
    """Empty where it is not published."""
    revision: str = ""
    """What was read; empty, as are title and sections, in what was read from a v1 file."""
    levels: Levels
    sections: tuple[SectionRow, ...] = ()
    requirements: tuple[RequirementRow, ...]
    cited_pages: tuple[CitedPage, ...] = ()


class Report(_Part):
    """One run of the suite against one cluster."""

    format: Literal["headless-conformance/report/v2"]
    suite: SuiteVersion
    date: str = Field(json_schema_extra={"format": "date-time"})
    """Start of the run, in UTC."""
    seconds: Seconds
    cluster: ClusterFacts
    """Empty when no test used one."""
    result: Result
    """failure: a MUST, or a test without a requirement, is failed or error, or nothing ran. partial: a MUST
    was not verified in full. success: neither."""
    summary: str
    """The run in one line, as for a badge."""
    exit_status: Literal[0, 1, 2, 3, 130, 143]
    """0 no MUST is failed or error, 1 a MUST failed, 2 a MUST is an error or nothing ran, 3 partial with
    STRICT=1, 130 interrupted by ^C, 143 by SIGTERM."""
    levels: Levels
    """Number of requirements of all documents by level and outcome."""
    documents: tuple[DocumentRow, ...]
    """The documents that the run was about."""
    tests: tuple[TestRow, ...]
    """Every test that was collected, and what kept others from being collected."""

    def requirements(self) -> Iterator[RequirementRow]:
        """The requirements of all documents."""
        for document in self.documents:
            yield from document.requirements

    def outcomes(self) -> dict[str, Outcome]:
        """Requirements by ID, with their outcomes."""
        return {row.id: row.outcome for row in self.requirements()}


def report_schema() -> str:
    """The JSON schema of a report, as docs/conformance-report.schema.json has it."""
    return json.dumps(Report.model_json_schema(), indent=2) + "\n"
