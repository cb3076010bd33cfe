"""The benchmark scripts run to their end and print the figures that the documents quote."""

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from benchmarks.report import write_report
from tests.support.program import run_ooo

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


def test_the_server_invents_an_organization_whose_entries_change_by_a_share(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "server.py"), "--invent"]
    with subprocess.Popen([*command, "--people", "7", "--entries", "600"], stdout=subprocess.PIPE) as server:
        try:
            assert server.stdout is not None
            url = f"http://127.0.0.1:{json.loads(server.stdout.readline())['port']}"
            settings = {"CALCOM_API_URL": url, "CALCOM_API_KEY": "cal_any"}
            summaries = []
            for strategy, share in (("both", ""), ("per-user", "/change?share=0.01")):
                if share:
                    httpx.get(url + share).raise_for_status()
                done = run_ooo("sync", "--strategy", strategy, "--json", cwd=tmp_path, **settings)
                assert done.returncode == 0, done.stderr
                summaries.append(json.loads(done.stdout))
        finally:
            server.terminate()
    inserted, updated = ([each["rows"][kind] for each in summaries] for kind in ("inserted", "updated"))
    assert (inserted, updated) == ([600, 0], [0, 6])


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
