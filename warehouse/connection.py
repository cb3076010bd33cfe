"""Opening the warehouse file, running a statement from its own file, and transactions."""

import contextlib
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import polars as pl
import pyarrow as pa

from warehouse.errors import WarehouseError

_T = TypeVar("_T")

LANES = 2
"""Statements at a time where they don't depend on each other: a writer in order keeps one core busy."""


@contextlib.contextmanager
def open_warehouse(
    path: Path, *, is_read_only: bool = False, memory_limit: str | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to the warehouse file, closed at the end. Extensions are never fetched.

    DuckDB's errors leave the block as `WarehouseError`.
    """
    config: dict[str, Any] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        # The order of rows is stated wherever it matters; keeping the insertion order costs memory.
        "preserve_insertion_order": "false",
    }
    if memory_limit:
        config["memory_limit"] = memory_limit
    try:
        connection = duckdb.connect(str(path), read_only=is_read_only, config=config)
    except duckdb.Error as error:
        message = (
            f"can't open {path}: {error}; if another program holds it, close that (readers use"
            " ooo.duckdb beside it); if the file is damaged, restore it from a back-up"
        )
        raise WarehouseError(message) from error
    spilled = path.with_name(f"{path.name}.tmp")
    if not is_read_only:
        # What a killed run spilled to disk stays there otherwise; the file's lock says that it is nobody's.
        shutil.rmtree(spilled, ignore_errors=True)
        if path.exists():  # else it is in memory
            path.chmod(0o600)
            spilled.mkdir(mode=0o700)
    try:
        yield connection
    except duckdb.Error as error:
        message = f"the warehouse {path} could not be read or written: {explain(error)}; nothing is half done"
        raise WarehouseError(message) from error
    finally:
        connection.close()
        with contextlib.suppress(OSError):
            spilled.rmdir()


def explain(error: Exception) -> str:
    """The error's first line, and what to set if memory ran out."""
    text = str(error).partition("\n")[0]
    return f"{text}; raise OOO_MEMORY_LIMIT" if isinstance(error, duckdb.OutOfMemoryException) else text


@contextlib.contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All of the block is committed, or none of it."""
    connection.execute("BEGIN TRANSACTION")
    try:
        yield
    except BaseException:
        # The connection may already be past saving; the error that led here matters more.
        with contextlib.suppress(duckdb.Error):
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@cache
def read_statement(name: str) -> str:
    """The text of the statement in `warehouse/<name>.sql`, `name` with its folder."""
    return files("warehouse").joinpath(f"{name}.sql").read_text(encoding="utf-8")


def run_statement(
    connection: duckdb.DuckDBPyConnection, name: str, parameters: Mapping[str, Any] | None = None
) -> list[tuple[Any, ...]]:
    """All rows of the statement in `warehouse/<name>.sql`, with those of `parameters` that it names."""
    text = read_statement(name)
    named = set(re.findall(r"\$([a-z_]+)", re.sub(r"--.*", "", text)))
    wanted = {key: value for key, value in (parameters or {}).items() if key in named}
    try:
        return connection.execute(text, wanted).fetchall()
    except duckdb.Error as error:
        message = f"the statement {name}.sql failed: {explain(error)}"
        raise WarehouseError(message) from error


def select_each(connection: duckdb.DuckDBPyConnection, selects: Sequence[str]) -> list[tuple[Any, ...]]:
    """The one row that each of `selects` gives, in order; all in one statement, which costs far less."""
    numbered = (f"SELECT {number}, * FROM ({select})" for number, select in enumerate(selects))  # noqa: S608
    rows = connection.execute(" UNION ALL ".join(numbered)).fetchall()
    return [row[1:] for row in sorted(rows)]


def insert_frame(connection: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame) -> None:
    """`rows` are appended to `table` (a name from this package, never from outside); columns go by name.

    As a stream, closed at the end: what is registered and still open, DuckDB holds until the transaction ends
    (measured on 2.0: 25 MB for 500,000 days), so a large load would hold every frame.
    """
    if rows.is_empty():
        return
    with pa.RecordBatchReader.from_stream(rows) as stream:
        connection.register("inserted_rows", stream)
        try:
            connection.execute(f"INSERT INTO {table} BY NAME FROM inserted_rows").fetchall()
        finally:
            connection.unregister("inserted_rows")


def run_in_parallel(
    connection: duckdb.DuckDBPyConnection,
    jobs: Sequence[Callable[[duckdb.DuckDBPyConnection], _T]],
    *,
    lanes: int = LANES,
) -> list[_T]:
    """What each job gives, in order; `lanes` of them run at a time, each with a cursor of its own.

    A cursor sees what is committed, and no temporary table. With one lane, jobs get the connection itself.
    """
    if lanes == 1:
        return [job(connection) for job in jobs]
    cursors = [connection.cursor() for _ in jobs]
    try:
        with ThreadPoolExecutor(lanes) as pool:
            return list(pool.map(lambda job, cursor: job(cursor), jobs, cursors))
    finally:
        for cursor in cursors:
            cursor.close()
