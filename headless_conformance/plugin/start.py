"""The start of a session costs less without the garbage collector: nothing that is imported is garbage.

First in the list of plugins, so that this holds for the others' imports. Once the tests are known, what is
there by then is not looked at again (`gc.freeze`), which makes each later collection shorter, those at the
end of pytest among them.
"""

from __future__ import annotations

import gc

import pytest


def pytest_addoption() -> None:
    """The first hook that pytest calls, as soon as the plugin is registered."""
    # What another session in this process left.
    gc.unfreeze()
    gc.disable()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Also where there will be no tests, and for a program that goes on when pytest has ended. What is frozen
    stays so: pytest collects five times when it ends."""
    config.add_cleanup(gc.enable)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """The tests are about to run, here or in workers."""
    gc.freeze()
    gc.enable()
