"""What the person asked for, read once from the environment and checked before anything is started.

What only one provider can have is checked by that provider: `providers.registry.settings_of_run`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationInfo

from headless_conformance.core.errors import UserError
from headless_conformance.core.variables import renamed_variable
from headless_conformance.core.versions import Release, Versions, read_versions

SCALE_NAMES = 200
"""How many of very many Pods are looked at one by one, unless the person says otherwise."""
ALL = "all"


@dataclass(frozen=True)
class EnvironmentVariable:
    """The variable of the environment that a field is read from."""

    name: str


class Images(StrEnum):
    """Where node and workload images come from: `auto` is present, then pull, then build."""

    AUTO = "auto"
    PULL = "pull"
    BUILD = "build"


def require_known(variable: str, value: str, known: list[str]) -> None:
    """UserError that names the known values of a variable, unless `value` is one of them."""
    if value not in known:
        raise UserError(f"{variable}={value} is not known; use one of {', '.join(known)}.")


def _variable(info: ValidationInfo) -> str:
    name: str = info.context[info.field_name] if info.context else str(info.field_name)
    return name


def _one_of(*known: str) -> BeforeValidator:
    def check(value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, str):
            require_known(_variable(info), value, list(known))
        return value

    return BeforeValidator(check)


def _number(value: Any, info: ValidationInfo) -> Any:
    if isinstance(value, str) and not value.isdecimal():
        raise UserError(f"{_variable(info)}={value} is not a number; give one in digits or leave it out.")
    return value


def _number_or_all(value: Any, info: ValidationInfo) -> Any:
    if value == "0":
        raise UserError(f"{_variable(info)}=0 would look at nothing; give a number from 1 on, or {ALL}.")
    return None if value == ALL else _number(value, info)


Flag = Annotated[bool, _one_of("0", "1")]
Number = Annotated[int | None, BeforeValidator(_number)]
NumberOrAll = Annotated[int | None, BeforeValidator(_number_or_all)]
Prefix = Annotated[str, BeforeValidator(lambda value: value.rstrip("/"))]
FilePath = Annotated[Path | None, BeforeValidator(lambda value: Path(value).absolute() if value else None)]


class _FromEnvironment(BaseModel):
    """A frozen model; a field with a EnvironmentVariable is read from the environment."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Network(_FromEnvironment):
    """Address ranges and domain of a cluster that we create; an empty string is the provider's default."""

    pod_cidr: Annotated[str, EnvironmentVariable("POD_CIDR")] = ""
    service_cidr: Annotated[str, EnvironmentVariable("SERVICE_CIDR")] = ""
    domain: Annotated[str, EnvironmentVariable("CLUSTER_DOMAIN")] = ""


class Scale(_FromEnvironment):
    """Which of very many Pods are looked at one by one."""

    seed: Annotated[Number, EnvironmentVariable("SCALE_SEED")] = None
    """Of their choice; None for a random one."""
    names: Annotated[NumberOrAll, EnvironmentVariable("SCALE_NAMES")] = SCALE_NAMES
    """How many; None for all."""


class Selection(_FromEnvironment):
    """Which requirements a run is about, in the person's words; empty strings narrow nothing down.

    `results.selection` knows what the words may be.
    """

    document: Annotated[str, EnvironmentVariable("DOCUMENT")] = ""
    section: Annotated[str, EnvironmentVariable("SECTION")] = ""
    requirement: Annotated[str, EnvironmentVariable("REQUIREMENT")] = ""
    level: Annotated[str, EnvironmentVariable("LEVEL")] = ""
    rerun: Annotated[str, EnvironmentVariable("RERUN")] = ""
    """Path of an earlier report."""


class OwnCluster(_FromEnvironment):
    """A cluster of the person's own, and what may be done there. Empty strings are left to us."""

    kubeconfig: Annotated[str, EnvironmentVariable("KUBECONFIG")] = ""
    """As kubectl takes it: one path, or several with colons."""
    context: Annotated[str, EnvironmentVariable("CONTEXT")] = ""
    confirmed: Annotated[Flag, EnvironmentVariable("CONFIRM")] = False
    dry_run: Annotated[Flag, EnvironmentVariable("DRY_RUN")] = False
    image_prefix: Annotated[Prefix, EnvironmentVariable("IMAGE_PREFIX")] = ""
    images_file: Annotated[FilePath, EnvironmentVariable("IMAGES_FILE")] = None
    """A table in YAML: which image is pulled for each that the manifests name."""
    only_namespace: Annotated[str, EnvironmentVariable("ONLY_NAMESPACE")] = ""
    """The one namespace that is used, with the rights of its administrator; empty for namespaces of ours."""
    storage_class: Annotated[str, EnvironmentVariable("STORAGE_CLASS")] = ""
    pull_secret: Annotated[FilePath, EnvironmentVariable("PULL_SECRET")] = None
    """A Docker configuration file with the registry's credentials."""
    statefulset: Annotated[str, EnvironmentVariable("TARGET")] = ""
    """`namespace/statefulset`: one that is there, which tests look at besides their own; empty for none."""


