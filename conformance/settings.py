"""What the person asked for, read once from the environment and checked before anything is started."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from conformance.errors import UserError
from conformance.versions import Release, Versions, load


class Provider(StrEnum):
    """Where the cluster comes from."""

    KIND = "kind"
    SIMULATED = "simulated"


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
    report_lang: str
    network: Network


def _choice(env: Mapping[str, str], name: str, values: list[str], default: str) -> str:
    value = env.get(name) or default
    if value not in values:
        raise UserError(f"{name}={value} is not known; use one of {', '.join(values)}.")
    return value


def _flag(env: Mapping[str, str], name: str) -> bool:
    return _choice(env, name, ["0", "1"], "0") == "1"


def from_env(env: Mapping[str, str]) -> Settings:
    """Read K8S, PROVIDER, IMAGES, KEEP, STRICT, SLOW, DEBIAN_DRIFT, NAMESPACE, REPORT_LANG, POD_CIDR,
    SERVICE_CIDR and CLUSTER_DOMAIN; UserError names a wrong one."""
    versions = load()
    provider = _choice(env, "PROVIDER", ["", *Provider], "")
    return Settings(
        release=versions.row(env["K8S"]) if env.get("K8S") else versions.newest,
        versions=versions,
        provider=Provider(provider) if provider else None,
        images=Images(_choice(env, "IMAGES", list(Images), Images.AUTO)),
        keep=_flag(env, "KEEP"),
        strict=_flag(env, "STRICT"),
        slow=_flag(env, "SLOW"),
        debian_drift=_flag(env, "DEBIAN_DRIFT"),
        namespace=env.get("NAMESPACE") or "default",
        report_lang=_choice(env, "REPORT_LANG", ["en", "zh"], "en"),
        network=Network(env.get("POD_CIDR", ""), env.get("SERVICE_CIDR", ""), env.get("CLUSTER_DOMAIN", "")),
    )
