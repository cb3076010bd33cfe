"""The benchmark scripts run to their end and print the figures that the documents quote."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.report import write_report

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


@pytest.mark.skipif(
    importlib.util.find_spec("pytest_benchmark") is None, reason="needs the group dev of the dependencies"
)
def test_the_benchmark_of_the_core_paths_runs_every_path() -> None:
    plugin = ["-p", "pytest_benchmark.plugin", "--benchmark-disable"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *plugin, "benchmarks/bench_core.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "6 passed" in done.stdout


def test_the_results_compare_contenders_round_by_round(tmp_path: Path) -> None:
    """A machine that is slow in one round is slow for both, so the ratio of the medians would be wrong."""

    def figures(contender: str, rounds: list[float]) -> dict[str, object]:
        wall = sorted(rounds)[len(rounds) // 2]
        return {"contender": contender, "entries": 1, "wall_seconds": wall, "wall_rounds": rounds} | {
            "cpu_seconds": 1.0,
            "peak_mb": 100.0,
            "requests": 3,
        }

    (tmp_path / "performance.md").write_text("<!-- results -->\n<!-- end of results -->\n", encoding="utf-8")
    contenders = [figures("bare httpx, org-wide", [1.0, 2.0, 9.0]), figures("auto", [2.0, 9.0, 9.0])]
    write_report({"one_entry": {"measured": "today, 2 CPUs", "contenders": contenders}}, tmp_path)
    text = (tmp_path / "performance.md").read_text(encoding="utf-8")
    assert "| **one entry: the fixed cost** (1 entries; today, 2 CPUs) |" in text
    assert "| `ooo sync` auto | 9.00 s (2.00 to 9.00) |" in text
    assert "| one entry: `ooo sync` auto |  |  | 2.00 × |  |" in text
