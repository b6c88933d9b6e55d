"""Contracts for import-linter in which a module that is named in a string is imported, too.

Found are: names of pytest plugins (`pytest_plugins`, `-p NAME`, also `no:NAME`), what
`importlib.import_module` and `__import__` are given, and every other string that is a dotted name in one of
our packages. Imports for type checking are imports to import-linter already.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from grimp import ImportGraph
from importlinter.contracts.acyclic_siblings import AcyclicSiblingsContract
from importlinter.contracts.independence import IndependenceContract
from importlinter.contracts.layers import LayersContract
from importlinter.domain.contract import ContractCheck

IMPORTERS = ("import_module", "__import__", "importorskip")
DOTTED = re.compile(r"(?:no:)?([A-Za-z_]\w*(?:\.\w+)+)(?::\w+)?")
PLUGIN = re.compile(r"(?:^|\s)-p[ =]?(?:no:)?([\w.]+)")


class UnknownNameError(Exception):
    """A module is imported by a name that cannot be read in the source, so that no contract could be
    checked."""


def named_in(source: str, where: str) -> Iterator[tuple[str, int]]:
    """Names of modules in the strings of a module `where`, each with its line.

    UnknownNameError when one cannot be read.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = [match[1]] if (match := DOTTED.fullmatch(node.value)) else PLUGIN.findall(node.value)
            yield from ((name, node.lineno) for name in found)
        elif isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "pytest_plugins" for target in node.targets
        ):
            yield from ((name, node.lineno) for name in _strings([node.value]))
        elif isinstance(node, ast.List | ast.Tuple):
            yield from (
                (name.removeprefix("no:"), node.lineno)
                for flag, name in zip(map(_string, node.elts), map(_string, node.elts[1:]), strict=False)
                if flag == "-p" and name
            )
        elif isinstance(node, ast.Call) and _name(node.func) in IMPORTERS:
            names = _strings(node.args[:1]) or _packages(node.args[:1])
            if not names:
                raise UnknownNameError(
                    f"{where}, line {node.lineno}: {_name(node.func)} must be given the name as a string"
                )
            yield from ((name, node.lineno) for name in names)


def _name(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _string(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _strings(nodes: Sequence[ast.expr]) -> list[str]:
    constants = (child for node in nodes for child in ([node, *getattr(node, "elts", [])]))
    return [text for text in map(_string, constants) if text]


def _packages(nodes: Sequence[ast.expr]) -> list[str]:
    """The package that an f-string names before what only the run knows: `p.q.` of
    `f"p.q.{name}.provider"`."""
    beginnings = [_string(node.values[0]) for node in nodes if isinstance(node, ast.JoinedStr)]
    return [text.rstrip(".") for text in beginnings if text.endswith(".")]


def _module(name: str, graph: ImportGraph) -> str | None:
    """The module of ours that a dotted name is, or is in."""
    while name:
        if name in graph.modules:
            return name
        name = name.rpartition(".")[0]
    return None


def add_named_imports(graph: ImportGraph) -> None:
    """Add what strings name to the graph of imports.

    The modules are in the working folder, as for lint-imports.
    """
    for importer in sorted(graph.modules):
        path = Path(*importer.split("."))
        source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if not source.exists():
            continue
        text = source.read_text()
        for name, line in named_in(text, importer):
            imported = _module(name, graph)
            if imported and imported != importer:
                contents = text.splitlines()[line - 1].strip()
                graph.add_import(
                    importer=importer, imported=imported, line_number=line, line_contents=contents
                )


class LayersWithNames(LayersContract):
    """Higher layers import lower ones and never the other way round."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        add_named_imports(graph)
        return super().check(graph, verbose)


class IndependenceWithNames(IndependenceContract):
    """None of the modules imports another one of them."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        add_named_imports(graph)
        return super().check(graph, verbose)


class AcyclicWithNames(AcyclicSiblingsContract):
    """No modules of one package import each other in a circle, be it for type checking."""

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        add_named_imports(graph)
        return super().check(graph, verbose)
