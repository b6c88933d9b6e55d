"""The providers by name, and the settings of a run by the rules of its provider."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from headless_conformance.core.provider_names import PROVIDERS
from headless_conformance.core.settings import Settings, from_env, require_known
from headless_conformance.providers.interface import ClusterProvider


def provider_named(name: str) -> ClusterProvider[Any]:
    """What the module `provider` in the folder of that name has as PROVIDER.

    UserError names the ones that there are.
    """
    require_known("PROVIDER", name, list(PROVIDERS))
    module = import_module(f"headless_conformance.providers.{name}.provider")
    provider: ClusterProvider[Any] = module.PROVIDER
    return provider


def all_providers() -> list[ClusterProvider[Any]]:
    """Every provider, in the order in which they are registered."""
    return [provider_named(name) for name in PROVIDERS]


def first_provider() -> ClusterProvider[Any]:
    """The provider whose rules hold where the person named none; the others are not imported."""
    return provider_named(PROVIDERS[0])


def settings_of_run(env: Mapping[str, str]) -> Settings:
    """The settings that the environment asks for, by the rules of its provider.

    Raises UserError as `from_env`, and for what no or not this provider can do.
    """
    asked = env.get("PROVIDER", "")
    if asked:
        provider = provider_named(asked)
        return provider.checked(from_env(env, provider.release_of))
    return with_default_rules(from_env(env))


def with_default_rules(settings: Settings) -> Settings:
    """The settings where the person left the choice of a provider to us: what the first one cannot do has to
    be asked for together with another one."""
    return first_provider().checked(settings)
