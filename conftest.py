"""Registers the plugins; fixtures live in fixtures/."""

pytest_plugins = [
    "fixtures.cluster",
    "fixtures.claims",
    "fixtures.outcomes",
    "fixtures.reports",
    "fixtures.kube",
    "fixtures.facts",
    "fixtures.shared",
    "fixtures.stack",
    "fixtures.clients",
    "fixtures.dns_test",
    "fixtures.scale",
    "fixtures.evidence",
]
