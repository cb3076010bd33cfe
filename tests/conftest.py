"""Distribute the tests over processes: by module, and all tests that use the Prefect server to one process."""

import functools
import signal
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

SERVER = "PrefectServer"
"""The name that appears in every module whose tests use the session's Prefect server."""


@functools.cache
def group_of(module: Path) -> str:
    """Return the group of a module. One process runs the tests of a group, so that their server starts once."""
    return SERVER if SERVER in module.read_text(encoding="utf-8") else str(module)


class GroupScheduling(LoadScopeScheduling):
    """Gives each group of modules to the next free process."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(self.config.rootpath / nodeid.partition("::")[0])


@pytest.hookimpl(optionalhook=True)
def pytest_configure() -> None:
    """Make processes of the tests react to SIGHUP, also if `nohup` started the tests."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> GroupScheduling | None:
    """Return the scheduler for `--dist loadscope`; None for other values."""
    return GroupScheduling(config, log) if config.getvalue("dist") == "loadscope" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the server's group, which takes longest, to the front, and fast tests to the end.

    All processes then end at about the same time.
    """
    items.sort(key=lambda item: (group_of(item.path) != SERVER, "slow" not in item.keywords))
