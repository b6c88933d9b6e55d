"""Tests of the tables of faults and requirements. No cluster."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from headless_conformance.faults.report import DetectionReport, print_table, write_detection_report
from headless_conformance.requirements.documents import load_documents
from tests.faults.examples import failure, fault, record, run

DOCUMENTS = load_documents()
DOCUMENT = DOCUMENTS.documents[0]
REQUIREMENT = DOCUMENT.requirements[0].id


def test_the_report_has_the_fields_of_failures_and_escapes_them(tmp_path: Path) -> None:
    said = failure(message="<b>no such name</b>")
    listing = fault(failures={REQUIREMENT: {"observed": "NXDOMAIN"}})
    one = replace(run(listing, **{REQUIREMENT: record("failed", said)}), audit_seconds=0.4)
    write_detection_report(tmp_path, DetectionReport("faults", DOCUMENTS, [one], ["DOC-B-01"], "1.37.0"))
    data = yaml.safe_load((tmp_path / "faults.yaml").read_text())
    assert data["effects"] == {
        "detected": 1,
        "missed": 0,
        "unexpected failure": 0,
        "not applicable": 0,
        "unknown": 0,
    }
    assert data["requirements_without_fault"] == ["DOC-B-01"]
    (row,) = data["faults"][0]["requirements"]
    assert row["message"] == "<b>no such name</b>"
    assert row["mismatch"]["observed"] == "NXDOMAIN"
    assert (data["faults"][0]["suite_seconds"], data["faults"][0]["audit_seconds"]) == (0.6, 0.4)
    page = (tmp_path / "faults.html").read_text()
    assert "suite: 0.6 s, audit: 0.4 s" in page
    assert "&lt;b&gt;no such name" in page
    assert "<b>" not in page
    assert f"<h2>{DOCUMENT.title}</h2>" in page
    assert page.count('class="detected"') == 1


def test_the_table_is_for_terminals_only(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = run(fault(), DOC_A_01=record("failed", failure()))
    runs = [plain, replace(plain, audit_seconds=0.3)]
    print_table(runs)
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    print_table(runs)
    printed = capsys.readouterr().out
    assert "detected" in printed
    assert "0.7 s │ 0.3 s" in printed
