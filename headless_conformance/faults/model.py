"""Faults and healthy variations as data: what is changed, and which requirements must fail because of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

from pydantic import ConfigDict, Field, PrivateAttr, StringConstraints, model_validator

from headless_conformance.core.objects import Object
from headless_conformance.faults.expectation import (
    ErrorExpectation,
    FailureExpectation,
    FileModel,
    Pattern,
    matches,
)
from headless_conformance.faults.run_record import AuditRecord

KIND: Final = "kind"
SIMULATED: Final = "simulated"
"""Names of the providers on whose clusters something can be injected."""

RequirementId = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9]*(-[A-Z0-9]+)+$")]
FixtureName = Annotated[str, StringConstraints(pattern=r"^[a-z_][a-z0-9_]*$")]
VariableName = Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]*$")]

AFTER = "A fixture of the tests, after whose set-up the change is made"


class PatchOperation(FileModel):
    """One operation of a JSON patch (RFC 6902) on an object of a manifest."""

    op: Literal["add", "remove", "replace"]
    path: str = Field(pattern=r"^/", description="A JSON pointer (RFC 6901); /- at its end appends to a list")
    value: Any = None

    @model_validator(mode="after")
    def _value_where_one_is_needed(self) -> PatchOperation:
        if ("value" in self.model_fields_set) == (self.op == "remove"):
            raise ValueError("give a value to add or replace, and none to remove")
        return self


class ManifestChange(FileModel):
    """Shipped manifests as they are applied: `patch` on each object of `kind`, `add` more objects."""

    file: str = Field(description="The file's path below manifests/, with * for anything")
    kind: str = ""
    patch: tuple[PatchOperation, ...] = ()
    add: tuple[Object, ...] = ()

    @model_validator(mode="after")
    def _patch_names_a_kind(self) -> ManifestChange:
        if bool(self.patch) != bool(self.kind):
            raise ValueError("give kind and patch together")
        return self


class CorefileChange(FileModel):
    """The DNS servers' configuration: `insert` lines into the main server block, `replace` words."""

    insert: str = ""
    replace: Mapping[str, str] = {}
    replica: int | None = Field(
        default=None,
        ge=1,
        description="The one simulated DNS server that is changed; without it all are, and the ConfigMap",
    )
    after: FixtureName | None = Field(default=None, description=AFTER + "; without it the servers start so")


class ClusterSize(FileModel):
    """The simulated cluster's number of nodes and DNS servers."""

    nodes: int = Field(default=3, ge=1)
    dns_replicas: int = Field(default=2, ge=1)


class ComponentFlags(FileModel):
    """More flags for a component of the simulated cluster, from its start or by a restart."""

    name: str
    flags: tuple[str, ...] = Field(min_length=1)
    after: FixtureName | None = Field(
        default=None, description=AFTER + "; without it the component starts so"
    )


class KubectlCommand(FileModel):
    """One kubectl command; `stdin` is an object that it reads as YAML."""

    words: tuple[str, ...] = Field(min_length=1)
    stdin: Object | None = None


class KubectlCommands(FileModel):
    """kubectl commands in a fixture's namespace; `undo` when the run ends on a cluster that may stay."""

    after: FixtureName = Field(description=AFTER)
    run: tuple[KubectlCommand, ...] = Field(min_length=1)
    undo: tuple[KubectlCommand, ...] = ()


class KubectlWrapper(FileModel):
    """Another kubectl for the tests: a bash script with its arguments and the real one in `$kubectl`."""

    script: str


class KubectlVersion(FileModel):
    """The kubectl of another row of versions.yaml for the tests."""

    minor: str


Change = (
    ManifestChange
    | CorefileChange
    | ClusterSize
    | ComponentFlags
    | KubectlCommands
    | KubectlWrapper
    | KubectlVersion
)
ChangeType = TypeVar("ChangeType", bound=FileModel)


class Injection(FileModel):
    """One change by the name of its kind; exactly one is given."""

    model_config = ConfigDict(json_schema_extra={"minProperties": 1, "maxProperties": 1})

    manifest: ManifestChange | None = None
    corefile: CorefileChange | None = None
    size: ClusterSize | None = None
    component: ComponentFlags | None = None
    kubectl: KubectlCommands | None = None
    kubectl_wrapper: KubectlWrapper | None = None
    kubectl_version: KubectlVersion | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Injection:
        if len(self.model_fields_set) != 1:
            raise ValueError(f"give one of {', '.join(Injection.model_fields)} in each entry")
        return self

    @property
    def change(self) -> Change:
        """The change itself."""
        (name,) = self.model_fields_set
        found: Change = getattr(self, name)
        return found


