"""Lines of what is not Python have the length that ruff allows those of Python."""

from __future__ import annotations

import subprocess
from pathlib import PurePath

from headless_conformance.core.paths import ROOT

LONGEST = 110
SOURCES = (
    "Makefile",
    "bootstrap.sh",
    "versions.yaml",
    "entrypoint",
    ".ci/run",
    "*.sh",
    "*.go",
    "*.j2",
    "*.toml",
    "*.ini",
    "faults/**/*.yaml",
    "faults/*.yaml",
    "variations/*.yaml",
    ".github/**/*.yml",
)
"""What people write and read, by path or name."""
EXCEPTIONS = {
    "bootstrap.sh": "every Python environment is made anew when it changes",
    "faults/dns/now-and-then.yaml": "an expression of CoreDNS, which has one line",
    "faults/pod/replicating-members.yaml": "a statement of SQL in a shell's word",
    "variations/nftables.yaml": "a program in a word of a JSON patch",
    "headless_conformance/images/mysql_server/entrypoint": "part of what an image is known by",
    "headless_conformance/images/node/files/finish.sh": "part of what an image is known by",
    "headless_conformance/images/node/files/inotify.sh": "part of what an image is known by",
    "headless_conformance/images/node/netd/kernel.go": "part of what an image is known by",
    "headless_conformance/images/node/netd/main.go": "part of what an image is known by",
    "headless_conformance/images/node/pause/main.go": "part of what an image is known by",
    "headless_conformance/faults/templates/faults.md.j2": "a paragraph of Markdown is one line",
    "headless_conformance/faults/templates/report.html.j2": "an element of HTML is one line",
    "headless_conformance/plugin/description.md.j2": "a paragraph of Markdown is one line",
    "headless_conformance/requirements/document.md.j2": "a row of a Markdown table is one line",
    "headless_conformance/results/seconds.svg.j2": "an element of SVG is one line",
    ".github/workflows/e2e.yml": "an expression of GitHub Actions is one line",
}
"""Files with longer lines, and why."""


def files_with_long_lines() -> set[str]:
    """Tracked files, by their paths below the root."""
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    ).stdout.splitlines()
    sources = [name for name in listed if any(PurePath(name).match(pattern) for pattern in SOURCES)]
    assert len(sources) > 100
    return {
        name
        for name in sources
        if any(len(line) > LONGEST for line in (ROOT / name).read_text().splitlines())
    }


def test_lines_are_as_long_as_ruff_allows_and_every_exception_is_needed() -> None:
    assert sorted(files_with_long_lines()) == sorted(EXCEPTIONS)
