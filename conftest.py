"""Registers the plugins; fixtures live in fixtures/."""

pytest_plugins = [
    "fixtures.cluster",
    "fixtures.claims",
    "fixtures.outcomes",
    "fixtures.reports",
]
