"""The session's cluster is tried once per run, whatever number of workers asks for it."""

from pathlib import Path

import pytest

from headless_conformance.core.errors import UserError
from headless_conformance.providers.session import tried_once


def test_workers_do_not_repeat_what_failed_for_one_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    tries: list[str] = []

    def create() -> None:
        tries.append("try")
        raise UserError("kind could not create the cluster: no space left.")

    for _ in range(3):
        with pytest.raises(UserError, match="no space left"):
            tried_once("run-1", create)  # type: ignore[arg-type]
    assert tries == ["try"]
    with pytest.raises(UserError):
        tried_once("run-2", create)  # type: ignore[arg-type]
    assert tries == ["try", "try"]
