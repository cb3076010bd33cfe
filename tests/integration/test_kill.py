"""A run that is killed at a random instant is resumed by the next run, which ends as if no kill had happened."""

import os
import random
import signal
import subprocess
import time
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from calcom.simulator import OWNER_KEY, ServedRequest, Simulator, World, serve
from landing.folder import Landing, list_runs
from tests.support.prefect_server import until
from tests.support.program import OOO, run_ooo
from tests.support.truth import assert_equals_truth

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("OOO_TEST_KILLS", "8"))

RequestedPage = tuple[str, int]
"""A page, by its path and offset."""


def find_landed_pages(data_dir: Path) -> set[RequestedPage]:
    """Return the pages of the landings on disk that a run would resume."""
    root = data_dir / "landing"
    landed = set()
    for facts in list_runs(root):
        if (root / facts.run_id / "finished").exists():
            continue
        for scope, pages in Landing(root / facts.run_id, facts, clock=time.monotonic).pages.items():
            path = {
                "users": "/v2/organizations/1/users",
                "organization": "/v2/organizations/1/ooo",
                "user": f"/v2/organizations/1/users/{scope.user_id}/ooo",
                "teams": "/v2/organizations/1/teams",
                "team": f"/v2/organizations/1/teams/{scope.team_id}/memberships",
            }[scope.kind]
            landed |= {(path, page.skip) for page in pages}
    return landed


def find_requested_pages(requests: list[ServedRequest]) -> set[RequestedPage]:
    """Return the pages that the requests name."""
    return {
        (request.path, int(parse_qs(request.query)["skip"][0]))
        for request in requests
        if request.path != "/v2/me"
    }


def run_and_kill(
    arguments: tuple[str, ...],
    folder: Path,
    environment: dict[str, str],
    simulator: Simulator,
    *,
    seconds: float,
) -> None:
    """Kill the run `seconds` after its first request, unless it ends before."""
    process = subprocess.Popen(
        [str(OOO), *arguments],
        cwd=folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    until(
        lambda: simulator.requests or process.poll() is not None,
        every_seconds=0.01,
        what="a request or an end",
    )
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.parametrize("strategy", ["org-wide", "per-user"])
def test_a_killed_run_resumes_without_requesting_a_landed_page_and_publishes_the_same_tables(
    strategy: str, tmp_path: Path
) -> None:
    chance = random.Random(strategy)
    world = World.generate(people=60)
    simulator = Simulator(world, limits=None, latency_seconds=0.02)
    data_dir = tmp_path / "data"
    kills_during_extraction = 0
    with serve(simulator) as server:
        environment = {
            "PATH": os.environ["PATH"],
            "CALCOM_API_URL": server.url,
            "CALCOM_API_KEY": OWNER_KEY,
            "OOO_PAGE_SIZE": "12",
            "OOO_MAX_CONCURRENCY": "2",
        }
        arguments = ("sync", "--strategy", strategy, "--quiet")
        for _ in range(KILLS):
            landed = find_landed_pages(data_dir)
            simulator.clear_requests()
            run_and_kill(arguments, tmp_path, environment, simulator, seconds=chance.uniform(0.0, 3.8))
            requested = find_requested_pages(simulator.requests)
            kills_during_extraction += bool(requested)
            assert not requested & landed, "a landed page was requested again"
        landed = find_landed_pages(data_dir)
        simulator.clear_requests()
        last = run_ooo(*arguments, cwd=tmp_path, **environment)
        assert last.returncode == 0, last.stderr
        assert not find_requested_pages(simulator.requests) & landed
    assert kills_during_extraction
    assert_equals_truth(data_dir / "ooo.duckdb", world.entries(), world.users())
    leftovers = [
        path for path in data_dir.rglob("*") if path.name.startswith(".next-") or path.suffix == ".tmp"
    ]
    assert leftovers == []
