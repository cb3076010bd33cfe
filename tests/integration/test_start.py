"""What the command loads before it does anything."""

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


NEEDED_BY_A_SYNC = {"duckdb", "httpx", "polars", "pydantic"}


def _loaded_by(*arguments: str, ends_with: int) -> set[str]:
    """The top-level packages that `ooo` has loaded when it ends; it has no settings, so a sync ends soon."""
    command = [sys.executable, "-X", "importtime", "-m", "flows", *arguments]
    environment = {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=ROOT / "tests", env=environment
    )
    assert ended.returncode == ends_with, ended.stderr[-500:]
    loaded = set(re.findall(r"^import time: .*\| +(\w+)", ended.stderr, flags=re.MULTILINE))
    assert "click" in loaded, ended.stderr[:500]
    return loaded


@pytest.mark.slow
def test_a_sync_starts_without_what_it_does_not_use() -> None:
    loaded = _loaded_by("sync", ends_with=10)
    assert loaded >= NEEDED_BY_A_SYNC
    assert not loaded & UNUSED


@pytest.mark.slow
@pytest.mark.parametrize("option", ["--version", "--help"])
def test_what_no_command_is_needed_for_starts_without_any_commands_libraries(option: str) -> None:
    assert not _loaded_by(option, ends_with=0) & (UNUSED | NEEDED_BY_A_SYNC)
