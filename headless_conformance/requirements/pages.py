"""The generated pages: one for each document, with its requirements in English and Chinese."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from headless_conformance.core.levels import Level
from headless_conformance.core.paths import ROOT
from headless_conformance.core.templates import render_template
from headless_conformance.requirements.documents import Documents, document_schema
from headless_conformance.requirements.model import Document

PAGES = Path("docs") / "requirements"
"""Folder of the pages, below the top of the clone."""
_TEMPLATE = Path(__file__).parent / "document.md.j2"


def page_path(document: Document) -> Path:
    """The page of a document, below the top of the clone."""
    return PAGES / f"{document.id}.md"


def requirements_page(document: Document) -> str:
    """The register as a page for readers, in Markdown."""
    levels = Counter(requirement.level for requirement in document.requirements)
    counts = ", ".join(f"{levels[level]} {level}" for level in Level)
    return render_template(_TEMPLATE, document=document, counts=counts)


def write_requirement_pages(documents: Documents, root: Path = ROOT) -> list[Path]:
    """Write each document's page and the schema of registers below `root`; returns what was written."""
    texts = {page_path(document): requirements_page(document) for document in documents}
    texts[Path("docs") / "document.schema.json"] = document_schema()
    for name, text in texts.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return list(texts)
