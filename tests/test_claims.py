"""The register, the page made from it, and what is checked before a spec may run."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from headless_conformance.cli import claims as command
from headless_conformance.cluster.model import Capability
from headless_conformance.core.errors import UserError
from headless_conformance.plugin.markers import Collected
from headless_conformance.requirements import coverage
from headless_conformance.requirements import register as claims
from headless_conformance.requirements.register import HEADLESS_SERVICE, PAGE, Level

BINDING_WORDS_ZH = {Level.MUST: ("必须", "不得"), Level.SHOULD: ("应当",), Level.MAY: ("可以",)}


@pytest.fixture(scope="module")
def register() -> claims.Register:
    return claims.load()


def _written(tmp_path: Path, **changes: Any) -> Path:
    """The register with the keys of its first claim changed; None takes a key away."""
    data = yaml.safe_load(HEADLESS_SERVICE.read_text())
    first = data["claims"][0]
    first.update(changes)
    for key in [key for key, value in changes.items() if value is None]:
        del first[key]
    path = tmp_path / "headless_service.yaml"
    path.write_text(yaml.safe_dump(data))
    return path


def test_the_register_has_every_claim_of_the_document(register: claims.Register) -> None:
    families = {"WHY": 4, "HLS": 6, "APL": 4, "DSC": 15, "GET": 5, "NID": 10, "ETH": 9, "RUN": 3, "NSL": 10, "XC": 2}
    assert list(register.claims) == [f"SEED-{name}-{n:02}" for name, count in families.items() for n in range(1, count + 1)]
    assert [reference.id for reference in register.references] == [f"SEED-REF-{n:02}" for n in range(1, 6)]


def test_levels_other_than_must_are_few(register: claims.Register) -> None:
    softer = {claim.id: claim.level for claim in register.claims.values() if claim.level is not Level.MUST}
    assert softer == {
        "SEED-DSC-15": Level.SHOULD,
        "SEED-GET-05": Level.MAY,
        "SEED-NID-07": Level.SHOULD,
        "SEED-RUN-02": Level.MAY,
        "SEED-NSL-04": Level.MAY,
    }


def test_every_sentence_says_its_level_in_both_languages_and_is_there_once(register: claims.Register) -> None:
    for claim in register.claims.values():
        assert any(word in claim.statement_zh for word in BINDING_WORDS_ZH[claim.level]), claim.id
        assert claim.statement.endswith("."), claim.id
        assert claim.statement_zh.endswith("。"), claim.id
    assert len({claim.statement for claim in register.claims.values()}) == len(register.claims)
    assert len({claim.statement_zh for claim in register.claims.values()}) == len(register.claims)


def test_the_page_is_the_one_that_the_register_makes(register: claims.Register) -> None:
    assert PAGE.read_text() == claims.page(register), (
        "docs/claims.md is stale: run `python -m headless_conformance.cli.claims docs`"
    )


def test_the_page_shows_angle_brackets(register: claims.Register) -> None:
    assert claims.markdown("`<svc>` and <pod>.<svc>") == r"`<svc>` and \<pod>.\<svc>"
    assert r"\<pod>.\<svc>.\<namespace>.svc.\<domain>" in claims.page(register)


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
        pytest.param({"reading": {"text": "So."}}, "'reason' is a required property", id="a reading without a reason"),
    ],
)
def test_a_wrong_register_is_named_in_one_sentence(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        claims.load(_written(tmp_path, **changes))


@pytest.mark.parametrize(
    ("minor", "holds"), [("1.9", False), ("1.34", True), ("1.36", True), ("1.37", False)], ids=lambda value: str(value)
)
def test_versions_are_compared_as_numbers(register: claims.Register, minor: str, holds: bool) -> None:
    claim = dataclasses.replace(register.claim("SEED-NID-01"), since="1.34", until="1.36")
    assert (claim.out_of_range(minor) == "") is holds


def test_coverage_names_specs_excuses_and_gaps(register: claims.Register) -> None:
    excused = dataclasses.replace(register.claim("SEED-WHY-02"), excuse="nobody can see it")
    small = dataclasses.replace(
        register,
        claims={claim.id: claim for claim in (register.claim("SEED-WHY-01"), excused, register.claim("SEED-WHY-03"))},
    )
    lines, bare = coverage.coverage(small, {"SEED-WHY-01": [Collected("suites/test_a.py::test_b", ())]})
    assert bare == ["SEED-WHY-03"]
    text = "\n".join(lines)
    assert "      suites/test_a.py::test_b" in text
    assert "      excused: nobody can see it" in text
    assert text.count("NO SPEC") == 1
    assert all(reference.id in text for reference in register.references)


def test_the_listing_shows_needs_and_seconds(register: claims.Register) -> None:
    chosen = {name: register.claim(name) for name in ("SEED-ETH-01", "SEED-ETH-02")}
    specs = {"SEED-ETH-01": [Collected("a", (Capability.KUBELET,)), Collected("b", (Capability.KUBELET, Capability.SQL))]}
    first, second = coverage.listing(chosen, specs, {"SEED-ETH-01": 1.26})
    assert first.split()[:6] == ["SEED-ETH-01", "MUST", "hosts-file", "1.3", "s", "kubelet,sql"]
    assert second.split()[:5] == ["SEED-ETH-02", "MUST", "hosts-file", "-", "-"]


def test_an_unknown_command_says_what_to_use(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["cover"]) == 2
    assert "with docs, coverage or list" in capsys.readouterr().err
