"""Real workers that meet each other, and real workers that die: one writer at a time, and nothing is lost."""

import itertools
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from calcom.simulator import OWNER_KEY, ServedRequest, Simulator, World, serve
from landing.folder import open_landing
from tests.support.prefect_server import PrefectServer, kill_tree, until
from tests.support.truth import assert_equals_truth

pytestmark = pytest.mark.slow


Asked = tuple[str, int]
"""A page by its path and offset."""


def worker_settings(url: str, data_dir: Path, **more: str) -> dict[str, str]:
    """A worker's environment."""
    return {"CALCOM_API_URL": url, "CALCOM_API_KEY": OWNER_KEY, "OOO_DATA_DIR": str(data_dir)} | more


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def asked_pages(requests: list[ServedRequest]) -> list[Asked]:
    return [
        (one.path, int(parse_qs(one.query)["skip"][0]))
        for one in requests
        if one.path.endswith(("/ooo", "/users"))
    ]


def landed_pages(root: Path) -> set[Asked]:
    """The pages in the one landing under `root`."""
    (folder,) = root.iterdir()
    own = "/v2/organizations/1"
    paths = {"users": f"{own}/users", "organization": f"{own}/ooo"}
    return {
        (paths.get(scope.kind, f"{own}/users/{scope.user_id}/ooo"), page.skip)
        for scope, pages in open_landing(folder).pages.items()
        for page in pages
    }


def test_of_two_runs_of_one_warehouse_one_waits_or_is_cancelled(
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
        ends = {one: deployed.wait_for_end(one) for one in (first, same, other)}
    for one in (first, other):
        assert (ends[one]["type"], ends[one]["name"]) == ("COMPLETED", "Completed"), ends
    assert ends[same]["type"] in ("CANCELLED", "COMPLETED"), "neither cancelled nor after the first"
    completed = [one for one, state in ends.items() if state["type"] == "COMPLETED"]  # the others never ran
    runs: list[Any] = sorted(
        map(deployed.flow_run, completed),
        key=lambda run: run["start_time"],
    )
    for earlier, later in itertools.pairwise(runs):
        assert at(earlier["end_time"]) <= at(later["start_time"]), "two wrote at once"
    assert_equals_truth(tmp_path / "data" / "ooo.duckdb", world.entries(), world.users())


@pytest.mark.parametrize("stage", ["extraction", "load"])
def test_after_a_worker_was_killed_the_next_run_resumes_and_ends_right(
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
                until(lambda: len(asked_pages(simulator.requests)) > 25, what="twenty-five pages")
            else:
                # All is read and landed, and the load's one commit is some tenths of a second of work away.
                landing = tmp_path / "data" / "landing"
                until(
                    lambda: list(landing.glob("*/read.json")), every_seconds=0.01, what="the end of reading"
                )
            kill_tree(worker)
        assert not (tmp_path / "data" / "ooo.duckdb").exists(), "killed too late to show anything"
        deployed.crash(killed)
        landed = landed_pages(tmp_path / "data" / "landing")
        assert landed
        simulator.clear_requests()
        with deployed.worker(**settings):
            rerun = deployed.start("sync/nightly-sync")
            state = deployed.wait_for_end(rerun)
        assert (state["type"], state["name"]) == ("COMPLETED", "Completed"), state
        assert "| is resumed | True |" in deployed.artifacts(rerun)["sync-summary"]["data"]
        asked = asked_pages(simulator.requests)
        assert not set(asked) & landed, "a page that was landed is asked for again"
        assert bool(asked) == (stage == "extraction")
    assert_equals_truth(tmp_path / "data" / "ooo.duckdb", world.entries(), world.users())
