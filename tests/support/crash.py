"""What the crash tests run in processes of their own: a night's run, and readers that never stop."""

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
"""What a run imports on its way is imported once, before the fork: else it costs more than the run."""

FILE_STEPS = frozenset({"os.rename", "os.link"})
"""The interpreter's own audit events, one for every name on the disk that leads to another file."""

STATEMENT = run_statement.__code__
"""What every statement that has a file of its own goes through."""

PAUSE_SECONDS = 0.1
"""Between two rounds of a reader, which leaves the processor to what it watches."""

Version = tuple[int, int, int]
"""A file's inode, instant of change and size: no two that follow each other under one name share them all."""


def reading_of(number: int, entries: int) -> Reading:
    """What there is to read on the `number`th night: each night some entries come, change and go."""
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
    """The warehouse in `data_dir` has that night's reading and has published it by `policy`.

    The process kills itself at the `killed_at`th change of a name on the disk, or before the
    `killed_before`th statement, if one is given.
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
    """As `run_night` for each number that the parent sends; it gets how long that took, and the state."""
    while number := parent.recv():
        began = time.perf_counter()
        run_night(data_dir, number, entries)
        parent.send((time.perf_counter() - began, state_of(data_dir)))


def state_of(data_dir: Path) -> dict[str, Any]:
    """Every row of the warehouse and of what is published."""
    with new_warehouse(data_dir / "warehouse.duckdb") as connection:
        tables = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables()"
            " WHERE schema_name IN ('core', 'marts', 'ops') AND table_name <> 'migrations'"
        ).fetchall()
        found: dict[str, Any] = {
            f"{schema}.{name}": connection.execute(f"FROM {schema}.{name} ORDER BY ALL").fetchall()
            for schema, name in sorted(tables)
        }
    for path in sorted((data_dir / "exports" / "current").glob("*.parquet")):
        found[path.stem] = pl.read_parquet(path).rows()
    return found


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
    """Every published file is read again and again until the parent says stop; then it gets the tally."""
    reads, failures, measured = 0, [], set[Version]()
    while not parent.poll(PAUSE_SECONDS):
        for attempt in _reads(data_dir, measured):
            reads += 1
            if attempt:
                failures.append(attempt)
    parent.send((reads, failures))


def hold(data_dir: Path, parent: Connection) -> None:
    """`ooo.duckdb` stays open; each time the parent asks, it gets the count of live entries."""
    with duckdb.connect(data_dir / "ooo.duckdb", read_only=True) as connection:
        question = "SELECT count(*) FROM fct_ooo_entries WHERE deleted_at IS NULL"
        parent.send(connection.execute(question).fetchall()[0][0])
        while parent.recv():
            parent.send(connection.execute(question).fetchall()[0][0])


def intrude(data_dir: Path, parent: Connection) -> None:
    """The parent gets what someone is told who opens the warehouse itself."""
    try:
        with new_warehouse(data_dir / "warehouse.duckdb"):
            parent.send("opened")
    except WarehouseError as error:
        parent.send(str(error))


def _reads(data_dir: Path, measured: set[Version]) -> Iterator[str | None]:
    """What was wrong with each read, None if nothing."""
    yield _attempt(lambda: _read_database(data_dir / "ooo.duckdb", measured))
    for path in sorted((data_dir / "exports" / "current").glob("*.parquet")):
        yield _attempt(lambda path=path: _read_file(path))
    yield _attempt(lambda: _read_generation(data_dir / "exports"))


def _attempt(read: object) -> str | None:
    try:
        read()  # type: ignore[operator]
    except Exception as error:  # noqa: BLE001 - whatever it is, a reader has failed
        return f"{type(error).__name__}: {error}"
    return None


def _read_database(path: Path, measured: set[Version]) -> None:
    """Its tables are of one run, and its macros answer; those are asked once of each version of it."""
    found = path.stat()
    version = found.st_ino, found.st_mtime_ns, found.st_size
    with duckdb.connect(path, read_only=True) as connection:
        for measure in find_measures() if version not in measured else ():
            if measure.parameters == ("from_date", "to_date"):
                connection.execute(f"FROM {measure.name}('2026-01-01', '2026-03-31')").fetchall()
        measured.add(version)
        query = """
            SELECT (SELECT max(last_seen_at) FROM fct_ooo_entries), (SELECT max(started_at) FROM runs),
                   (SELECT sum(calendar_days) FROM fct_ooo_entries WHERE deleted_at IS NULL),
                   (SELECT count(*) FROM fct_entry_days)
        """
        ((seen_at, run_at, days, entry_days),) = connection.execute(query).fetchall()
    assert (seen_at, days) == (run_at, entry_days), "the tables are of two runs"


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
