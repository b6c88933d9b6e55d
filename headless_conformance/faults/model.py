"""Faults and healthy variations as data: one file each, what it changes and which requirements must fail by it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import ROOT

FAULTS = ROOT / "faults"
VARIATIONS = ROOT / "variations"
KIND, SIMULATED = "kind", "simulated"
"""Providers on which experiments can be injected."""
SCHEMA = FAULTS / "schema.json"

Object = dict[str, Any]


@dataclass(frozen=True)
class Manifest:
    """Shipped manifests changed before they are applied: `patch` on each object of `kind`, `add` more objects.

    A patch is a JSON merge patch (RFC 7396) in which a list may be changed, too: by an object of positions, `+` is one more.
    """

    file: str
    """A pattern, as `statefulset*.yaml`."""
    kind: str = ""
    patch: Object = field(default_factory=dict)
    add: Sequence[Object] = ()


@dataclass(frozen=True)
class Corefile:
    """The DNS servers' configuration: `insert` lines into the main server block, `replace` words."""

    insert: str = ""
    replace: Mapping[str, str] = field(default_factory=dict)
    replica: int = 0
    """The one replica (from 1) that is configured so, on the simulated provider; 0 is all, and what the ConfigMap says too."""
    after: str = ""
    """Restart the servers with it once this fixture is set up, so that it may name addresses; empty is from their start."""


@dataclass(frozen=True)
class Size:
    """The simulated cluster's number of nodes and DNS servers."""

    nodes: int = 3
    dns_replicas: int = 2


@dataclass(frozen=True)
class Component:
    """More flags for a component of the simulated cluster, from its start or by a restart after a fixture is set up."""

    name: str
    flags: Sequence[str]
    after: str = ""


@dataclass(frozen=True)
class Command:
    """One kubectl command; `stdin` is an object that it reads as YAML."""

    words: Sequence[str]
    stdin: Object | None = None


@dataclass(frozen=True)
class Kubectl:
    """kubectl commands, run once a fixture is set up, in its namespace; `undo` when the run ends on a cluster that may stay."""

    after: str
    run: Sequence[Command]
    undo: Sequence[Command] = ()


@dataclass(frozen=True)
class Wrapper:
    """Another kubectl for the tests: a bash script that has the arguments in `$@` and the real one in `$kubectl`."""

    script: str


@dataclass(frozen=True)
class Client:
    """The kubectl of another row of versions.yaml for the tests."""

    minor: str


Injection = Manifest | Corefile | Size | Component | Kubectl | Wrapper | Client

KINDS: Mapping[str, type[Injection]] = {
    "manifest": Manifest,
    "corefile": Corefile,
    "size": Size,
    "component": Component,
    "kubectl": Kubectl,
    "wrapper": Wrapper,
    "client": Client,
}


@dataclass(frozen=True)
class Experiment:
    """One change of a healthy set-up. A variation is one that turns nothing red."""

    name: str
    path: Path
    title: str
    changes: str
    providers: tuple[str, ...]
    environment: Mapping[str, str]
    inject: tuple[Injection, ...]
    must_fail: Mapping[str, str]
    """Requirement to a regular expression that the message of one of its failures must match, on every provider."""
    must_fail_on_kind: Mapping[str, str]
    others_unknown: str
    """Where nothing else can be told any more: what the messages of all other, broken requirements must match; else empty."""
    why: str

    def failures(self, provider: str) -> dict[str, str]:
        """Requirement to regular expression on a provider."""
        more = self.must_fail_on_kind if provider == KIND else {}
        return {**self.must_fail, **more}


def _injection(row: Mapping[str, Any]) -> Injection:
    ((kind, values),) = row.items()
    if kind == "kubectl":
        run, undo = ([Command(**command) for command in values.get(name, [])] for name in ("run", "undo"))
        return Kubectl(values["after"], run, undo)
    return KINDS[kind](**values)


def load(path: Path) -> Experiment:
    """Read and check one file; UserError names the first thing that is wrong with it."""
    try:
        data = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise UserError(f"{path.name} cannot be read, correct it: {error}") from None
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    wrong = jsonschema.exceptions.best_match(validator.iter_errors(data))
    if wrong is not None:
        raise UserError(f"{path.name}: {wrong.json_path}: {wrong.message}; correct the file.")
    return Experiment(
        name=path.stem,
        path=path,
        title=data["title"],
        changes=data["changes"],
        providers=tuple(data["providers"]),
        environment=data.get("environment", {}),
        inject=tuple(_injection(row) for row in data.get("inject", [])),
        must_fail=data.get("must_fail", {}),
        must_fail_on_kind=data.get("must_fail_on_kind", {}),
        others_unknown=data.get("others_unknown", ""),
        why=data.get("why", ""),
    )


def load_all(folder: Path, names: Sequence[str] = ()) -> list[Experiment]:
    """Every experiment of a folder, by name, or those of these names; UserError lists the names when one is not there."""
    known = sorted(path.stem for path in folder.glob("*.yaml"))
    for name in names:
        if name not in known:
            raise UserError(f"There is no {folder.name}/{name}.yaml; use one of {', '.join(known)}.")
    return [load(folder / f"{name}.yaml") for name in names or known]
