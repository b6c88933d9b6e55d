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
    ".ci",
    ".github",
    "manifests/shared",
    "manifests/rbac",
)
FILES = ("conftest.py", "pyproject.toml", "tox.ini", "Makefile", "bootstrap.sh", "versions.yaml")
OF_HEADLESS_SERVICE = ("mysql-sts", "mysql-svc")


def shared_files() -> list[Path]:
    """Every text file that serves all documents."""
    below = [path for folder in SHARED for path in (ROOT / folder).rglob("*") if path.is_file()]
    unwanted = {"__pycache__", "node_modules"}
    return [ROOT / name for name in FILES] + [path for path in below if not unwanted & set(path.parts)]


@pytest.mark.parametrize(
    "word",
    [
        *(f"{prefix}-" for document in load_documents() for prefix in document.id_prefixes),
        *(document.id for document in load_documents()),
        *OF_HEADLESS_SERVICE,
    ],
)
def test_nothing_shared_names_a_document_or_its_objects(word: str) -> None:
    files = shared_files()
    assert len(files) > 200
    pattern = re.compile(rf"(?<![A-Za-z0-9_-]){re.escape(word)}")
    assert [
        str(path.relative_to(ROOT)) for path in files if pattern.search(path.read_text(errors="replace"))
    ] == []
