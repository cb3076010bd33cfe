"""Deployments on a real Prefect server with real process workers: schedules, clones, limits and kills."""

from pathlib import Path
from typing import Any

import pytest

from calcom.simulator import OWNER_KEY, Simulator, World, serve
from tests.support.prefect_server import PrefectServer, clone_project, until
from tests.support.truth import assert_equals_truth

pytestmark = pytest.mark.slow


def worker_settings(url: str, data_dir: Path) -> dict[str, str]:
    """A worker's environment."""
    return {"CALCOM_API_URL": url, "CALCOM_API_KEY": OWNER_KEY, "OOO_DATA_DIR": str(data_dir)}


def test_a_worker_runs_what_the_schedule_asks_for_and_a_clone_of_its_own_if_told_so(
    deployed: PrefectServer, tmp_path: Path
) -> None:
    world = World.generate(people=20)
    clone = clone_project(tmp_path / "clone")
    told = (clone / "prefect.yaml").read_text()
    told = told.replace("\ndeployments:", "\npull: *from_git\n\ndeployments:")
    often = told.replace('- cron: "15 2 * * *"\n        timezone: UTC', "- interval: 20")
    assert often != told
    (clone / "prefect.yaml").write_text(often)
    branch = (clone / ".git" / "HEAD").read_text().strip().removeprefix("ref: refs/heads/")
    source = {"OOO_GIT_REPOSITORY": clone.as_uri(), "OOO_GIT_BRANCH": branch}
    with (
        serve(Simulator(world, limits=None)) as server,
        deployed.worker(**worker_settings(server.url, tmp_path / "data")),
    ):
        deployed.run("deploy", "--name", "nightly-sync", "--name", "weekly-reconcile", cwd=clone, **source)
        nightly = deployed.get("/deployments/name/sync/nightly-sync")["id"]

        def scheduled() -> list[Any]:
            started = {"state": {"type": {"any_": ["RUNNING", "COMPLETED", "FAILED", "CRASHED"]}}}
            wanted = {"flow_runs": started, "deployments": {"id": {"any_": [nightly]}}}
            return [one for one in deployed.post("/flow_runs/filter", **wanted) if one["auto_scheduled"]]

        run = until(scheduled, what="a run of the schedule")[0]
        deployed.patch(f"/deployments/{nightly}", paused=True)
        state = deployed.wait_for_end(run["id"])
        assert (state["type"], state["name"]) == ("COMPLETED", "Completed"), state
        assert_equals_truth(tmp_path / "data" / "ooo.duckdb", world.entries(), world.users())
        assert {"sync-summary", "sync-progress"} <= deployed.artifacts(run["id"]).keys()

        reconcile = deployed.start("sync/weekly-reconcile")
        state = deployed.wait_for_end(reconcile)
        assert (state["type"], state["name"]) == ("COMPLETED", "Completed"), state
        assert "| strategy | both |" in deployed.artifacts(reconcile)["sync-summary"]["data"]
        assert "git_clone" in deployed.logs(reconcile)
