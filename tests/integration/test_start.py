"""What the command loads before it does anything."""

import re
import subprocess
import sys

import pytest

UNUSED = {
    "aiohttp",
    "holidays",
    "obstore",
    "pandas",
    "prefect",
    "pygments",
    "rich",
    "starlette",
    "xlsxwriter",
}


@pytest.mark.slow
def test_the_command_starts_without_what_a_sync_does_not_use() -> None:
    command = [sys.executable, "-X", "importtime", "-m", "flows", "--version"]
    ended = subprocess.run(command, check=True, capture_output=True, text=True)
    loaded = set(re.findall(r"^import time: .*\| +(\w+)", ended.stderr, flags=re.MULTILINE))
    assert "httpx" in loaded, ended.stderr[:500]
    assert not loaded & UNUSED