class Settings(_FromEnvironment):
    """One run. `provider` is empty when the person left the choice to us."""

    asked_release: Annotated[str, EnvironmentVariable("K8S")] = ""
    """As the person wrote it; empty when they left it to us."""
    release: Release
    versions: Versions
    provider: Annotated[str, EnvironmentVariable("PROVIDER")] = ""
    images: Annotated[Images, _one_of(*Images), EnvironmentVariable("IMAGES")] = Images.AUTO
    keep: Annotated[Flag, EnvironmentVariable("KEEP")] = False
    strict: Annotated[Flag, EnvironmentVariable("STRICT")] = False
    slow: Annotated[Flag, EnvironmentVariable("SLOW")] = False
    debian_drift: Annotated[Flag, EnvironmentVariable("DEBIAN_DRIFT")] = False
    full: Annotated[Flag, EnvironmentVariable("FULL")] = False
    namespace: Annotated[str, EnvironmentVariable("NAMESPACE")] = "default"
    """Where the documented stack goes; empty where it goes into a namespace of ours."""
    report_lang: Annotated[str, _one_of("en", "zh"), EnvironmentVariable("REPORT_LANG")] = "en"
    arguments: Annotated[str, EnvironmentVariable("ARGS")] = ""
    """More arguments for pytest, quoted as in a shell."""
    selection: Selection = Selection()
    network: Network = Network()
    scale: Scale = Scale()
    target: OwnCluster = OwnCluster()

    @property
    def asked_namespace(self) -> str:
        """The namespace that the person named; empty when they left it to us."""
        return self.namespace if "namespace" in self.model_fields_set else ""

    def with_changes(self, **changes: Any) -> Settings:
        """The same settings but for these fields."""
        return self.model_copy(update=changes)


_GROUPS: Mapping[str, type[_FromEnvironment]] = {
    "selection": Selection,
    "network": Network,
    "scale": Scale,
    "target": OwnCluster,
}
"""The fields of Settings whose own fields are variables."""


def _variables(model: type[_FromEnvironment]) -> Iterator[tuple[str, str]]:
    """(field, variable) of a model."""
    for field, about in model.model_fields.items():
        yield from ((field, found.name) for found in about.metadata if isinstance(found, EnvironmentVariable))


def _given(model: type[_FromEnvironment], env: Mapping[str, str]) -> dict[str, Any]:
    """What the environment says of a model's fields; an empty variable counts as unset."""
    return {field: env[variable] for field, variable in _variables(model) if env.get(variable)}


def from_env(
    env: Mapping[str, str], release_of: Callable[[Versions, str], Release] = Versions.row
) -> Settings:
    """Read the variables of Settings and its groups.

    `release_of` makes a release of what K8S says. UserError names a wrong value and the known ones, or the
    new name of a variable; whether there is such a provider, and what it cannot do, is not looked at.
    """
    if sentence := renamed_variable(name for name, value in env.items() if value):
        raise UserError(sentence)
    versions, asked = read_versions(), env.get("K8S", "")
    models: tuple[type[_FromEnvironment], ...] = (Settings, *_GROUPS.values())
    names = {field: variable for model in models for field, variable in _variables(model)}
    groups = {
        field: model.model_validate(_given(model, env), context=names) for field, model in _GROUPS.items()
    }
    given = {
        "release": release_of(versions, asked) if asked else versions.newest,
        "versions": versions,
        **groups,
    }
    return Settings.model_validate({**given, **_given(Settings, env)}, context=names)


def as_environment(settings: Settings) -> dict[str, str]:
    """The variables from which `from_env` reads the same settings, with the release by its patch."""
    found = variables_of(settings)
    for field in _GROUPS:
        found |= variables_of(getattr(settings, field))
    return {**found, "K8S": settings.release.patch}


def variables_of(model: _FromEnvironment) -> dict[str, str]:
    """The variables of Settings without its groups, or of one group, with their values."""
    return {
        variable: _written(getattr(model, field), if_none=ALL if variable == "SCALE_NAMES" else "")
        for field, variable in _variables(type(model))
    }


def _written(value: object, if_none: str) -> str:
    if value is None:
        return if_none
    return str(int(value)) if isinstance(value, bool) else str(value)
