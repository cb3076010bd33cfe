"""The packages that the command loads at its start."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

UNUSED = {
    "aiohttp",
    "holidays",
    "obstore",
    "pandas",
    "prefect",
    "pygments",
    "rich",
    "starlette",
    "tenacity",
    "xlsxwriter",
}


LOADED_BY_HTTPX = {"pygments", "rich"}
"""Packages of httpx's own command line, which httpx loads if they are installed."""

NEEDED_BY_A_SYNC = {"duckdb", "httpx", "polars", "pydantic"}


def _loaded_by(*arguments: str, ends_with: int) -> set[str]:
    """Return the top-level packages that `ooo` loads. Without settings, a sync ends soon."""
    command = [sys.executable, "-X", "importtime", "-m", "flows", *arguments]
    environment = {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=ROOT / "tests", env=environment
    )
    assert done.returncode == ends_with, done.stderr[-500:]
    loaded = set(re.findall(r"^import time: .*\| +(\w+)", done.stderr, flags=re.MULTILINE))
    assert "click" in loaded, done.stderr[:500]
    return loaded


@pytest.mark.slow
def test_a_sync_loads_no_package_that_it_does_not_use_at_its_start() -> None:
    loaded = _loaded_by("sync", ends_with=10)
    assert loaded >= NEEDED_BY_A_SYNC
    assert not loaded & (UNUSED - LOADED_BY_HTTPX)


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--version", "--help"])
def test_help_and_version_load_no_package_that_only_commands_use(option: str) -> None:
    assert not _loaded_by(option, ends_with=0) & (UNUSED | NEEDED_BY_A_SYNC)
