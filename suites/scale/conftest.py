"""Marks the scale specs: they take minutes, and run with SLOW=1 only."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from conformance.settings import from_env

HERE = Path(__file__).parent


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: takes minutes; run with SLOW=1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    slow = from_env(os.environ).slow
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.slow)
            item.add_marker(pytest.mark.allure_label("Scale", label_type="parentSuite"))
            item.add_marker(pytest.mark.timeout(900))
            if not slow:
                item.add_marker(pytest.mark.skip(reason="slow; run with SLOW=1"))
