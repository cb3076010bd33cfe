"""Workers run the deployments on their schedule, from their folder or from a clone of their own."""

from pathlib import Path
from typing import Any

import pytest

from calcom.simulator import OWNER_KEY, Simulator, World, serve
from tests.support.prefect_server import PrefectServer, clone_project, until
from tests.support.truth import assert_equals_truth

pytestmark = pytest.mark.slow


def worker_settings(url: str, data_dir: Path) -> dict[str, str]:
    """Return the environment of a worker."""
    return {"CALCOM_API_URL": url, "CALCOM_API_KEY": OWNER_KEY, "OOO_DATA_DIR": str(data_dir)}


def test_a_worker_runs_the_scheduled_flow_and_clones_the_repository_if_the_deployment_pulls_it(
    deployed: PrefectServer, tmp_path: Path
) -> None:
    world = World.generate(people=20)
    clone = clone_project(tmp_path / "clone")
    manifest = (clone / "prefect.yaml").read_text()
    pulling = manifest.replace("\ndeployments:", "\npull: *from_git\n\ndeployments:")
    frequent = pulling.replace('- cron: "15 2 * * *"\n        timezone: UTC', "- interval: 20")
    assert len({manifest, pulling, frequent}) == 3
    (clone / "prefect.yaml").write_text(frequent)
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
            filters = {"flow_runs": started, "deployments": {"id": {"any_": [nightly]}}}
            return [run for run in deployed.post("/flow_runs/filter", **filters) if run["auto_scheduled"]]

        try:
            until(scheduled, what="a run of the schedule")
        finally:  # a run that is due every 20 seconds would hold the workers of later tests
            deployed.patch(f"/deployments/{nightly}", paused=True)
        # On a slow machine a second run is due before the first has begun, and is skipped after it.
        states = {run["id"]: deployed.wait_for_end(run["id"]) for run in scheduled()}
        assert {state["type"] for state in states.values()} == {"COMPLETED"}, states
        assert "Completed" in {state["name"] for state in states.values()} <= {"Completed", "Skipped"}, states
        assert_equals_truth(tmp_path / "data" / "ooo.duckdb", world.entries(), world.users())
        worked = next(run_id for run_id, state in states.items() if state["name"] == "Completed")
        assert {"sync-summary", "sync-progress"} <= deployed.artifacts(worked).keys()

        reconcile = deployed.start("sync/weekly-reconcile")
        state = deployed.wait_for_end(reconcile)
        assert (state["type"], state["name"]) == ("COMPLETED", "Completed"), state
        assert "| strategy | both |" in deployed.artifacts(reconcile)["sync-summary"]["data"]
        assert "git_clone" in deployed.logs(reconcile)
