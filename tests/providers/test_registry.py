"""Providers by name, and what each lets a person ask for."""

from __future__ import annotations

import pytest

from headless_conformance.core.errors import UserError
from headless_conformance.core.provider_names import PROVIDERS
from headless_conformance.providers.registry import all_providers, provider_named, settings_of_run


def test_every_registered_name_has_a_provider_of_that_name() -> None:
    assert tuple(provider.name for provider in all_providers()) == PROVIDERS


def test_an_unknown_provider_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UserError, match=rf"^PROVIDER=knd is not known; use one of {', '.join(PROVIDERS)}\.$"):
        provider_named("knd")
    with pytest.raises(UserError, match="PROVIDER=minikube is not known"):
        settings_of_run({"PROVIDER": "minikube"})


@pytest.mark.parametrize("name", ["", *(name for name in PROVIDERS if name != "simulated")])
def test_very_many_pods_are_for_simulated_nodes_alone(name: str) -> None:
    with pytest.raises(UserError, match="SLOW"):
        settings_of_run({"SLOW": "1", "PROVIDER": name})
    assert settings_of_run({"SLOW": "1", "PROVIDER": "simulated"}).slow


@pytest.mark.parametrize("name", ["kind", "simulated"])
def test_what_can_be_kept_may_be_asked_for(name: str) -> None:
    assert settings_of_run({"KEEP": "1", "PROVIDER": name}).keep


def test_an_automatic_provider_that_needs_nothing_is_there_for_every_machine() -> None:
    assert provider_named("simulated").why_impossible() is None
