"""A provider that nobody has written yet needs a folder of its own and one line, in a copy of the tree."""

from __future__ import annotations

import re
import shutil
from collections import Counter
from pathlib import Path

import pytest
import yaml

from headless_conformance.core.paths import ROOT
from headless_conformance.core.provider_names import PROVIDERS
from tests.miniature import run_module

PROVIDER = '''
"""A provider that notes what it is asked to do."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from headless_conformance.cluster.model import Cluster
from headless_conformance.core.errors import UserError
from headless_conformance.providers.interface import ClusterProvider

NOTES = Path({notes!r})


def note(text: str) -> None:
    with NOTES.open("a") as notes:
        notes.write(text + "\\n")


@dataclass(frozen=True)
class DummyTools:
    kubectl: Path


class DummyProvider(ClusterProvider[DummyTools]):
    name = "dummy"
    description = "nothing at all."
    tools_type = DummyTools
    can_keep = False
    pytest_workers = 2

    def prepare(self, settings, run, progress):
        note("prepare")
        return DummyTools(Path("/no/kubectl"))

    @contextmanager
    def session(self, context) -> Iterator[Cluster]:
        note("session")
        yield Cluster(
            name="dummy-1",
            provider=self.name,
            release=context.settings.release,
            kubeconfig=Path("/no/kubeconfig"),
            kubectl=context.tools.kubectl,
            capabilities=frozenset(),
            images={{}},
        )

    def end_session(self, context) -> None:
        note(f"end {{context.run}}")


PROVIDER = DummyProvider()
'''

TESTS = """
import pytest

{cases}
"""
CASE = """
@pytest.mark.requirement("{requirement}")
def test_{number}(cluster):
    assert (cluster.name, cluster.kubectl.name) == ("dummy-1", "kubectl")
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What a run needs of this tree, with one more provider and tests that need no real cluster."""
    tree, unwanted = tmp_path / "tree", shutil.ignore_patterns("__pycache__", "modules")
    for name in ("headless_conformance", "fixtures"):
        shutil.copytree(ROOT / name, tree / name, ignore=unwanted)
    for file in ("conftest.py", "tox.ini", "versions.yaml"):
        shutil.copy(ROOT / file, tree)
    folder = tree / "headless_conformance" / "providers" / "dummy"
    folder.mkdir()
    (folder / "__init__.py").write_text('"""Nothing."""\n')
    (folder / "provider.py").write_text(PROVIDER.format(notes=str(tmp_path / "notes")))
    names = tree / "headless_conformance" / "core" / "provider_names.py"
    names.write_text(names.read_text().replace("PROVIDERS = (\n", 'PROVIDERS = (\n    "dummy",\n'))
    for name in ("suites", "docs"):
        shutil.copytree(
            ROOT / name, tree / name, ignore=shutil.ignore_patterns("*.py", "__pycache__", "*.png")
        )
    suite = tree / "suites" / "headless_service"
    known = dict.fromkeys(
        re.findall(r"id: ([A-Z]+-[A-Z]+-\d+)$", (suite / "document.yaml").read_text(), re.MULTILINE)
    )
    cases = (
        CASE.format(requirement=requirement, number=number) for number, requirement in enumerate([*known][:4])
    )
    (suite / "test_miniature.py").write_text(TESTS.format(cases="".join(cases)))
    return tree


def test_it_is_listed_chosen_prepared_once_and_runs_a_suite(tree: Path) -> None:
    unknown = run_module(tree, "headless_conformance", "e2e", PROVIDER="nonsense")
    assert f"use one of dummy, {', '.join(PROVIDERS)}." in unknown.stderr
    assert (
        "KEEP=1 is not possible with PROVIDER=dummy"
        in run_module(tree, "headless_conformance", "e2e", PROVIDER="dummy", KEEP="1").stderr
    )
    assert not (tree.parent / "notes").exists()

    done = run_module(tree, "headless_conformance", "e2e", PROVIDER="dummy")
    assert "Provider dummy: nothing at all." in done.stdout, done.stdout + done.stderr
    assert "4 passed" in done.stdout
    notes = Counter((tree.parent / "notes").read_text().splitlines())
    assert (notes.pop("prepare"), notes.pop("session")) == (1, 2), (
        "one preparation, one session for each worker"
    )
    assert len(notes) == 1, f"the end of the one run, and nothing else: {notes}"
    report = yaml.safe_load((tree / "reports" / "conformance.yaml").read_text())
    assert report["cluster"]["provider"] == "dummy"


def test_workers_without_a_runner_prepare_once(tree: Path) -> None:
    done = run_module(tree, "pytest", "suites", "-n", "2", PROVIDER="dummy")
    assert "4 passed" in done.stdout, done.stdout + done.stderr
    notes = Counter((tree.parent / "notes").read_text().splitlines())
    assert (notes["prepare"], notes["session"]) == (1, 2)
