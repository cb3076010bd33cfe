"""Analysts' and BI tools read the publication while a sync is running."""

import csv
import io
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow.dataset as pads
import pyarrow.parquet as pq
import pytest
import sqlalchemy

from calcom.simulator import OWNER_KEY, Simulator, World, serve
from tests.support.program import run_ooo

pytestmark = pytest.mark.slow

COMMAND_LINE = Path(sys.executable).with_name("duckdb")
SQL = "SELECT reason, count(*) AS n FROM fct_ooo_entries WHERE deleted_at IS NULL GROUP BY reason"
MACRO = "SELECT coalesce(sum(absence_days), 0) FROM absence_by_reason('2024-01-01', '2026-12-31')"


def _sqlalchemy(data: Path) -> dict[str, int]:
    """Read as Superset and other programs over SQLAlchemy do."""
    engine = sqlalchemy.create_engine(f"duckdb:///{data / 'ooo.duckdb'}", connect_args={"read_only": True})
    try:
        with engine.connect() as connection:
            assert connection.execute(sqlalchemy.text(MACRO)).scalar()
            return {row.reason: row.n for row in connection.execute(sqlalchemy.text(SQL))}
    finally:
        engine.dispose()


def _command_line(data: Path) -> dict[str, int]:
    done = subprocess.run(
        [str(COMMAND_LINE), "-readonly", "-csv", str(data / "ooo.duckdb"), SQL],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return {row["reason"]: int(row["n"]) for row in csv.DictReader(io.StringIO(done.stdout))}


def _duckdb_parquet(data: Path) -> dict[str, int]:
    path = str(data / "exports" / "current" / "fct_ooo_entries.parquet")
    return dict(duckdb.sql(SQL.replace("fct_ooo_entries", f"'{path}'")).fetchall())


def _pandas(data: Path) -> dict[str, int]:
    entries = pd.read_parquet(data / "exports" / "current" / "fct_ooo_entries.parquet")
    live = entries[entries["deleted_at"].isna()]
    return {str(reason): int(n) for reason, n in live.groupby("reason").size().items()}


def _polars(data: Path) -> dict[str, int]:
    entries = pl.scan_parquet(data / "exports" / "current" / "fct_ooo_entries.parquet")
    counted = entries.filter(pl.col("deleted_at").is_null()).group_by("reason").len().collect()
    return dict(counted.iter_rows())


def _pyarrow(data: Path) -> dict[str, int]:
    entries = pq.read_table(data / "exports" / "current" / "fct_ooo_entries.parquet").to_pylist()
    live = [row["reason"] for row in entries if row["deleted_at"] is None]
    return {reason: live.count(reason) for reason in set(live)}


def _arrow_dataset(data: Path) -> dict[str, int]:
    table = pads.dataset(data / "exports" / "current" / "fct_ooo_entries.parquet").to_table(
        ["reason", "deleted_at"]
    )
    live = [row["reason"] for row in table.to_pylist() if row["deleted_at"] is None]
    return {reason: live.count(reason) for reason in set(live)}


TOOLS: tuple[Callable[[Path], dict[str, int]], ...] = (
    _sqlalchemy,
    _command_line,
    _duckdb_parquet,
    _pandas,
    _polars,
    _pyarrow,
    _arrow_dataset,
)


@pytest.fixture(scope="module")
def syncing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, int]]]:
    """Provide a data folder to which one sync after another writes, and its live entries by reason."""
    folder = tmp_path_factory.mktemp("tools")
    world = World.generate(people=40)
    expected: dict[str, int] = {}
    for record in world.entries():
        reason = record.get("reason", "custom")
        expected[reason] = expected.get(reason, 0) + 1
    stop = threading.Event()
    with serve(Simulator(world, limits=None)) as server:
        settings = {"CALCOM_API_URL": server.url, "CALCOM_API_KEY": OWNER_KEY}

        def sync() -> None:
            done = run_ooo("sync", "--quiet", cwd=folder, **settings)
            assert done.returncode == 0, done.stderr

        def sync_repeatedly() -> None:
            while not stop.is_set():
                sync()

        sync()
        syncs = threading.Thread(target=sync_repeatedly)
        syncs.start()
        yield folder / "data", expected
        stop.set()
        syncs.join(120)


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.__name__.strip("_"))
def test_the_tool_reads_the_published_entries_while_a_sync_runs(
    tool: Callable[[Path], dict[str, int]], syncing: tuple[Path, dict[str, int]]
) -> None:
    data, expected = syncing
    for _ in range(3):
        assert tool(data) == expected
