"""Tests of one xdist group run on one worker, in order.

pytest-xdist tells its scheduler the group by the end of a test's node ID, and 3.8 writes that where pytest
9.2 no longer reads it: without this, `--dist=loadgroup` spreads a group over all workers.
"""

from __future__ import annotations

import pytest

from headless_conformance.plugin.context import is_worker


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not (is_worker(config) and config.getoption("loadgroup", False)):
        return
    for item in items:
        group = item.get_closest_marker("xdist_group")
        if group and not item.nodeid.endswith(suffix := f"@{group.args[0]}"):
            item._id = item.id.parse(f"{item.nodeid}{suffix}")
