"""What the person asked for, read once from the environment and checked before anything is started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from headless_conformance.core.errors import UserError
from headless_conformance.core.versions import Release, Versions, load


class Provider(StrEnum):
    """Where the cluster comes from."""

    KIND = "kind"
    K3D = "k3d"
    SIMULATED = "simulated"
    EXISTING = "existing"
    """The person's own; never created, never deleted."""


class Images(StrEnum):
    """Where node and workload images come from: `auto` is present, then pull, then build."""

    AUTO = "auto"
    PULL = "pull"
    BUILD = "build"


@dataclass(frozen=True)
class Network:
    """Address ranges and domain of a cluster that we create; an empty string is the provider's default."""

    pod_cidr: str = ""
    service_cidr: str = ""
    domain: str = ""


SCALE_NAMES = 200
"""How many of very many members are looked at one by one, unless the person says otherwise."""


@dataclass(frozen=True)
class Scale:
    """Which members of very many are looked at one by one."""

    seed: int | None = None
    """Of their choice; None for a random one."""
    names: int | None = SCALE_NAMES
    """How many; None for all."""


@dataclass(frozen=True)
class Target:
    """A cluster of the person's own, and what may be done there. Empty strings are left to us."""

    kubeconfig: str = ""
    """As kubectl takes it: one path, or several with colons."""
    context: str = ""
    confirmed: bool = False
    dry_run: bool = False
    image_prefix: str = ""
    storage_class: str = ""
    pull_secret: Path | None = None
    """A Docker configuration file with the registry's credentials."""


@dataclass(frozen=True)
class Settings:
    """One run. `provider` is None when the person left the choice to us."""

    release: Release
    versions: Versions
    provider: Provider | None
    images: Images
    keep: bool
    strict: bool
    slow: bool
    debian_drift: bool
    namespace: str
    """Where the documented stack goes; empty on a cluster of the person's own, where it goes into a namespace of ours."""
    report_lang: str
    network: Network
    scale: Scale
    target: Target = field(default=Target())


def _choice(env: Mapping[str, str], name: str, values: list[str], default: str) -> str:
    value = env.get(name) or default
    if value not in values:
        raise UserError(f"{name}={value} is not known; use one of {', '.join(filter(None, values))}.")
    return value


def _flag(env: Mapping[str, str], name: str) -> bool:
    return _choice(env, name, ["0", "1"], "0") == "1"


def _release(env: Mapping[str, str], versions: Versions, provider: Provider | None) -> Release:
    asked = env.get("K8S", "")
    if not asked:
        return versions.newest
    return versions.nearest(asked) if provider is Provider.EXISTING else versions.row(asked)


def _number(env: Mapping[str, str], name: str) -> int | None:
    value = env.get(name, "")
    if value and not value.isdecimal():
        raise UserError(f"{name}={value} is not a number; give one in digits or leave it out.")
    return int(value) if value else None


def _scale(env: Mapping[str, str]) -> Scale:
    seed = _number(env, "SCALE_SEED")
    return Scale(seed, None) if env.get("SCALE_NAMES") == "all" else Scale(seed, _number(env, "SCALE_NAMES") or SCALE_NAMES)


def _target(env: Mapping[str, str]) -> Target:
    secret = env.get("PULL_SECRET", "")
    if secret and not Path(secret).is_file():
        raise UserError(f"PULL_SECRET={secret} is not a file; name a Docker configuration file with the registry's credentials.")
    return Target(
        kubeconfig=env.get("KUBECONFIG", ""),
        context=env.get("CONTEXT", ""),
        confirmed=_flag(env, "CONFIRM"),
        dry_run=_flag(env, "DRY_RUN"),
        image_prefix=env.get("IMAGE_PREFIX", "").rstrip("/"),
        storage_class=env.get("STORAGE_CLASS", ""),
        pull_secret=Path(secret).absolute() if secret else None,
    )


def from_env(env: Mapping[str, str]) -> Settings:
    """Read K8S, PROVIDER, IMAGES, KEEP, STRICT, SLOW, SCALE_SEED, SCALE_NAMES, DEBIAN_DRIFT, NAMESPACE, REPORT_LANG, POD_CIDR,
    SERVICE_CIDR and CLUSTER_DOMAIN; for PROVIDER=existing also KUBECONFIG, CONTEXT, CONFIRM, DRY_RUN, IMAGE_PREFIX,
    STORAGE_CLASS and PULL_SECRET. UserError names a wrong one."""
    versions = load()
    asked = _choice(env, "PROVIDER", ["", *Provider], "")
    provider = Provider(asked) if asked else None
    existing = provider is Provider.EXISTING
    for name in ("KEEP", "SLOW", "POD_CIDR", "SERVICE_CIDR", "CLUSTER_DOMAIN"):
        if existing and env.get(name, "0") not in ("", "0"):
            raise UserError(f"{name} is for clusters that we create; leave it out with PROVIDER=existing.")
    if provider is Provider.K3D and _flag(env, "KEEP"):
        raise UserError("KEEP=1 is not possible with PROVIDER=k3d, whose stopped clusters may not come back; leave it out.")
    if provider is not Provider.SIMULATED and _flag(env, "SLOW"):
        raise UserError("SLOW=1 is for simulated nodes, which alone can have that many Pods; add PROVIDER=simulated.")
    return Settings(
        release=_release(env, versions, provider),
        versions=versions,
        provider=provider,
        images=Images(_choice(env, "IMAGES", list(Images), Images.AUTO)),
        keep=_flag(env, "KEEP"),
        strict=_flag(env, "STRICT"),
        slow=_flag(env, "SLOW"),
        debian_drift=_flag(env, "DEBIAN_DRIFT"),
        namespace=env.get("NAMESPACE") or ("" if existing else "default"),
        report_lang=_choice(env, "REPORT_LANG", ["en", "zh"], "en"),
        network=Network(env.get("POD_CIDR", ""), env.get("SERVICE_CIDR", ""), env.get("CLUSTER_DOMAIN", "")),
        scale=_scale(env),
        target=_target(env) if existing else Target(),
    )
