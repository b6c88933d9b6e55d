"""What is attached to a failed test, in a small suite."""

from __future__ import annotations

import time

import pytest

from headless_conformance.plugin.diagnostics import last_seen
from tests.miniature import CONFTEST, Suite, miniature

pytest_plugins = ["pytester"]

WITH_CLUSTER = """
@pytest.mark.requirement("MINI-B-01")
def test_fails(cluster):
    assert "nginx-0" == "web-0", "a wrong name"

@pytest.mark.requirement("MINI-B-02")
def test_passes(cluster):
    pass
"""
LOGS = "lambda since: {'node-1': f'since {since}', 'node-2': ''}"
NO_LOGS = "lambda since: (_ for _ in ()).throw(StepFailed('docker ps failed'))"


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    return miniature(pytester, monkeypatch)


def kubelets_of(suite: Suite, logs: str) -> list[dict[str, str]]:
    """Names and texts of the kubelets' attachments of the failed and of the passed test,
    when the cluster gives these logs."""
    conftest = CONFTEST.replace("images={}", f"images={{}}, kubelet_logs={logs}")
    (suite.root / "conftest.py").write_text(
        f"from headless_conformance.core.errors import StepFailed\n{conftest}"
    )
    suite.write(WITH_CLUSTER)
    suite.run()
    folder = suite.root / "reports" / "allure-results"
    return [
        {
            found["name"]: (folder / found["source"]).read_text()
            for found in row.get("attachments", [])
            if found["name"].startswith("kubelet")
        }
        for row in sorted(suite.allure(), key=lambda row: str(row["status"]))
    ]


def test_a_failed_test_has_what_the_kubelets_wrote_in_its_time(suite: Suite) -> None:
    begun = time.time()
    failed, passed = kubelets_of(suite, LOGS)
    assert passed == {}
    assert list(failed) == ["kubelet of node-1"], "an empty log is no attachment"
    assert begun < float(failed["kubelet of node-1"].split()[1]) < time.time()


def test_logs_that_cannot_be_had_break_nothing(suite: Suite) -> None:
    failed, _passed = kubelets_of(suite, NO_LOGS)
    assert failed == {"kubelet of no node": "docker ps failed"}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "2026-11-25T10:00:00+00:00"),
        ({"lastTimestamp": "2026-11-25T10:05:00Z"}, "2026-11-25T10:05:00+00:00"),
        ({"series": {"lastObservedTime": "2026-11-25T10:06:00.000001Z"}}, "2026-11-25T10:06:00.000001+00:00"),
        ({"lastTimestamp": "2026-01-01T00:00:00Z", "series": None}, "2026-11-25T10:00:00+00:00"),
    ],
    ids=["once", "counted", "series", "written later"],
)
def test_when_an_event_was_seen_last(more: dict[str, object], expected: str) -> None:
    event = {"metadata": {"creationTimestamp": "2026-11-25T10:00:00Z"}, "lastTimestamp": None, **more}
    assert last_seen(event).isoformat() == expected
