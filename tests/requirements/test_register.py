"""The register, the page made from it, and what is checked before a test may run."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from headless_conformance.cluster.model import Capability
from headless_conformance.core.errors import UserError
from headless_conformance.plugin.markers import Collected
from headless_conformance.requirements import coverage
from headless_conformance.requirements import register as requirements
from headless_conformance.requirements.register import HEADLESS_SERVICE, PAGE, Level

BINDING_WORDS_ZH = {Level.MUST: ("必须", "不得"), Level.SHOULD: ("应当",), Level.MAY: ("可以",)}


@pytest.fixture(scope="module")
def register() -> requirements.Register:
    return requirements.load()


def _written(tmp_path: Path, **changes: Any) -> Path:
    """The register with the keys of its first requirement changed; None takes a key away."""
    data = yaml.safe_load(HEADLESS_SERVICE.read_text())
    first = data["requirements"][0]
    first.update(changes)
    for key in [key for key, value in changes.items() if value is None]:
        del first[key]
    path = tmp_path / "headless_service.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


def test_the_register_has_every_claim_of_the_document(register: requirements.Register) -> None:
    families = {"WHY": 4, "HLS": 6, "APL": 4, "DSC": 15, "GET": 5, "NID": 10, "ETH": 9, "RUN": 3, "NSL": 10, "XC": 2}
    assert list(register.requirements) == [f"SEED-{name}-{n:02}" for name, count in families.items() for n in range(1, count + 1)]
    assert [reference.id for reference in register.references] == [f"SEED-REF-{n:02}" for n in range(1, 6)]


def test_levels_other_than_must_are_few(register: requirements.Register) -> None:
    softer = {
        requirement.id: requirement.level for requirement in register.requirements.values() if requirement.level is not Level.MUST
    }
    assert softer == {
        "SEED-DSC-15": Level.SHOULD,
        "SEED-GET-05": Level.MAY,
        "SEED-NID-07": Level.SHOULD,
        "SEED-RUN-02": Level.MAY,
        "SEED-NSL-04": Level.MAY,
    }


def test_every_sentence_says_its_level_in_both_languages_and_is_there_once(register: requirements.Register) -> None:
    for requirement in register.requirements.values():
        assert any(word in requirement.statement_zh for word in BINDING_WORDS_ZH[requirement.level]), requirement.id
        assert requirement.statement.endswith("."), requirement.id
        assert requirement.statement_zh.endswith("。"), requirement.id
    assert len({requirement.statement for requirement in register.requirements.values()}) == len(register.requirements)
    assert len({requirement.statement_zh for requirement in register.requirements.values()}) == len(register.requirements)


def test_the_page_is_the_one_that_the_register_makes(register: requirements.Register) -> None:
    assert PAGE.read_text() == requirements.page(register), (
        "docs/requirements.md is stale: run `make pages`"
    )


def test_the_page_shows_angle_brackets(register: requirements.Register) -> None:
    assert requirements.markdown("`<svc>` and <pod>.<svc>") == r"`<svc>` and \<pod>.\<svc>"
    assert r"\<pod>.\<svc>.\<namespace>.svc.\<domain>" in requirements.page(register)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        pytest.param({"statement": "It has to hold."}, "must say MUST", id="no level's word"),
        pytest.param({"statement": "It MUST or MAY hold."}, "no other level's word", id="two levels"),
        pytest.param({"level": "SHALL"}, r"claims\[0\].level", id="unknown level"),
        pytest.param({"section": "appendix"}, "names the section appendix", id="unknown section"),
        pytest.param({"statement_zh": None}, "'statement_zh' is a required property", id="no Chinese"),
        pytest.param({"id": "SEED-WHY-02"}, "SEED-WHY-02 is there twice", id="a twin"),
        pytest.param({"until": "latest"}, "until", id="no version"),
        pytest.param({"interpretation": {"text": "So."}}, "'reason' is a required property", id="a reading without a reason"),
    ],
)
def test_a_wrong_register_is_named_in_one_sentence(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        requirements.load(_written(tmp_path, **changes))


@pytest.mark.parametrize(
    ("minor", "holds"), [("1.9", False), ("1.34", True), ("1.36", True), ("1.37", False)], ids=lambda value: str(value)
)
def test_versions_are_compared_as_numbers(register: requirements.Register, minor: str, holds: bool) -> None:
    requirement = dataclasses.replace(register.requirement("SEED-NID-01"), since="1.34", until="1.36")
    assert (requirement.out_of_range(minor) == "") is holds


def test_coverage_names_specs_excuses_and_gaps(register: requirements.Register) -> None:
    excused = dataclasses.replace(register.requirement("SEED-WHY-02"), excuse="nobody can see it")
    small = dataclasses.replace(
        register,
        requirements={
            requirement.id: requirement
            for requirement in (register.requirement("SEED-WHY-01"), excused, register.requirement("SEED-WHY-03"))
        },
    )
    lines, bare = coverage.coverage(small, {"SEED-WHY-01": [Collected("suites/test_a.py::test_b", ())]})
    assert bare == ["SEED-WHY-03"]
    text = "\n".join(lines)
    assert "      suites/test_a.py::test_b" in text
    assert "      excused: nobody can see it" in text
    assert text.count("NO SPEC") == 1
    assert all(reference.id in text for reference in register.references)


def test_the_listing_shows_needs_and_seconds(register: requirements.Register) -> None:
    chosen = {name: register.requirement(name) for name in ("SEED-ETH-01", "SEED-ETH-02")}
    tests = {"SEED-ETH-01": [Collected("a", (Capability.KUBELET,)), Collected("b", (Capability.KUBELET, Capability.SQL))]}
    first, second = coverage.listing(chosen, tests, {"SEED-ETH-01": 1.26})
    assert first.split()[:6] == ["SEED-ETH-01", "MUST", "hosts-file", "1.3", "s", "kubelet,sql"]
    assert second.split()[:5] == ["SEED-ETH-02", "MUST", "hosts-file", "-", "-"]
