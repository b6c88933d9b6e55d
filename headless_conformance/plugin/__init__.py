"""Everything that hooks into pytest. Loading this module as a plugin loads all of it."""

pytest_plugins = [
    "headless_conformance.plugin.start",
    "headless_conformance.plugin.context",
    "headless_conformance.plugin.groups",
    "headless_conformance.plugin.markers",
    "headless_conformance.plugin.outcomes",
    "headless_conformance.plugin.causes",
    "headless_conformance.plugin.allure_fields",
    "headless_conformance.plugin.reports",
    "headless_conformance.plugin.diagnostics",
    "headless_conformance.plugin.session",
    "headless_conformance.plugin.display",
]
