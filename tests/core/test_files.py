"""Files appear whole or not at all, and private ones are never readable for others."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from headless_conformance.core.files import replacing, write_private


def test_only_this_user_can_read_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "copy"
    path.write_text("an earlier one, for everybody")
    write_private(path, b"kind: Config\n")
    assert path.read_text() == "kind: Config\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_private_until_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "page"
    with replacing(path) as temporary:
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
        assert not path.exists()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_what_goes_wrong_leaves_the_earlier_file(tmp_path: Path) -> None:
    path = tmp_path / "page"
    path.write_text("earlier")

    def write_half() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            raise ValueError("half")

    with pytest.raises(ValueError, match="half"):
        write_half()
    assert path.read_text() == "earlier"
    assert list(tmp_path.iterdir()) == [path]
