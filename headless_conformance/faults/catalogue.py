"""Finding and reading the files of faults and variations."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import ValidationError

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import ROOT
from headless_conformance.faults.expectation import FileModel
from headless_conformance.faults.model import Fault, RequirementId, Scenario, Variation

FAULTS = ROOT / "faults"
VARIATIONS = ROOT / "variations"
SCHEMA = FAULTS / "schema.json"
_CONTROL = FAULTS / "control.yaml"

ScenarioType = TypeVar("ScenarioType", bound=Scenario)
ModelType = TypeVar("ModelType", bound=FileModel)


class ControlSet(FileModel):
    """Requirements that every fault's run verifies, whatever document the fault is about."""

    requirements: dict[RequirementId, str]
    """The reason for each, by ID."""


def _read(path: Path, kind: type[ModelType]) -> ModelType:
    """One file; UserError names the first thing that is wrong with it."""
    try:
        return kind.model_validate(yaml.safe_load(path.read_text()))
    except (OSError, yaml.YAMLError) as error:
        raise UserError(f"{path.name} cannot be read, correct it: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise UserError(f"{path.name}: {where}: {first['msg']}; correct the file.") from None


def _read_scenario(path: Path, kind: type[ScenarioType]) -> ScenarioType:
    scenario = _read(path, kind)
    scenario._path = path
    return scenario


def read_fault(path: Path) -> Fault:
    """The fault of one file; UserError names the first thing that is wrong with it."""
    return _read_scenario(path, Fault)


def read_variation(path: Path) -> Variation:
    """The variation of one file; UserError as for a fault."""
    return _read_scenario(path, Variation)


def read_scenario(path: Path) -> Scenario:
    """The variation of a file below variations/, the fault of any other; UserError as for a fault."""
    return read_variation(path) if path.is_relative_to(VARIATIONS) else read_fault(path)


def find_faults(names: Sequence[str] = (), folder: Path = FAULTS) -> list[Fault]:
    """Every fault by name, or those of these names; UserError lists the names when one is not there."""
    return [read_fault(path) for path in _chosen(names, "fault", folder.glob("*/*.yaml"))]


def find_variations(names: Sequence[str] = (), folder: Path = VARIATIONS) -> list[Variation]:
    """Every variation by name, or those of these names; UserError lists the names when one is not there."""
    return [read_variation(path) for path in _chosen(names, "variation", folder.glob("*.yaml"))]


def _chosen(names: Sequence[str], kind: str, paths: Iterable[Path]) -> list[Path]:
    known: dict[str, Path] = {}
    for path in sorted(paths, key=lambda path: path.stem):
        if path.stem in known:
            raise UserError(f"{path} and {known[path.stem]} have one name; rename one of them.")
        known[path.stem] = path
    for name in names:
        if name not in known:
            raise UserError(f"There is no {kind} {name}; use one of {', '.join(known)}.")
    return [known[name] for name in names or known]


def read_control_set(path: Path = _CONTROL) -> ControlSet:
    """The fixed set of requirements; UserError names the first thing that is wrong with the file."""
    return _read(path, ControlSet)


def schema() -> str:
    """The JSON schema of faults and variations, for editors."""
    fault, variation = (kind.model_json_schema(ref_template="#/$defs/{model}") for kind in (Fault, Variation))
    definitions = {**fault.pop("$defs"), **variation.pop("$defs"), "Fault": fault, "Variation": variation}
    document = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A fault (faults/*/NAME.yaml) or a variation (variations/NAME.yaml)",
        "anyOf": [{"$ref": "#/$defs/Fault"}, {"$ref": "#/$defs/Variation"}],
        "$defs": dict(sorted(definitions.items())),
    }
    return json.dumps(document, indent=2) + "\n"