class NoteExpectation(FileModel):
    """A note of `audit` about a set."""

    kind: str = Field(min_length=1, description="Such as: not-ready-published")
    of: Pattern = Field(default="*", description="The object that it is about")


class AuditExpectation(FileModel):
    """A finding or a note of `audit` on the set behind a fixture, made when the tests are done with it."""

    of: FixtureName = Field(description="The fixture whose set is audited")
    component: Pattern | None = Field(
        default=None, description="Who is to blame, such as: one DNS server; *DNS server* is one or all"
    )
    check: str = Field(default="", description="The first check that it decides, such as: member-records")
    kind: str = Field(default="", description="What is wrong, finer than by the check, such as: no-service")
    facts: Mapping[str, Pattern] = Field(default={}, description="What the finding is about, by name")
    note: NoteExpectation | None = Field(
        default=None, description="In place of a finding, what is noted of a set that is not wrong"
    )

    @model_validator(mode="after")
    def _finding_or_note(self) -> AuditExpectation:
        of_finding = bool(self.component and self.check)
        if self.note is not None and (self.component or self.check or self.kind or self.facts):
            raise ValueError("give a note or a finding")
        if self.note is None and not of_finding:
            raise ValueError("give component and check of a finding, or a note")
        return self

    def describe(self, record: AuditRecord) -> bool:
        """Whether an audit said it."""
        if self.note is not None:
            return any(
                note.kind == self.note.kind and matches(self.note.of, note.of) for note in record.notes
            )
        return any(
            found.check == self.check
            and self.kind in ("", found.kind)
            and matches(self.component or "*", found.component)
            and all(matches(pattern, found.facts.get(name, "")) for name, pattern in self.facts.items())
            for found in record.findings
        )

    def __str__(self) -> str:
        if self.note is not None:
            return f"note {self.note.kind} of {self.note.of}"
        patterns = "".join(f", {name} {pattern!r}" for name, pattern in self.facts.items())
        return f"blame {self.component} in {self.check} {self.kind}".rstrip() + patterns


class AdditionalAudit(FileModel):
    """What else is run on the broken cluster."""

    audit: AuditExpectation


class Scenario(FileModel):
    """One change of a healthy set-up."""

    title: str = Field(min_length=1)
    changes: str = Field(min_length=1, description="What is changed, in a sentence")
    providers: tuple[Literal["kind", "simulated"], ...] = Field(min_length=1)
    environment: Mapping[VariableName, str] = Field(
        default={}, description="Variables of the run, such as NAMESPACE"
    )
    inject: tuple[Injection, ...] = ()
    why: str = ""
    _path: Path = PrivateAttr(default=Path())

    @property
    def path(self) -> Path:
        """The file that it was read from."""
        return self._path

    @property
    def name(self) -> str:
        """The file's name without its ending, by which a person chooses it."""
        return self._path.stem

    def injected(self, kind: type[ChangeType]) -> list[ChangeType]:
        """The changes of one kind, in the file's order."""
        return [injection.change for injection in self.inject if isinstance(injection.change, kind)]

    def expected_failures(self, provider: str) -> dict[str, FailureExpectation]:
        """What must fail on a provider, by requirement."""
        del provider
        return {}


class Fault(Scenario):
    """What is broken on purpose: the listed requirements must fail, each for its reason, and nothing else."""

    verify_only: tuple[RequirementId, ...] = Field(
        default=(),
        description="All that its run verifies, where the fault breaks far more than it is about",
    )
    failures: Mapping[RequirementId, FailureExpectation] = {}
    failures_on_kind: Mapping[RequirementId, FailureExpectation] = Field(
        default={},
        description="Failures that only real nodes show, in addition or in place of those everywhere",
    )
    others_unknown: tuple[ErrorExpectation, ...] = Field(
        default=(),
        description="The errors of all other requirements, where nothing else can be judged any more",
    )
    also: AdditionalAudit | None = None

    @model_validator(mode="after")
    def _something_fails(self) -> Fault:
        if not self.failures and not self.failures_on_kind:
            raise ValueError("list at least one requirement below failures")
        return self

    @property
    def requirements(self) -> list[str]:
        """IDs of all requirements that it lists, each once."""
        return list(dict.fromkeys((*self.failures, *self.failures_on_kind)))

    def expected_failures(self, provider: str) -> dict[str, FailureExpectation]:
        return {**self.failures, **(self.failures_on_kind if provider == KIND else {})}


class Variation(Scenario):
    """A healthy set-up that differs from the usual one: nothing may fail."""
