"""What is attached to a failure test, in a small suite."""

from __future__ import annotations

import time

import pytest

from headless_conformance.plugin.evidence import last_seen
from tests.miniature import CONFTEST, Suite, empty_suite

pytest_plugins = ["pytester"]

WITH_CLUSTER = """
@pytest.mark.claim("SEED-NID-01")
def test_fails(cluster):
    assert "mysql-0" == "mysql-sts-0", "a wrong name"

@pytest.mark.claim("SEED-NID-02")
def test_passes(cluster):
    pass
"""
LOGS = "lambda since: {'node-1': f'since {since}', 'node-2': ''}"
NO_LOGS = "lambda since: (_ for _ in ()).throw(StepFailed('docker ps failed'))"


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    return empty_suite(pytester, monkeypatch)


def kubelets_of(suite: Suite, logs: str) -> list[dict[str, str]]:
    """Names and texts of the kubelets' attachments of the failure and of the green test, when the cluster gives these logs."""
    conftest = CONFTEST.replace("images={}", f"images={{}}, kubelet_logs={logs}").replace(
        '"headless_conformance.plugin.reports"]', '"headless_conformance.plugin.reports", "headless_conformance.plugin.evidence"]'
    )
    (suite.root / "conftest.py").write_text(f"from headless_conformance.core.errors import StepFailed\n{conftest}")
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


def test_a_red_spec_has_what_the_kubelets_wrote_in_its_time(suite: Suite) -> None:
    begun = time.time()
    red, green = kubelets_of(suite, LOGS)
    assert green == {}
    assert list(red) == ["kubelet of node-1"], "an empty log is no attachment"
    assert begun < float(red["kubelet of node-1"].split()[1]) < time.time()


def test_logs_that_cannot_be_had_break_nothing(suite: Suite) -> None:
    red, _green = kubelets_of(suite, NO_LOGS)
    assert red == {"kubelet of no node": "docker ps failed"}


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
