"""The HTML report of the last run, or of several merged ones, by Allure 3.

Allure is the npm package pinned in report/package-lock.json, installed into the cache. The report is one
file, reports/html/index.html; reports/history.jsonl, one line per report, is what it knows of earlier runs.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from headless_conformance.core.errors import UserError
from headless_conformance.core.paths import REPORTS, ROOT, cache_dir, command_line, log_dir
from headless_conformance.core.process import output_of, run_logged
from headless_conformance.core.progress import Progress
from headless_conformance.core.settings import Settings
from headless_conformance.host.packages import require_host_packages
from headless_conformance.requirements.documents import Documents, load_documents

PINS = ROOT / "report"

TITLES = {"en": "Conformance report", "zh": "一致性报告"}
"""Of a report on several documents."""

NODE_MAJOR = 18
"""Oldest Node.js with which Allure was seen to build a report."""


def require_node(progress: Progress) -> None:
    """Node.js and npm, from Debian when we are root there; UserError when they cannot be had or Node.js is
    too old."""
    require_host_packages(("nodejs", "npm"), progress)
    version = output_of(["node", "--version"]).strip()
    if int(version.removeprefix("v").partition(".")[0]) < NODE_MAJOR:
        raise UserError(
            f"Node.js is {version}, and the report needs v{NODE_MAJOR} or newer; put one first in PATH."
        )


def ensure_allure() -> Path:
    """The program, installed once per content of the pins; safe to call from several processes and to
    interrupt."""
    pins = [PINS / "package.json", PINS / "package-lock.json"]
    key = hashlib.sha256(b"".join(path.read_bytes() for path in pins)).hexdigest()[:12]
    folder = cache_dir() / "allure" / key
    program = folder / "node_modules" / "allure" / "cli.js"
    folder.parent.mkdir(exist_ok=True)
    with FileLock(folder.parent / "lock"):
        if not program.exists():
            with tempfile.TemporaryDirectory(dir=folder.parent) as scratch_namespace:
                unfinished = Path(scratch_namespace) / key
                unfinished.mkdir()
                for path in pins:
                    shutil.copy(path, unfinished)
                command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
                run_logged(
                    "Installing Allure with npm",
                    command,
                    log_dir() / "allure.log",
                    cwd=unfinished,
                    timeout=600,
                )
                unfinished.rename(folder)
    return program


def report_title(documents: Documents, lang: str) -> str:
    """The title of the only document, or of a report on several."""
    found = list(documents)
    return found[0].name(lang) if len(found) == 1 else TITLES[lang]


def generate_html(program: Path, settings: Settings, results: Sequence[Path], reports: Path) -> Path:
    """Build the page below `reports` from folders of results; UserError when one of them has none."""
    for folder in results:
        if not any(folder.glob("*-result.json")):
            raise UserError(f"{folder} has no Allure results; run `{command_line('e2e')}` first.")
    page = reports / "html" / "index.html"
    chosen = {
        "title": report_title(load_documents(), settings.report_lang),
        "output": str(page.parent),
        "history": str(reports / "history.jsonl"),
        "lang": settings.report_lang,
        "minors": [row.minor for row in settings.versions.rows],
    }
    env = {**os.environ, "REPORT_SETTINGS": json.dumps(chosen)}
    command: list[str | Path] = ["node", program, "generate", "--config", PINS / "allurerc.mjs", *results]
    run_logged(
        "Building the report", command, log_dir() / "allure.log", env=env, cwd=program.parent, timeout=600
    )
    if not page.exists():
        raise UserError(f"Allure ended without writing {page}; look into {log_dir() / 'allure.log'}.")
    return page


def build_html_report(
    settings: Settings, results: Sequence[Path], progress: Progress, reports: Path = REPORTS
) -> Path:
    """All steps, from Node.js to the page."""
    with progress.step("Node.js"):
        require_node(progress)
    with progress.step("Allure"):
        program = ensure_allure()
    with progress.step("report"):
        return generate_html(program, settings, results, reports)
