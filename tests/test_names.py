"""What one document alone has is named nowhere but in its own folders, their tests and the documentation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headless_conformance.core.paths import ROOT
from headless_conformance.requirements.documents import load_documents

SHARED = (
    "headless_conformance",
    "fixtures",
    "report",
    "tests",
    ".ci",
    ".github",
    "manifests/shared",
    "manifests/rbac",
)
FILES = ("conftest.py", "pyproject.toml", "tox.ini", "Makefile", "bootstrap.sh", "versions.yaml")
OF_HEADLESS_SERVICE = ("mysql-sts", "mysql-svc")
TESTS_OF_A_DOCUMENT = {
    "tests/own_set/on_kind.py": "requirements of a document on a StatefulSet of a person's own",
    "tests/own_set/on_simulated.py": "requirements of a document on a StatefulSet of a person's own",
    "tests/providers/test_new_provider.py": "a copy of the tree with the suites in it",
    "tests/requirements/test_registers.py": "the documents' registers",
    "tests/test_names.py": "this list",
}
"""Files of tests that may name a document, and what in them is about it."""


def shared_files() -> list[Path]:
    """Every text file that serves all documents."""
    below = [path for folder in SHARED for path in (ROOT / folder).rglob("*") if path.is_file()]
    unwanted = {"__pycache__", "node_modules"}
    own = ROOT / "tests" / "suites"
    found = [path for path in below if not unwanted & set(path.parts) and not path.is_relative_to(own)]
    return [ROOT / name for name in FILES] + found


WORDS = [
    *(f"{prefix}-" for document in load_documents() for prefix in document.id_prefixes),
    *(document.id for document in load_documents()),
    # An English title may be a term of Kubernetes.
    *(document.title_zh for document in load_documents()),
    *OF_HEADLESS_SERVICE,
]


def files_that_name(words: list[str]) -> set[str]:
    """Paths below the root of shared files that have one of the words."""
    pattern = re.compile(rf"(?<![A-Za-z0-9_-])(?:{'|'.join(map(re.escape, words))})")
    return {
        path.relative_to(ROOT).as_posix()
        for path in shared_files()
        if pattern.search(path.read_text(errors="replace"))
    }


@pytest.mark.parametrize("word", WORDS)
def test_nothing_shared_names_a_document_or_its_objects(word: str) -> None:
    assert len(shared_files()) > 300
    assert sorted(files_that_name([word]) - TESTS_OF_A_DOCUMENT.keys()) == []


def test_every_exception_is_needed() -> None:
    assert sorted(TESTS_OF_A_DOCUMENT.keys() - files_that_name(WORDS)) == []
