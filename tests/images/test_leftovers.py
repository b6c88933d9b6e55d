"""What `make clean` removes of earlier builds, and what it leaves, with a recorded engine and a cache of its
own."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path

import pytest

from headless_conformance.core.errors import StepFailed
from headless_conformance.core.paths import cache_dir, clone_id
from headless_conformance.core.progress import Progress
from headless_conformance.core.versions import read_versions
from headless_conformance.engine.engine import Engine
from headless_conformance.images import leftovers

OURS = f"label=io.headless-conformance.built-by={clone_id()}"


class RecordedEngine(Engine):
    """Node images of this clone, newest first, and what was removed; one of them is in use."""

    def __init__(self, images: list[str], in_use: str = "") -> None:
        super().__init__({}, private=True)
        object.__setattr__(self, "images", images)
        object.__setattr__(self, "in_use", in_use)
        object.__setattr__(self, "removed", [])

    images: list[str]
    in_use: str
    removed: list[str]

    def docker(self, *args: str, timeout: float = 120.0) -> str:
        match args:
            case ("image", "ls", "--format", _, "--filter", str() as reference, *more):
                if "node-base" in reference:
                    return "headless-conformance/node-base:0a\n"
                assert reference == OURS
                assert more == ["--filter", "reference=headless-conformance/node:*"]
                return "\n".join(self.images)
            case ("image", "ls", "--quiet", "--filter", "dangling=true", "--filter", reference):
                assert reference == OURS
                return "0123456789ab\n"
            case ("image", "ls", "--no-trunc", "--quiet"):
                return f"sha256:{'a' * 64}\n"
            case ("image", "rm", *_, name):
                if name == self.in_use:
                    raise StepFailed("conflict: a container uses it")
                self.removed.append(name)
        return ""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


def removed(images: list[str], in_use: str = "") -> list[str]:
    engine = RecordedEngine(images, in_use)
    leftovers.remove_from_engine(engine, read_versions(), Progress(1, io.StringIO()))
    return engine.removed


def test_a_row_keeps_its_newest_image() -> None:
    first, second = (row.patch for row in read_versions().rows[-2:])
    newest, other, older, gone = (
        f"headless-conformance/node:v{name}"
        for name in (f"{second}-new", f"{first}-only", f"{second}-old", "1.9.1-any")
    )
    assert removed([newest, other, older, gone]) == [
        "headless-conformance/node-base:0a",
        "0123456789ab",
        older,
        gone,
    ]


def test_an_image_in_use_stays() -> None:
    used = "headless-conformance/node:v1.9.1-any"
    assert used not in removed([used], in_use=used)


def test_a_kubectl_goes_with_its_image() -> None:
    for name in ("a" * 16, "b" * 16):
        (cache_dir() / "kubectl" / name).mkdir(parents=True)
    removed([])
    assert [path.name for path in (cache_dir() / "kubectl").iterdir()] == ["a" * 16]


def test_of_each_kind_of_file_the_last_used_and_all_of_today_stay() -> None:
    days = {
        "workloads/classic-nslookup-1.35.0-000000000001.tar": 9,
        "workloads/client-1-000000000001.tar": 9,
        "workloads/client-1-000000000002.tar": 3,
        "workloads/client-1-000000000003.tar": 2,
        "workloads/client.lock": 9,
        "debian/client-000000000001-000001.tar": 0,
        "debian/client-000000000002-000002.tar": 0.5,
        "debian/client-000000000003-000003.tar": 2,
        "debian/engine-000000000001": 9,
    }
    for name, ago in days.items():
        path = cache_dir() / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
        os.utime(path, times=(time.time() - ago * 86400,) * 2)
    leftovers.remove_files()
    left = {str(path.relative_to(cache_dir())) for path in cache_dir().glob("*/*")}
    gone = {f"workloads/client-1-00000000000{n}.tar" for n in (1, 2)} | {
        "debian/client-000000000003-000003.tar"
    }
    assert set(days) - left == gone
