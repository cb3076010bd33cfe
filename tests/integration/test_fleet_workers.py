"""A fleet is extracted by two workers through an object store, one of which is killed, and on a Dask cluster."""

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.buckets import environment_for, list_keys
from tests.support.fleet import assert_fleet_is_loaded, serve_fleet
from tests.support.prefect_server import PrefectServer, kill_tree, until

pytestmark = pytest.mark.slow

_ON_DASK = """
import sys
from flows.sync_fleet_on_dask import fleet_on_dask

if __name__ == "__main__":
    state = fleet_on_dask(sys.argv[1], extract_with="task runner", return_state=True)
    print(state.name, state.message)
"""


def test_two_workers_load_twenty_organizations_over_s3_although_one_is_killed(
    deployed: PrefectServer, s3_endpoint: str, bucket_url: str, tmp_path: Path
) -> None:
    exchange = f"{bucket_url}/exchange"
    folders = tmp_path / "machine-0", tmp_path / "machine-1"
    serving = serve_fleet(tmp_path, organizations=20, people=3, latency_seconds=0.1)
    with serving as fleet, contextlib.ExitStack() as workers:
        own = {**fleet.environment, **environment_for(s3_endpoint), "OOO_EXCHANGE_URL": exchange}
        workers.enter_context(deployed.worker("--limit", "3", OOO_DATA_DIR=str(folders[0]), **own))
        arguments = ("--work-queue", "organizations", "--limit", "1")
        doomed = workers.enter_context(deployed.worker(*arguments, OOO_DATA_DIR=str(folders[1]), **own))
        run = deployed.start("fleet/fleet-nightly", organizations_file=str(fleet.file))

        def find_interrupted() -> set[str]:
            landings = folders[1].glob("organizations/*/landing/*/run.json")
            return {path.parents[2].name for path in landings} & fleet.worlds.keys()

        until(find_interrupted, seconds=400, every_seconds=0.02, what="an extraction on the second machine")
        kill_tree(doomed)
        (interrupted,) = find_interrupted()
        (killed,) = find_extractions(deployed, run, interrupted)
        deployed.crash(killed["id"])
        state = deployed.wait_for_end(run, seconds=600)
        assert (state["type"], state["name"]) == ("COMPLETED", "Partial"), state["message"]
        repeated = find_extractions(deployed, run, interrupted)
        assert sorted(extraction["state"]["type"] for extraction in repeated) == ["COMPLETED", "CRASHED"]
    summary = deployed.artifacts(run)
    problems = {row["organization"]: row for row in json.loads(summary["fleet-problems"]["data"])}
    assert problems.keys() == fleet.failures.keys()
    for name, error in fleet.failures.items():
        assert error in f"exit code {problems[name]['exit_code']}: {problems[name]['error']}"
    assert "| fct ooo entries |" in summary["fleet-summary"]["data"]
    assert_fleet_is_loaded(folders[0] / "ooo.duckdb", fleet)
    assert list_keys(s3_endpoint, exchange) == []


def find_extractions(server: PrefectServer, fleet_run: str, name: str) -> list[Any]:
    """Return the runs that extracted, or extract, the organization for the run of the fleet."""
    parent = {"parent_flow_run_id": {"any_": [fleet_run]}, "tags": {"all_": [name]}}
    runs: list[Any] = server.post("/flow_runs/filter", flow_runs=parent)
    return runs


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
