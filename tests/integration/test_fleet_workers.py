"""A fleet is extracted by several workers through a shared hand-off store, and on a Dask cluster."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.fleet import assert_fleet_is_loaded, serve_fleet
from tests.support.prefect_server import PrefectServer

pytestmark = pytest.mark.slow

_ON_DASK = """
import sys
from flows.sync_fleet_on_dask import fleet_on_dask

if __name__ == "__main__":
    state = fleet_on_dask(sys.argv[1], extract_with="task runner", return_state=True)
    print(state.name, state.message)
"""


def test_three_workers_load_twenty_organizations_and_report_the_three_that_fail(
    deployed: PrefectServer, tmp_path: Path
) -> None:
    exchange = {"OOO_EXCHANGE_URL": (tmp_path / "shared").as_uri()}
    with serve_fleet(tmp_path, organizations=20, people=4) as fleet, contextlib.ExitStack() as workers:
        for number, arguments in enumerate((("--limit", "2"), ("--limit", "1"), ("--limit", "1"))):
            own = {"OOO_DATA_DIR": str(tmp_path / f"machine-{number}")}
            queues = () if number == 0 else ("--work-queue", "organizations")
            environment = {**fleet.environment, **exchange, **own}
            workers.enter_context(deployed.worker(*arguments, *queues, **environment))
        run = deployed.start("fleet/fleet-nightly", organizations_file=str(fleet.file))
        state = deployed.wait_for_end(run, seconds=900)
        assert (state["type"], state["name"]) == ("COMPLETED", "Partial"), state["message"]
        summary = deployed.artifacts(run)
        rows = json.loads(summary["fleet-problems"]["data"])
        problems = {row["organization"]: row for row in rows}
        assert problems.keys() == fleet.failures.keys()
        for name, error in fleet.failures.items():
            assert error in f"exit code {problems[name]['exit_code']}: {problems[name]['error']}"
        assert "| fct ooo entries |" in summary["fleet-summary"]["data"]
        assert_fleet_is_loaded(tmp_path / "machine-0" / "ooo.duckdb", fleet)
        assert [path for path in (tmp_path / "shared").rglob("*") if path.is_file()] == []
        extracted = {
            number for number in range(3) if (tmp_path / f"machine-{number}" / "organizations").exists()
        }
        assert len(extracted) > 1, "only one machine extracted"


def test_a_fleet_is_extracted_on_a_dask_cluster(prefect: PrefectServer, tmp_path: Path) -> None:
    script = tmp_path / "on_dask.py"
    script.write_text(_ON_DASK)
    with serve_fleet(tmp_path, organizations=4, people=3) as fleet:
        done = subprocess.run(
            [sys.executable, str(script), str(fleet.file)],
            cwd=tmp_path,
            env=prefect.environment
            | dict(fleet.environment)
            | {"OOO_DATA_DIR": str(tmp_path / "data"), "DASK_DISTRIBUTED__WORKER__DAEMON": "True"},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert "Partial partial: 4 organizations, 1 incomplete" in done.stdout, done.stdout + done.stderr
        assert_fleet_is_loaded(tmp_path / "data" / "ooo.duckdb", fleet)
