"""Tests of the files of faults and variations. No cluster."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import ROOT
from headless_conformance.faults.catalogue import (
    SCHEMA,
    find_faults,
    find_variations,
    read_control_set,
    read_fault,
    schema,
)
from headless_conformance.faults.model import Fault, KubectlCommands
from headless_conformance.faults.report import PAGE, catalogue_page
from headless_conformance.requirements.documents import load_documents

DOCUMENTS = load_documents()
REQUIREMENTS = set(DOCUMENTS.requirements)
CATALOGUE = find_faults()
FAULT = {"title": "x", "changes": "y", "providers": ["kind"], "failures": {"DOC-A-01": {"observed": "z"}}}


@pytest.mark.parametrize("fault", CATALOGUE, ids=lambda fault: fault.name)
def test_every_fault_lists_requirements_of_the_documents(fault: Fault) -> None:
    assert set(fault.requirements) <= REQUIREMENTS
    assert set(fault.verify_only) <= REQUIREMENTS
    assert set(fault.failures) <= set(fault.verify_only or fault.failures)


def test_the_control_set_is_of_the_documents_and_has_reasons() -> None:
    control = read_control_set().requirements
    assert set(control) <= REQUIREMENTS
    assert all(control.values())


def test_what_a_scenario_creates_on_a_cluster_that_may_be_kept_it_deletes_again() -> None:
    for scenario in (*CATALOGUE, *find_variations()):
        for change in scenario.injected(KubectlCommands):
            if any("create" in command.words for command in change.run):
                assert any("delete" in command.words for command in change.undo), scenario.name


def test_the_page_and_the_schema_are_generated() -> None:
    assert PAGE.read_text() == catalogue_page(CATALOGUE, DOCUMENTS), "run `make pages`"
    assert SCHEMA.read_text() == schema(), "run `make pages`"


def test_the_faults_of_the_ci_script_are_there() -> None:
    script = (ROOT / ".ci" / "run").read_text().replace("\\\n", "")
    (words,) = re.findall(r'^FAULTS="(.+)"$', script, re.MULTILINE)
    names = words.split()
    assert len(find_faults(names)) == len(names) > 1


def written(path: Path, **values: object) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump({**FAULT, **values}))
    return path


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"providers": ["laptop"]}, r"bad\.yaml: providers\.0: "),
        ({"must_fail": {}}, r"bad\.yaml: must_fail: Extra inputs are not permitted"),
        ({"failures": {}}, "list at least one requirement below failures"),
        ({"failures": {"lower": {"observed": "z"}}}, r"failures\.lower"),
        ({"inject": [{"size": {}, "corefile": {}}]}, "give one of manifest, corefile"),
        ({"inject": [{"size": {"nodes": 0}}]}, r"inject\.0\.size\.nodes: "),
        ({"inject": [{"manifest": {"file": "a", "kind": "Pod"}}]}, "give kind and patch together"),
        (
            {"inject": [{"manifest": {"file": "a", "kind": "Pod", "patch": [{"op": "add", "path": "/a"}]}}]},
            "give a value to add or replace",
        ),
    ],
)
def test_a_wrong_file_is_named_in_one_sentence(
    tmp_path: Path, values: dict[str, object], message: str
) -> None:
    with pytest.raises(UserError, match=message) as caught:
        read_fault(written(tmp_path / "dns" / "bad.yaml", **values))
    assert str(caught.value).endswith("; correct the file.")


def test_faults_are_found_by_name_in_any_folder(tmp_path: Path) -> None:
    written(tmp_path / "dns" / "one.yaml")
    written(tmp_path / "pod" / "two.yaml")
    assert [fault.name for fault in find_faults(folder=tmp_path)] == ["one", "two"]
    assert [fault.name for fault in find_faults(["two"], tmp_path)] == ["two"]
    with pytest.raises(UserError, match=r"There is no fault three; use one of one, two\."):
        find_faults(["three"], tmp_path)
    written(tmp_path / "pod" / "one.yaml")
    with pytest.raises(UserError, match="have one name; rename one of them"):
        find_faults(folder=tmp_path)
