"""A public name of the package means one thing."""

from __future__ import annotations

import ast
from collections import defaultdict

from headless_conformance.core.paths import ROOT

PACKAGE = ROOT / "headless_conformance"
ELSEWHERE = {
    "cli": "commands have the names of what they call",
    "cluster/agent_program.py": "a program of its own, which runs in a Pod",
}
"""Where names do not count, and why."""
SHARED_NAMES = {
    "PROVIDER": "the registry looks for it in the module `provider` of each provider's folder",
}
"""Names that several modules must have, and why."""


def names_of(node: ast.stmt) -> list[str]:
    """What a statement of a module defines: a class, a function, a constant or an alias of a type."""
    match node:
        case ast.ClassDef(name=name) | ast.FunctionDef(name=name):
            return [name]
        case ast.Assign(targets=targets):
            found = [part for target in targets for part in ast.walk(target)]
            return [part.id for part in found if isinstance(part, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []


def test_no_two_modules_have_a_class_function_or_constant_of_one_name() -> None:
    modules: dict[str, list[str]] = defaultdict(list)
    for path in PACKAGE.rglob("*.py"):
        name = path.relative_to(PACKAGE).as_posix()
        if name in ELSEWHERE or name.partition("/")[0] in ELSEWHERE:
            continue
        for node in ast.parse(path.read_text()).body:
            for defined in names_of(node):
                # A hook of pytest has the name that pytest gives it.
                if not defined.startswith(("_", "pytest_")):
                    modules[defined].append(name)
    assert len(modules) > 500
    several = {name: found for name, found in modules.items() if len(found) > 1}
    assert {name: found for name, found in several.items() if name not in SHARED_NAMES} == {}
    assert several.keys() >= SHARED_NAMES.keys(), "every exception is needed"


def test_what_does_not_count_is_there() -> None:
    assert all((PACKAGE / name).exists() for name in ELSEWHERE)
