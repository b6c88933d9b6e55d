"""One cause, one message: what keeps many tests from being judged, or breaks many promises in the same way,
is told in full with the first of them."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from headless_conformance.cluster.waiting import OutageError
from headless_conformance.core.mismatch import Mismatch
from headless_conformance.plugin.context import RUN, is_suite_test

SAME_ERROR = "same error"
"""pytest's category of tests that end as an earlier one did, of which it prints the number only."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note what may keep other tests from being judged too, and what was found wrong; repeat no traceback of
    it."""
    report = yield
    error = call.excinfo.value if call.excinfo else None
    shared = isinstance(error, OutageError) or call.when != "call"
    if error is None or not report.failed or not is_suite_test(item.path, item.config):
        return report
    if shared or isinstance(error, Mismatch):
        cause = str(error).strip().partition("\n")[0] or type(error).__name__
        first = item.config.stash[RUN].causes.setdefault(cause, item.nodeid)
        if first != item.nodeid:
            report.longrepr = f"{cause} (as for {first})"
        if shared:
            # pytest keeps further attributes of a report, and xdist hands them over.
            vars(report)["cause"] = cause
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(
    report: pytest.TestReport | pytest.CollectReport, config: pytest.Config
) -> tuple[str, str, str] | None:
    """In the process that the person started, which hears of all workers."""
    cause: str | None = getattr(report, "cause", None)
    if cause is None or config.stash[RUN].causes.setdefault(cause, report.nodeid) == report.nodeid:
        return None
    return SAME_ERROR, "E", "ERROR"
