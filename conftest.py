"""Registers the plugins; fixtures live in fixtures/."""

pytest_plugins = [
    "headless_conformance.plugin",
    "fixtures.cluster",
    "fixtures.facts",
    "fixtures.shared",
    "fixtures.deployer",
    "fixtures.clients",
    "fixtures.own_set",
]
