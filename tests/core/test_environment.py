"""Settings are read from the environment in one place; what else reads it, and why."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from headless_conformance.core.paths import ROOT
from headless_conformance.core.variables import VARIABLES

LOOKING_UP = {
    "core/settings.py": "makes the settings",
    "providers/registry.py": "PROVIDER decides by whose rules the settings are made",
    "run/version_matrix.py": "K8S may name several versions, each with settings of its own",
}
"""Modules that look for a variable of the table by its name, and why."""
READERS = {
    "from_env",
    "settings_of_run",
    "context_of_environment",
    "disturb_all",
    "run_versions",
    "tools_handed_on",
}
"""Functions that take an environment for the settings, or for what the process that set it made ready."""
OTHERS = {
    "audit/access.py": "whether this is a Pod with a service account",
    "cli/compare.py": "the two reports, as make names them",
    "cli/program.py": "asks typer for completion as a shell does",
    "cli/options.py": "puts what the command line says where settings are read from",
    "cli/application.py": "looks for variables of old names",
    "cli/workflow.py": "what GitHub Actions says of itself",
    "cluster/agent_program.py": "runs in a Pod, whose environment it reports",
    "core/kubectl_environment.py": "what of the person's kubectl is started with",
    "core/paths.py": "XDG_CACHE_HOME",
    "core/process.py": "exchanges the whole environment for a library",
    "engine/engine.py": "DOCKER_HOST and PATH",
    "faults/injection/plugin.py": "which scenario the process that started this one injects",
    "host/packages.py": "PATH",
    "providers/k3d/tools.py": "K3D_IMAGE_TOOLS, which k3d reads",
    "plugin/context.py": "workers are of the same run",
    "plugin/display.py": "the plan and the pipe of the process that started this one",
    "results/github.py": "what GitHub Actions says of itself",
}
"""Modules that use the environment for something else, and for what."""
PACKAGE = ROOT / "headless_conformance"


def is_environment(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")


def uses(node: ast.AST) -> Iterator[ast.AST]:
    """Where the environment is used, but for what is handed to a reader of settings or on to a child."""
    if is_environment(node):
        yield node
        return
    parts = list(ast.iter_child_nodes(node))
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        parts = [value for key, value in pairs if not (key is None and is_environment(value))]
    elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in READERS:
        parts = [argument for argument in node.args if not is_environment(argument)]
    for part in parts:
        yield from uses(part)


def modules() -> dict[str, ast.Module]:
    folders = (PACKAGE, ROOT / "fixtures", ROOT / "suites")
    paths = [path for folder in folders for path in folder.rglob("*.py")]
    return {
        str(path.relative_to(PACKAGE if path.is_relative_to(PACKAGE) else ROOT)): ast.parse(path.read_text())
        for path in [*paths, ROOT / "conftest.py"]
    }


def test_the_environment_is_used_by_these_modules_only() -> None:
    assert {name for name, tree in modules().items() if any(uses(tree))} == set(OTHERS)


def test_a_variable_is_looked_up_by_its_name_where_settings_are_made_only() -> None:
    found = {
        name
        for name, tree in modules().items()
        for node in ast.walk(tree)
        for word in looked_up(node)
        if isinstance(word, ast.Constant) and word.value in VARIABLES
    }
    assert found == set(LOOKING_UP)


def looked_up(node: ast.AST) -> list[ast.AST]:
    """What is asked of a mapping or of typer for the variable of this name."""
    if (
        isinstance(node, ast.Subscript)
        and isinstance(node.ctx, ast.Load)
        and "env" in ast.unparse(node.value)
    ):
        return [node.slice]
    if isinstance(node, ast.Call):
        by_name = [keyword.value for keyword in node.keywords if keyword.arg == "envvar"]
        function = ast.unparse(node.func)
        return [
            *by_name,
            *(node.args[:1] if "env" in function and function.endswith(("get", "getenv")) else []),
        ]
    return []


@pytest.mark.parametrize(
    ("text", "used"),
    [
        ("env = {**os.environ, 'A': 'b'}", 0),
        ("from_env({**os.environ, 'K8S': ''})", 0),
        ("from_env(os.environ)", 0),
        ("f(os.environ)", 1),
        ("f(os.getenv('X'))", 1),
        ("env = {**os.environ, 'A': os.environ['B']}", 1),
        ("{'a': os.environ}", 1),
        ("from_env(chosen(os.environ['B']))", 1),
    ],
)
def test_a_use_is_found_wherever_it_stands(text: str, used: int) -> None:
    assert len(list(uses(ast.parse(text)))) == used


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("os.environ.get('KEEP', '')", "KEEP"),
        ("env['KEEP']", "KEEP"),
        ("typer.Option('--keep', envvar='KEEP')", "KEEP"),
        ("os.getenv('KEEP')", "KEEP"),
        ("env['KEEP'] = '1'", ""),
        ("row.get('KEEP')", ""),
    ],
)
def test_a_look_up_is_found_in_each_form(text: str, name: str) -> None:
    found = [word.value for node in ast.walk(ast.parse(text)) for word in looked_up(node)]  # type: ignore[attr-defined]
    assert found == ([name] if name else [])
