"""Functions that crash tests run in other processes: the run of one night, and constant reads."""

import hashlib
import json
import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType
from typing import Any

import duckdb
import polars as pl
import pyarrow.parquet as pq

from tests.support.naive import Absence, Reading
from tests.support.warehouse import audit_and_publish, load, new_warehouse, night, read_all
from warehouse.connection import run_statement
from warehouse.errors import WarehouseError
from warehouse.load.runs import find_run
from warehouse.publish.measures import find_measures

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.support.crash", "pandas", "pyarrow.compute", "tarfile"])
"""Import the modules of a run once, before the fork: the imports would cost more than the run."""

FILE_STEPS = frozenset({"os.rename", "os.link"})
"""The audit events of the interpreter for every change of a name on the disk."""

STATEMENT = run_statement.__code__
"""The function that runs every statement that has a file of its own."""

PAUSE_SECONDS = 0.1
"""The pause between two rounds of reads, which leaves the processor to the run."""

Version = tuple[int, int, int]
"""The inode, modification time and size of a file; successive files of one name never share all three."""


def reading_of(number: int, entries: int) -> Reading:
    """Return the reading of the `number`th night: each night some entries appear, change and vanish."""
    invented = random.Random(number)
    absences = []
    for entry_id in range(1, entries + 1):
        if invented.random() < 0.1:
            continue
        first = date(2026, 1, 1) + timedelta(days=entry_id % 300 + (number if entry_id % 20 == 0 else 0))
        last = first + timedelta(days=entry_id % 5)
        absences.append(Absence(entry_id, entry_id % 40 + 1, first, last, cover=entry_id % 7 + 1))
    return read_all(tuple(absences), at=night(number), users=tuple(range(1, 41)))


def run_night(  # noqa: PLR0913 - one night's circumstances
    data_dir: Path,
    number: int,
    entries: int,
    *,
    killed_at: int | None = None,
    killed_before: int | None = None,
    environment: Mapping[str, str] | None = None,
    **policy: Any,
) -> None:
    """Load the reading of that night into the warehouse in `data_dir`, and publish it by `policy`.

    If `killed_at` is given, the process kills itself at that change of a name on the disk; if `killed_before` is
    given, before that statement.
    """
    os.environ.update(environment or {})
    if killed_at is not None:
        _die_at(killed_at)
    if killed_before is not None:
        _die_before(killed_before)
    reading = reading_of(number, entries)
    with new_warehouse(data_dir / "warehouse.duckdb") as connection:
        if find_run(connection, reading.run_id) is None:
            load(connection, reading)
        audit_and_publish(connection, data_dir, reading.run_id, **policy)


def run_nights(data_dir: Path, entries: int, parent: Connection) -> None:
    """Call `run_night` for each number that the parent sends, and send back its seconds and the state."""
    while number := parent.recv():
        began = time.perf_counter()
        run_night(data_dir, number, entries)
        parent.send((time.perf_counter() - began, state_of(data_dir)))


def state_of(data_dir: Path) -> dict[str, Any]:
    """Return every row of the warehouse and of the published tables."""
    with new_warehouse(data_dir / "warehouse.duckdb") as connection:
        tables = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables()"
            " WHERE schema_name IN ('core', 'marts', 'ops') AND table_name <> 'migrations'"
        ).fetchall()
        rows: dict[str, Any] = {
            f"{schema}.{name}": connection.execute(f"FROM {schema}.{name} ORDER BY ALL").fetchall()
            for schema, name in sorted(tables)
        }
    for path in sorted((data_dir / "exports" / "current").glob("*.parquet")):
        rows[path.stem] = pl.read_parquet(path).rows()
    return rows


def _die_at(step: int) -> None:
    steps = iter(range(1, sys.maxsize))

    def count(event: str, _: object) -> None:
        if event in FILE_STEPS and next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def _die_before(statement: int) -> None:
    statements = iter(range(1, sys.maxsize))

    def count(frame: FrameType, event: str, _: object) -> None:
        if event == "call" and frame.f_code is STATEMENT and next(statements) == statement:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(count)


def poll(data_dir: Path, parent: Connection) -> None:
    """Read every published file until the parent sends a message, then send the number of reads and the failures."""
    reads, failures, measured = 0, [], set[Version]()
    while not parent.poll(PAUSE_SECONDS):
        for failure in _reads(data_dir, measured):
            reads += 1
            if failure:
                failures.append(failure)
    parent.send((reads, failures))


def hold(data_dir: Path, parent: Connection) -> None:
    """Keep `ooo.duckdb` open, and send the number of live entries for each message of the parent."""
    with duckdb.connect(data_dir / "ooo.duckdb", read_only=True) as connection:
        query = "SELECT count(*) FROM fct_ooo_entries WHERE deleted_at IS NULL"
        parent.send(connection.execute(query).fetchall()[0][0])
        while parent.recv():
            parent.send(connection.execute(query).fetchall()[0][0])


def intrude(data_dir: Path, parent: Connection) -> None:
    """Open the warehouse itself, and send the parent the error."""
    try:
        with new_warehouse(data_dir / "warehouse.duckdb"):
            parent.send("opened")
    except WarehouseError as error:
        parent.send(str(error))


def _reads(data_dir: Path, measured: set[Version]) -> Iterator[str | None]:
    """Yield the failure of each read, or None."""
    yield _attempt(lambda: _read_database(data_dir / "ooo.duckdb", measured))
    for path in sorted((data_dir / "exports" / "current").glob("*.parquet")):
        yield _attempt(lambda path=path: _read_file(path))
    yield _attempt(lambda: _read_generation(data_dir / "exports"))


def _attempt(read: object) -> str | None:
    try:
        read()  # type: ignore[operator]
    except Exception as error:  # noqa: BLE001 - any error is a failed read
        return f"{type(error).__name__}: {error}"
    return None


def _read_database(path: Path, measured: set[Version]) -> None:
    """Check that the tables are of one run and, once per version of the file, that the macros return rows."""
    stat = path.stat()
    version = stat.st_ino, stat.st_mtime_ns, stat.st_size
    with duckdb.connect(path, read_only=True) as connection:
        for measure in find_measures() if version not in measured else ():
            is_by_team = measure.name.endswith("_by_team")  # an error, because no team is loaded
            if measure.parameters == ("from_date", "to_date") and not is_by_team:
                connection.execute(f"FROM {measure.name}('2026-01-01', '2026-03-31')").fetchall()
        measured.add(version)
        query = """
            SELECT (SELECT max(last_seen_at) FROM fct_ooo_entries), (SELECT max(started_at) FROM runs),
                   (SELECT sum(calendar_days) FROM fct_ooo_entries WHERE deleted_at IS NULL),
                   (SELECT count(*) FROM fct_entry_days)
        """
        ((seen_at, run_at, days, entry_days),) = connection.execute(query).fetchall()
    assert (seen_at, days) == (run_at, entry_days), "the tables are of different runs"


def _read_file(path: Path) -> None:
    with path.open("rb") as file:
        declared = pq.ParquetFile(file).metadata.num_rows
        assert pq.read_table(file).num_rows == declared


def _read_generation(exports: Path) -> None:
    pointer = json.loads((exports / "current.json").read_text())
    manifest = json.loads((exports / pointer["manifest"]).read_text())
    for facts in manifest["tables"].values():
        content = (exports / pointer["folder"] / facts["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == facts["sha256"]
    for name, version in pointer.get("delta", {}).items():
        delta = pl.read_delta(str(exports / "delta" / name), version=version)
        assert delta.height == manifest["tables"][name]["rows"]
