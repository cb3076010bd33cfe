"""The benchmark scripts run to their end and print the figures that the documents quote."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def test_the_benchmark_of_the_load_prints_the_time_and_the_memory_of_each_stage() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "apply_million.py"), "--entries", "2000"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    stages = re.findall(
        r"^  ([a-z-]+) +[\d.]+ s wall +[\d.]+ s CPU +peak +\d+ MB$", done.stdout, re.MULTILINE
    )
    assert stages == ["load", "checkpoint", "audits", "publication"] * 3
    assert "updated=20," in done.stdout
