"""The closed list of forms: its examples, and every subject that the code makes."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from headless_conformance.core.mismatch_forms import FORMS, MismatchForm, form_of
from headless_conformance.core.paths import ROOT

SOURCES = [
    path
    for folder in ("headless_conformance", "suites", "fixtures")
    for path in sorted((ROOT / folder).rglob("*.py"))
    # What an audit writes for Allure is its findings, and no mismatch of a test.
    if "audit" not in path.relative_to(ROOT).parts
]
FILLINGS = (
    "x",
    "3",
    "Service x",
    "StatefulSet x",
    "kubectl get svc",
    "/etc/hosts of Pod x",
    "SELECT x",
    "TYPE",
)
"""What a part of a subject that is only known at run time may be."""
SUBJECT = re.compile(r"(?:\w+_)?subject")


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.what)
def test_the_example_of_a_form_has_it_and_no_other(form: MismatchForm) -> None:
    subject, expected, observed = form.example
    assert [found for found in FORMS if re.fullmatch(found.subject, subject)] == [form]
    assert re.fullmatch(form.expected, expected)
    assert re.fullmatch(form.observed, observed)


@pytest.mark.parametrize(
    "sentence",
    [
        "second kubectl apply -f web.yaml says that it is unchanged",
        "last lines of /etc/hosts of Pod web-0",
        "Pod dns-test after kubectl run",
        "canonical name of the own hostname",
        "addresses of Ready Pods of both sets",
        "the answers of the DNS servers",
    ],
)
def test_a_sentence_is_no_subject(sentence: str) -> None:
    assert form_of(sentence) is None


def subject_parameters() -> Mapping[tuple[Path | None, str], int]:
    """The position of the argument with a subject, by the name of each function that has one, and by its file
    where the name is a private one."""
    found: dict[tuple[Path | None, str], int] = {(None, "Observation"): 0}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                names = [argument.arg for argument in node.args.args if argument.arg != "self"]
                if "subject" in names:
                    found[path if node.name.startswith("_") else None, node.name] = names.index("subject")
    return found


def assigned(tree: ast.AST) -> Mapping[str, list[ast.expr]]:
    """What each name in a file stands for, wherever it is assigned."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        for target in node.targets:
            if isinstance(target, ast.Name):
                found.setdefault(target.id, []).append(node.value)
            elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                for one, value in zip(target.elts, node.value.elts, strict=True):
                    if isinstance(one, ast.Name):
                        found.setdefault(one.id, []).append(value)
    return found


def texts(node: ast.expr, names: Mapping[str, list[ast.expr]]) -> Iterable[str]:
    """What an expression may be as a text, with FILLINGS for what is only known at run time."""
    match node:
        case ast.Constant(value=str(text)):
            return [text]
        case ast.JoinedStr(values=parts):
            return map("".join, itertools.product(*(list(texts(part, names)) for part in parts)))
        case ast.FormattedValue(value=value):
            return texts(value, names)
        case ast.Name(id=name) if name in names and (name.isupper() or SUBJECT.fullmatch(name)):
            return [text for value in names[name] for text in texts(value, {})]
        case _:
            return FILLINGS


def written_subjects() -> Iterator[tuple[str, list[str]]]:
    """Each place that gives a subject, with what it may be there."""
    takers = subject_parameters()
    for path in SOURCES:
        tree = ast.parse(path.read_text())
        names = assigned(tree)
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = getattr(node.func, "id", getattr(node.func, "attr", ""))
            position = takers.get((path if name.startswith("_") else None, name), -1)
            if name == "require" and isinstance(node.func, ast.Attribute):
                continue
            if 0 <= position < len(node.args):
                place = f"{Path(path).relative_to(ROOT)}:{node.lineno}"
                yield place, list(texts(node.args[position], names))


def test_every_subject_in_the_code_has_a_listed_form() -> None:
    found = dict(written_subjects())
    assert len(found) > 60
    unlisted = {place: made[:3] for place, made in found.items() if not any(map(form_of, made))}
    assert not unlisted, (
        "list a form in headless_conformance/core/mismatch_forms.py, or use one that is listed"
    )
