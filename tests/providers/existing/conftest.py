"""A kubeconfig of the person's own."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.providers.existing import CONFIG


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    folder = tmp_path / "their kube"
    folder.mkdir()
    (folder / "ca.pem").write_bytes(b"authority")
    path = folder / "config"
    path.write_text(yaml.safe_dump(CONFIG))
    return path
