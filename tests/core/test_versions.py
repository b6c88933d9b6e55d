"""The table of versions is whole and says what belongs together."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import ROOT
from headless_conformance.core.versions import read_versions


def test_rows_are_minors_from_the_oldest_to_the_newest() -> None:
    minors = [[int(number) for number in row.minor.split(".")] for row in read_versions().rows]
    assert minors == sorted(minors)
    assert read_versions().newest == read_versions().rows[-1]


def test_every_row_pins_the_published_image_of_its_own_patch_by_digest() -> None:
    for row in read_versions().rows:
        assert re.fullmatch(rf"kindest/node:v{re.escape(row.patch)}@sha256:[0-9a-f]{{64}}", row.node_image), (
            row.minor
        )
        assert row.patch.startswith(f"{row.minor}.")


def test_every_row_says_what_belongs_to_it() -> None:
    for row in read_versions().rows:
        assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in (row.coredns, row.etcd)), row.minor
        # Not 3.1: without quotation marks YAML takes 3.10 for a number.
        assert re.fullmatch(r"3\.\d\d(\.\d+)?", row.pause), row.minor
        assert row.k3s_image == f"rancher/k3s:v{row.patch}-k3s1"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"pause": 3.1},
            r"v\.yaml: kubernetes\.0\.pause: Input should be a valid string; correct the file\.",
        ),
        ({"pause": None}, r"v\.yaml: kubernetes\.0\.pause: "),
        ({"cri": "1.0"}, r"v\.yaml: kubernetes\.0\.cri: Unexpected keyword argument"),
    ],
    ids=["a number", "nothing", "unknown field"],
)
def test_a_wrong_table_is_named_in_one_sentence(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    table = yaml.safe_load((ROOT / "versions.yaml").read_text())
    table["kubernetes"] = {"1.34": {**table["kubernetes"]["1.34"], **change}}
    path = tmp_path / "v.yaml"
    path.write_text(yaml.safe_dump(table))
    with pytest.raises(UserError, match=message):
        read_versions(path)
