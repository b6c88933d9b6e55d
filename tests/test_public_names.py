"""A public name of the package means one thing."""

from __future__ import annotations

import ast
from collections import defaultdict

from headless_conformance.core.paths import ROOT

PACKAGE = ROOT / "headless_conformance"
ELSEWHERE = {
    "cli": "commands have the names of what they call",
    "cluster/agent_program.py": "a program of its own, which runs in a Pod",
    "images/client/stub.py": "a program of its own, which runs in a Pod",
}
"""Where names do not count, and why."""


def test_no_two_modules_have_a_class_or_function_of_one_name() -> None:
    modules: dict[str, list[str]] = defaultdict(list)
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        if name in ELSEWHERE or name.partition("/")[0] in ELSEWHERE:
            continue
        for node in ast.parse(path.read_text()).body:
            # A hook of pytest has the name that pytest gives it.
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith(
                ("_", "pytest_")
            ):
                modules[node.name].append(name)
    assert len(modules) > 100
    assert {name: found for name, found in modules.items() if len(found) > 1} == {}


def test_what_does_not_count_is_there() -> None:
    assert all((PACKAGE / name).exists() for name in ELSEWHERE)
