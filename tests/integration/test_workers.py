"""Two runs never write at the same time, and a run whose worker was killed is resumed without a lost page."""

import itertools
from pathlib import Path
from urllib.parse import parse_qs

import duckdb
import pytest

from calcom.simulator import OWNER_KEY, ServedRequest, Simulator, World, serve
from landing.folder import open_landing
from tests.support.prefect_server import PrefectServer, kill_tree, until
from tests.support.truth import assert_equals_truth

pytestmark = pytest.mark.slow


RequestedPage = tuple[str, int]
"""A page, by its path and offset."""


def worker_settings(url: str, data_dir: Path, **more: str) -> dict[str, str]:
    """Return the environment of a worker."""
    return {"CALCOM_API_URL": url, "CALCOM_API_KEY": OWNER_KEY, "OOO_DATA_DIR": str(data_dir)} | more


def find_requested_pages(requests: list[ServedRequest]) -> list[RequestedPage]:
    """Return the pages of users and entries that the requests name."""
    return [
        (request.path, int(parse_qs(request.query)["skip"][0]))
        for request in requests
        if request.path.endswith(("/ooo", "/users"))
    ]


def find_landed_pages(root: Path) -> set[RequestedPage]:
    """Return the pages of the one landing under `root`."""
    (folder,) = root.iterdir()
    own = "/v2/organizations/1"
    paths = {"users": f"{own}/users", "organization": f"{own}/ooo"}
    return {
        (paths.get(scope.kind, f"{own}/users/{scope.user_id}/ooo"), page.skip)
        for scope, pages in open_landing(folder).pages.items()
        for page in pages
    }


def test_of_several_runs_of_one_warehouse_only_one_writes_at_a_time(
    deployed: PrefectServer, tmp_path: Path
) -> None:
    world = World.generate(people=20)
    slow = Simulator(world, limits=None, latency_seconds=0.15)
    with (
        serve(slow) as server,
        deployed.worker(**worker_settings(server.url, tmp_path / "data", OOO_PAGE_SIZE="10")),
    ):
        first = deployed.start("sync/nightly-sync")
        deployed.wait_for_state(first, "RUNNING")
        same = deployed.start("sync/nightly-sync")
        other = deployed.start("sync/weekly-reconcile")
        ends = {run_id: deployed.wait_for_end(run_id) for run_id in (first, same, other)}
    for run_id in (first, other):
        assert (ends[run_id]["type"], ends[run_id]["name"]) == ("COMPLETED", "Completed"), ends
    assert ends[same]["type"] in ("CANCELLED", "COMPLETED"), "neither cancelled nor after the first"
    # A flow run that waits for its turn is running already, so the times of its work are compared.
    with duckdb.connect(str(tmp_path / "data" / "ooo.duckdb"), read_only=True) as connection:
        runs = connection.execute("SELECT started_at, finished_at FROM runs ORDER BY started_at").fetchall()
    assert len(runs) >= 2
    for (_, earlier_end), (later_start, _) in itertools.pairwise(runs):
        assert earlier_end <= later_start, "two runs wrote at the same time"
    assert_equals_truth(tmp_path / "data" / "ooo.duckdb", world.entries(), world.users())


@pytest.mark.parametrize("stage", ["extraction", "load"])
def test_a_run_whose_worker_was_killed_is_resumed_by_the_next_run(
    stage: str, deployed: PrefectServer, tmp_path: Path
) -> None:
    world = World.generate(people=20 if stage == "extraction" else 1_200)
    latency = 0.15 if stage == "extraction" else 0.0
    page_size = "10" if stage == "extraction" else "250"
    simulator = Simulator(world, limits=None, latency_seconds=latency)
    with serve(simulator) as server:
        settings = worker_settings(server.url, tmp_path / "data", OOO_PAGE_SIZE=page_size)
        with deployed.worker(**settings) as worker:
            killed = deployed.start("sync/nightly-sync")
            if stage == "extraction":
                until(lambda: len(find_requested_pages(simulator.requests)) > 25, what="25 pages")
            else:
                # Everything is landed, and the commit of the load follows some tenths of a second later.
                landing = tmp_path / "data" / "landing"
                until(
                    lambda: list(landing.glob("*/read.json")), every_seconds=0.01, what="the end of reading"
                )
            kill_tree(worker)
        assert not (tmp_path / "data" / "ooo.duckdb").exists(), "the kill came too late"
        deployed.crash(killed)
        landed = find_landed_pages(tmp_path / "data" / "landing")
        assert landed
        simulator.clear_requests()
        with deployed.worker(**settings):
            rerun = deployed.start("sync/nightly-sync")
            state = deployed.wait_for_end(rerun)
        assert (state["type"], state["name"]) == ("COMPLETED", "Completed"), state
        assert "| is resumed | True |" in deployed.artifacts(rerun)["sync-summary"]["data"]
        requested = find_requested_pages(simulator.requests)
        assert not set(requested) & landed, "a landed page was requested again"
        assert bool(requested) == (stage == "extraction")
    assert_equals_truth(tmp_path / "data" / "ooo.duckdb", world.entries(), world.users())
