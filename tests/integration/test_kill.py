"""Real SIGKILLs at random instants of real runs: the next run resumes, and ends as without the kill."""

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

Asked = tuple[str, int]
"""A page by its path and offset."""


def _landed_pages(data_dir: Path) -> set[Asked]:
    """The pages on disk of landings that a run would resume."""
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
            }[scope.kind]
            landed |= {(path, page.skip) for page in pages}
    return landed


def _asked_pages(requests: list[ServedRequest]) -> set[Asked]:
    return {
        (request.path, int(parse_qs(request.query)["skip"][0]))
        for request in requests
        if request.path != "/v2/me"
    }


def _run_and_kill(
    arguments: tuple[str, ...],
    folder: Path,
    environment: dict[str, str],
    simulator: Simulator,
    *,
    seconds: float,
) -> None:
    """The run was killed so long after its first request, however slow its start, or has ended before."""
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
def test_a_killed_run_resumes_asks_for_nothing_that_it_has_and_ends_the_same(
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
            landed = _landed_pages(data_dir)
            simulator.clear_requests()
            _run_and_kill(arguments, tmp_path, environment, simulator, seconds=chance.uniform(0.0, 3.8))
            asked = _asked_pages(simulator.requests)
            kills_during_extraction += bool(asked)
            assert not asked & landed, "a page that was landed is asked for again"
        landed = _landed_pages(data_dir)
        simulator.clear_requests()
        last = run_ooo(*arguments, cwd=tmp_path, **environment)
        assert last.returncode == 0, last.stderr
        assert not _asked_pages(simulator.requests) & landed
    assert kills_during_extraction
    assert_equals_truth(data_dir / "ooo.duckdb", world.entries(), world.users())
    leftovers = [
        path for path in data_dir.rglob("*") if path.name.startswith(".next-") or path.suffix == ".tmp"
    ]
    assert leftovers == []
