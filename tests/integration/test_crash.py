"""Kills at any instant of load and publication: published files stay readable, and no repair is needed.

One warehouse goes through all kills: the next run follows a killed one, without a repair in between. After each
night the warehouse must equal one that was never killed.
"""

import contextlib
import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from landing.files import TEMPORARY_PREFIX
from tests.support.crash import PROCESSES, poll, run_night, run_nights, state_of
from tests.support.warehouse import TABLES
from warehouse.publish.generation import Layout

pytestmark = pytest.mark.slow

RANDOM_KILLS = int(os.environ.get("OOO_TEST_KILLS", "200"))
KILLS_A_NIGHT = 20
ENTRIES = 120


def run(data_dir: Path, number: int, **options: Any) -> Any:
    child = PROCESSES.Process(target=run_night, args=(data_dir, number, ENTRIES), kwargs=options, daemon=True)
    child.start()
    return child


def finish(data_dir: Path, number: int, **options: Any) -> None:
    child = run(data_dir, number, **options)
    child.join(120)
    assert child.exitcode == 0


@contextlib.contextmanager
def constant_reads(data_dir: Path) -> Iterator[None]:
    """Read everything that is published all the time in another process, and check that no read has failed."""
    ours, theirs = PROCESSES.Pipe()
    polling = PROCESSES.Process(target=poll, args=(data_dir, theirs), daemon=True)
    polling.start()
    try:
        yield
        ours.send("stop")
        assert ours.poll(60)
        reads, failures = ours.recv()
    finally:
        polling.terminate()
        polling.join()
    assert failures == []
    assert reads > 10


@pytest.fixture(scope="module")
def first_night(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data_dir = tmp_path_factory.mktemp("first")
    finish(data_dir, 1)
    return data_dir


@pytest.fixture(scope="module")
def undisturbed(first_night: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    data_dir = tmp_path_factory.mktemp("undisturbed") / "data"
    shutil.copytree(first_night, data_dir)
    finish(data_dir, 2)
    return state_of(data_dir)


@pytest.fixture
def undisturbed_night(first_night: Path, tmp_path: Path) -> Iterator[Callable[[int], Any]]:
    """Return a function that runs the given night without a kill, and returns its seconds and the resulting rows."""
    data_dir = tmp_path / "undisturbed"
    shutil.copytree(first_night, data_dir)
    ours, theirs = PROCESSES.Pipe()
    child = PROCESSES.Process(target=run_nights, args=(data_dir, ENTRIES, theirs), daemon=True)
    child.start()

    def run_next(number: int) -> Any:
        ours.send(number)
        return ours.recv()

    yield run_next
    ours.send(None)
    child.join(60)
    assert child.exitcode == 0


@pytest.mark.parametrize(
    ("step", "stride"),
    [("killed_at", 1), ("killed_before", 2)],
    ids=["at every change of a name", "before every second statement"],
)
def test_a_run_killed_at_any_step_is_recovered_and_no_read_fails(
    first_night: Path, undisturbed: dict[str, Any], tmp_path: Path, step: str, stride: int
) -> None:
    data_dir = tmp_path / "data"
    shutil.copytree(first_night, data_dir)
    kills = 0
    with constant_reads(data_dir):
        for number in range(1, 1_000, stride):
            child = run(data_dir, 2, **{step: number})
            child.join(120)
            if child.exitcode == 0:
                break
            assert child.exitcode == -signal.SIGKILL
            kills += 1
    assert kills > 20
    assert not list(data_dir.rglob(f"{TEMPORARY_PREFIX}*"))
    assert state_of(data_dir) == undisturbed


def test_a_run_killed_while_it_writes_partitions_and_delta_tables_is_recovered_and_no_read_fails(
    first_night: Path, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    policy = {"has_delta": True, "layout": Layout.PARTITIONED}
    shutil.copytree(first_night, data_dir)
    finish(data_dir, 1, **policy)
    kills = 0
    with constant_reads(data_dir):
        for step in range(2, 200, 9):
            child = run(data_dir, 2, killed_at=step, **policy)
            child.join(120)
            if child.exitcode == 0:
                break
            assert child.exitcode == -signal.SIGKILL
            kills += 1
    assert kills > 3, "links and renames of Delta tables and of current/"
    assert not list(data_dir.rglob(f"{TEMPORARY_PREFIX}*"))
    assert state_of(data_dir) == undisturbed
    kept = {path.name for path in (data_dir / "exports" / "generations").iterdir()}
    for table in TABLES:
        folder = data_dir / "exports" / "delta" / table.name
        assert {path.name for path in folder.iterdir()} <= kept | {"_delta_log"}
        # Partitioned tables have the columns of their partitions too.
        columns = [column.name for column in table.columns]
        assert pl.read_delta(str(folder)).select(columns).sort(table.key).rows() == undisturbed[table.name]


def test_a_run_killed_at_random_instants_is_recovered_and_no_read_fails(
    first_night: Path, undisturbed_night: Callable[[int], Any], tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    shutil.copytree(first_night, data_dir)
    instants = random.Random(RANDOM_KILLS)
    killed, number = 0, 1
    with constant_reads(data_dir):
        while killed < RANDOM_KILLS:
            number += 1
            seconds, expected = undisturbed_night(number)
            for _ in range(KILLS_A_NIGHT):
                began = time.monotonic()
                child = run(data_dir, number)
                child.join(instants.uniform(0.0, 1.2 * seconds))
                child.kill()
                child.join()
                killed += child.exitcode == -signal.SIGKILL
                if child.exitcode == 0:  # the rest of the work takes no longer than this
                    seconds = min(seconds, time.monotonic() - began)
            finish(data_dir, number)
            assert not list(data_dir.rglob(f"{TEMPORARY_PREFIX}*"))
            assert state_of(data_dir) == expected
    assert number <= 2 * RANDOM_KILLS // KILLS_A_NIGHT + 2, f"{killed} kills in {number} nights"
