"""The person's kubeconfig is only read, and our copy of it stands by itself."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from headless_conformance.core.errors import UserError
from headless_conformance.providers.existing.kubeconfig import flattened
from tests.providers.existing import CONFIG


def test_the_copy_stands_by_itself(theirs: Path) -> None:
    copy = flattened(str(theirs), "")
    assert [item["name"] for kind in ("contexts", "clusters", "users") for item in copy[kind]] == ["prod"] * 3
    assert copy["clusters"][0]["cluster"] == {
        "server": "https://192.0.2.1",
        "certificate-authority-data": base64.b64encode(b"authority").decode(),
    }
    user = copy["users"][0]["user"]
    assert user == {
        "tokenFile": str(theirs.parent / "token"),
        "exec": {
            "command": str(theirs.parent / "login"),
            "env": [{"name": "HOME", "value": str(Path.home())}],
        },
    }
    assert "namespace" not in copy["contexts"][0]["context"]


def test_several_files_are_read_as_kubectl_reads_them(theirs: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    context = {"name": "prod", "context": {"cluster": "elsewhere", "user": "u"}}
    other.write_text(
        yaml.safe_dump(
            {"contexts": [context], "clusters": [{"name": "elsewhere", "cluster": {"server": "there"}}]}
        )
    )
    copy = flattened(f"{other}{os.pathsep}{theirs}", "prod")
    assert copy["clusters"][0]["cluster"]["server"] == "there"
    assert copy["users"][0]["user"]["tokenFile"] == str(theirs.parent / "token")


@pytest.mark.parametrize(
    ("change", "context", "hint"),
    [
        ({}, "staging", "there: broken, prod"),
        ({"current-context": ""}, "", "CONTEXT="),
        ({}, "broken", "user nobody"),
        ({"clusters": [{"name": "c", "cluster": {"certificate-authority": "gone.pem"}}]}, "", "gone.pem"),
    ],
    ids=["unknown context", "no current context", "unknown user", "missing file"],
)
def test_what_is_missing_is_named(theirs: Path, change: dict[str, Any], context: str, hint: str) -> None:
    theirs.write_text(yaml.safe_dump({**CONFIG, **change}))
    with pytest.raises(UserError, match=hint):
        flattened(str(theirs), context)


@pytest.mark.parametrize(
    "contexts", ["prod", [{"context": {}}], ["prod"], 1], ids=["text", "no name", "no mapping", "number"]
)
def test_entries_that_are_none_get_one_sentence(theirs: Path, contexts: Any) -> None:
    theirs.write_text(yaml.safe_dump({**CONFIG, "contexts": contexts}))
    with pytest.raises(UserError, match=r"The contexts in .* are not those of a kubeconfig"):
        flattened(str(theirs), "")


@pytest.mark.parametrize("text", ["{", "\x00"], ids=["not YAML", "binary"])
def test_what_is_no_kubeconfig_gets_one_sentence(theirs: Path, text: str) -> None:
    theirs.write_text(text)
    with pytest.raises(UserError, match="cannot be read as a kubeconfig"):
        flattened(str(theirs), "")
