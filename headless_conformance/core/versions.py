"""`versions.yaml`, typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import ROOT

_TABLE = ROOT / "versions.yaml"


@dataclass(frozen=True)
class Release:
    """One row: a Kubernetes minor with the exact patch and what belongs to it.

    Versions carry no leading `v`.
    """

    __pydantic_config__: ClassVar = ConfigDict(extra="forbid")

    minor: str
    patch: str
    node_image: str
    coredns: str
    etcd: str
    pause: str
    k3s_image: str


@dataclass(frozen=True)
class Versions:
    """The table: the kind release (with `v`, as its module names it), the Go components that all rows share,
    and one row per minor, oldest first."""

    kind: str
    components: Mapping[str, str]
    rows: tuple[Release, ...]

    @property
    def newest(self) -> Release:
        return self.rows[-1]

    def row(self, minor: str) -> Release:
        """The row of `1.37` (or its patch `1.37.0`, with or without `v`); UserError names the ones
        there are."""
        wanted = minor.removeprefix("v")
        for row in self.rows:
            if wanted in (row.minor, row.patch):
                return row
        known = ", ".join(row.minor for row in self.rows)
        raise UserError(f"K8S={minor} is not a row of versions.yaml; use one of {known}.")

    def closest_row(self, minor: str) -> Release:
        """The row of a minor, else the one whose minor is next to it."""
        wanted = _numbers(minor)[1]
        return min(self.rows, key=lambda row: abs(_numbers(row.minor)[1] - wanted))

    def nearest(self, version: str) -> Release:
        """A release for a server of any version, such as `1.33.5`: the closest row, with that minor and patch
        in it. For a cluster that we do not create. UserError when it is no version."""
        wanted = version.removeprefix("v")
        try:
            minor = ".".join(map(str, _numbers(wanted)[:2]))
        except ValueError:
            raise UserError(f"K8S={version} is not a version; write it like 1.36 or 1.36.4.") from None
        return replace(self.closest_row(minor), minor=minor, patch=wanted)


def _numbers(version: str) -> tuple[int, ...]:
    major, minor, *rest = version.split(".")
    return (int(major), int(minor), *(int(part) for part in rest))


def _with_minors(rows: Any) -> Any:
    """Each row with its key, the minor, as a field."""
    if not isinstance(rows, Mapping) or not all(isinstance(row, Mapping) for row in rows.values()):
        raise ValueError("give a row for each minor")
    return tuple({"minor": minor, **row} for minor, row in rows.items())


class _Table(BaseModel):
    """The file."""

    model_config = ConfigDict(extra="forbid")

    kind: str
    components: Mapping[str, str]
    kubernetes: Annotated[tuple[Release, ...], BeforeValidator(_with_minors)] = Field(min_length=1)


def read_versions(path: Path = _TABLE) -> Versions:
    """Read the table. UserError names what is wrong with it."""
    try:
        table = _Table.model_validate(yaml.safe_load(path.read_text()))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UserError(f"{path.name}: {where}: {first['msg']}; correct the file.") from None
    rows = sorted(table.kubernetes, key=lambda row: _numbers(row.minor))
    return Versions(table.kind, table.components, tuple(rows))
