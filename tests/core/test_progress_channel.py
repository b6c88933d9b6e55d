"""One process speaks for others: what they tell comes whole and in their order, and nobody waits for a
listener that is gone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from headless_conformance.core.paths import ROOT
from headless_conformance.core.progress_channel import LONGEST, ChannelProgress, ProgressPipe

TELLER = """
import sys
from pathlib import Path
from headless_conformance.core.progress_channel import ChannelProgress
progress = ChannelProgress(Path(sys.argv[1]))
for number in range(200):
    progress.say(f"{sys.argv[2]} {number} " + "x" * 500)
"""


class Heard(list[tuple[object, ...]]):
    """What was told, in its order."""

    def listen(self, path: Path) -> ProgressPipe:
        return ProgressPipe(
            path,
            {
                "say": lambda text, style: self.append(("say", text)),
                "begin": lambda title: self.append(("begin", title)),
                "end": lambda title, outcome, note: self.append(("end", title, outcome, note)),
                "skip": lambda title, why: self.append(("skip", title, why)),
            },
        )


def test_steps_are_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    heard = Heard()
    channel = heard.listen(tmp_path / "pipe")
    progress = ChannelProgress(tmp_path / "pipe")
    with progress.step("cluster") as step:
        step.note = "already there"
        progress.say("y" * 5000)
    with pytest.raises(ValueError, match="no"), progress.step("second"):
        raise ValueError("no")
    progress.skip("third", "not needed")
    channel.close()
    assert heard == [
        ("begin", "cluster"),
        ("say", "y" * LONGEST),
        ("end", "cluster", "", "already there"),
        ("begin", "second"),
        ("end", "second", "failed after ", ""),
        ("skip", "third", "not needed"),
    ]
    assert capfd.readouterr() == ("", "")
    assert not (tmp_path / "pipe").exists()


def test_lines_of_several_processes_stay_whole(tmp_path: Path) -> None:
    heard = Heard()
    channel = heard.listen(tmp_path / "pipe")
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", TELLER, str(tmp_path / "pipe")]
    children = [subprocess.Popen([*command, name], env=env) for name in ("a", "b", "c")]
    assert [child.wait(60) for child in children] == [0, 0, 0]
    channel.close()
    texts = [str(text).rstrip("x").strip() for _, text in heard]
    assert len(texts) == 600
    for name in ("a", "b", "c"):
        assert [text for text in texts if text.startswith(name)] == [f"{name} {n}" for n in range(200)]


def test_without_a_listener_nothing_is_said_and_nobody_waits(tmp_path: Path) -> None:
    with ChannelProgress(tmp_path / "absent").step("cluster"):
        pass
    channel = Heard().listen(tmp_path / "pipe")
    progress = ChannelProgress(tmp_path / "pipe")
    channel.close()
    for number in range(2000):
        progress.say(f"{number} {'x' * 500}")
