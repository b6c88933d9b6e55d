"""Progress lines: position, title, outcome, time."""

import io
import re

import pytest

from headless_conformance.core.progress import Progress, clock


@pytest.mark.parametrize(("seconds", "text"), [(0.04, "0.0 s"), (9.94, "9.9 s"), (10, "0:10"), (75.2, "1:15"), (3601, "60:01")])
def test_times_are_written_for_people(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_a_step_says_when_it_starts_and_how_it_ended() -> None:
    out = io.StringIO()
    progress = Progress(total=2, out=out)
    with progress.step("first"):
        pass
    with pytest.raises(ValueError, match="no"), progress.step("second"):
        raise ValueError("no")
    lines = out.getvalue().splitlines()
    assert lines[0] == "[ 1/2] first"
    assert re.fullmatch(r"\[ 1/2\] first: done in \d\.\d s \(total \d\.\d s\)", lines[1])
    assert re.fullmatch(r"\[ 2/2\] second: failed in .*", lines[3])
