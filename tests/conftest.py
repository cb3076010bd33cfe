"""How several processes share the tests: by module, and whoever has the Prefect server has all its tests."""

import functools
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

SERVER = "PrefectServer"
"""What every module names whose tests ask for the session's one server."""


@functools.cache
def group_of(module: Path) -> str:
    """Modules of one group are tested in one process, so that what they share is started once."""
    return SERVER if SERVER in module.read_text(encoding="utf-8") else str(module)


class Groups(LoadScopeScheduling):
    """Each group goes to the next free process."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(self.config.rootpath / nodeid.partition("::")[0])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups | None:
    """`--dist loadscope` is by group."""
    return Groups(config, log) if config.getvalue("dist") == "loadscope" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest group, the server's, comes first and the quick tests last, so that all end together."""
    items.sort(key=lambda item: (group_of(item.path) != SERVER, "slow" not in item.keywords))
