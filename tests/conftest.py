"""Order the tests for several processes, which take one module after the other."""

import functools
import signal
from pathlib import Path

import pytest


@functools.cache
def uses_prefect(module: Path) -> bool:
    """Return True if tests of the module use a Prefect server, which each process starts once for its own tests."""
    return "PrefectServer" in module.read_text(encoding="utf-8")


@pytest.hookimpl(optionalhook=True)
def pytest_configure() -> None:
    """Make processes of the tests react to SIGHUP, also if `nohup` started the tests."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests with a Prefect server, which take longest, to the front, and fast tests to the end.

    All processes then end at about the same time.
    """
    items.sort(key=lambda item: (not uses_prefect(item.path), "slow" not in item.keywords))
