"""`headless-conformance pages`: what is generated below docs/ and in README.md."""

from __future__ import annotations

from headless_conformance.core.variables import markdown_table

MARKERS = ("<!-- variables: written by `make pages` -->\n", "<!-- /variables -->\n")
"""Around the table of variables in README.md."""


def with_table(text: str) -> str:
    """A page with the present table between its markers."""
    begin, end = MARKERS
    before, _, rest = text.partition(begin)
    return f"{before}{begin}{markdown_table()}{end}{rest.partition(end)[2]}"


def pages() -> int:
    """Write the generated pages."""
    from headless_conformance.core.paths import ROOT
    from headless_conformance.faults.detection import write_pages
    from headless_conformance.requirements.documents import load_documents
    from headless_conformance.requirements.pages import write_requirement_pages
    from headless_conformance.results.report import REPORT_SCHEMA, report_schema

    write_requirement_pages(load_documents())
    REPORT_SCHEMA.write_text(report_schema())
    write_pages()
    readme = ROOT / "README.md"
    readme.write_text(with_table(readme.read_text()))
    return 0
