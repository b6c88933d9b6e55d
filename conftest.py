"""Registers the plugins; fixtures live in fixtures/."""

pytest_plugins = [
    "headless_conformance.plugin.session",
    "headless_conformance.plugin.markers",
    "headless_conformance.plugin.outcomes",
    "headless_conformance.plugin.reports",
    "headless_conformance.plugin.created_objects",
    "headless_conformance.plugin.evidence",
    "fixtures.cluster",
    "fixtures.facts",
    "fixtures.shared",
    "fixtures.deployer",
    "fixtures.clients",
]
