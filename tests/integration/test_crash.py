"""Killed at any instant of load and publication: readers never fail, and the next run needs no repair."""

import contextlib
import random
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.support.crash import PROCESSES, poll, run_night
from tests.support.warehouse import TABLES, new_warehouse
from warehouse.connection import ASIDE
from warehouse.generation import Layout

pytestmark = pytest.mark.slow

RANDOM_KILLS = 12
"""Raise it for a longer look: each costs about two runs."""

STEPS = (*range(1, 8), *range(8, 200, 3))
"""Each of the first; then links and renames of one table after another alternate, so a third is enough."""

ENTRIES = 300
WAREHOUSE_TABLES = (
    "core.ooo_entries",
    "core.ooo_entry_history",
    "core.people",
    "marts.fct_entry_days",
    "marts.person_days",
    "marts.dim_dates",
    "marts.dim_calendars",
    "marts.dim_calendar_days",
    "marts.person_calendars",
    "marts.dim_reasons",
    "ops.runs",
    "ops.scopes",
)


def run(data_dir: Path, number: int, **options: Any) -> Any:
    child = PROCESSES.Process(target=run_night, args=(data_dir, number, ENTRIES), kwargs=options, daemon=True)
    child.start()
    return child


def finish(data_dir: Path, number: int, **options: Any) -> None:
    child = run(data_dir, number, **options)
    child.join(120)
    assert child.exitcode == 0


@contextlib.contextmanager
def readers(data_dir: Path) -> Iterator[None]:
    """Somebody reads everything all the time; at the end, no read has failed."""
    ours, theirs = PROCESSES.Pipe()
    reader = PROCESSES.Process(target=poll, args=(data_dir, theirs), daemon=True)
    reader.start()
    try:
        yield
        ours.send("stop")
        assert ours.poll(60)
        reads, failures = ours.recv()
    finally:
        reader.terminate()
        reader.join()
    assert failures == []
    assert reads > 10


def state(data_dir: Path) -> dict[str, Any]:
    with new_warehouse(data_dir / "warehouse.duckdb") as connection:
        found: dict[str, Any] = {
            name: connection.execute(f"FROM {name} ORDER BY ALL").fetchall() for name in WAREHOUSE_TABLES
        }
    for table in TABLES:
        path = data_dir / "exports" / "current" / f"{table.name}.parquet"
        found[table.name] = pl.read_parquet(path).rows()
    return found


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
    return state(data_dir)


def test_killed_at_every_kind_of_change_of_a_name_it_recovers_and_no_reader_notices(
    first_night: Path, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    shutil.copytree(first_night, data_dir)
    with readers(data_dir):
        for step in STEPS:
            child = run(data_dir, 2, killed_at=step)
            child.join(120)
            if child.exitcode == 0:
                break
            assert child.exitcode == -signal.SIGKILL
    assert step > 20, "renames and links of one publication"
    assert not list(data_dir.rglob(f"{ASIDE}*"))
    assert state(data_dir) == undisturbed


def test_killed_while_partitions_and_delta_tables_are_made_it_recovers_and_no_reader_notices(
    first_night: Path, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    data_dir = tmp_path / "data"
    policy = {"has_delta": True, "layout": Layout.PARTITIONED}
    shutil.copytree(first_night, data_dir)
    finish(data_dir, 1, **policy)
    kills = 0
    with readers(data_dir):
        for step in range(2, 200, 9):
            child = run(data_dir, 2, killed_at=step, **policy)
            child.join(120)
            if child.exitcode == 0:
                break
            assert child.exitcode == -signal.SIGKILL
            kills += 1
    assert kills > 3, "links and renames of Delta tables and of current/"
    assert not list(data_dir.rglob(f"{ASIDE}*"))
    assert state(data_dir) == undisturbed
    kept = {path.name for path in (data_dir / "exports" / "generations").iterdir()}
    for table in TABLES:
        folder = data_dir / "exports" / "delta" / table.name
        assert {path.name for path in folder.iterdir()} <= kept | {"_delta_log"}
        assert pl.read_delta(str(folder)).sort(table.key).rows() == undisturbed[table.name]


@pytest.mark.parametrize("seed", range(RANDOM_KILLS))
def test_killed_at_a_random_instant_it_recovers_and_no_reader_notices(
    first_night: Path, undisturbed: dict[str, Any], tmp_path: Path, seed: int
) -> None:
    data_dir = tmp_path / "data"
    shutil.copytree(first_night, data_dir)
    instant = random.Random(seed).uniform(0.0, 1.0)
    with readers(data_dir):
        child = run(data_dir, 2)
        child.join(instant)
        child.kill()
        child.join()
        finish(data_dir, 2)
    assert not list(data_dir.rglob(f"{ASIDE}*"))
    assert state(data_dir) == undisturbed
