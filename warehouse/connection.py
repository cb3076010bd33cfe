"""Open the warehouse file, run statements from their own files, and open transactions."""

import contextlib
import errno
import os
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

PARALLEL_WORKERS = 2
"""The number of independent statements that run at the same time. One that writes rows in order uses one core only."""

ROWS_AT_ONCE = 10_000
"""The number of rows of a statement that become Python objects at the same time."""


@contextlib.contextmanager
def open_warehouse(
    path: Path, *, is_read_only: bool = False, memory_limit: str | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the warehouse file for the block, and yield the connection. DuckDB extensions are never downloaded.

    `memory_limit` is in DuckDB's notation, such as `512MB`. Errors of DuckDB in the block are raised as
    `WarehouseError`, and a statement that a signal ended as `KeyboardInterrupt`.
    """
    config: dict[str, Any] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        # Statements sort where the order of rows matters; keeping the insertion order costs memory.
        "preserve_insertion_order": "false",
    }
    if memory_limit:
        config["memory_limit"] = memory_limit
    try:
        connection = duckdb.connect(str(path), read_only=is_read_only, config=config)
    except duckdb.Error as error:
        message = (
            f"can't open {path}: {explain(error)}; if another program has it open, close that program (analysts read"
            " ooo.duckdb beside it); if the file is damaged, restore it from a back-up"
        )
        raise WarehouseError(message) from error
    spill_folder = path.with_name(f"{path.name}.tmp")
    if not is_read_only:
        # The lock on the file proves that no process uses the folder: a killed run has left its content.
        shutil.rmtree(spill_folder, ignore_errors=True)
        if path.exists():  # a database in memory has no file
            path.chmod(0o600)
            spill_folder.mkdir(mode=0o700)
    try:
        with catching_interrupts():
            yield connection
    except duckdb.Error as error:
        message = (
            f"the warehouse {path} could not be read or written: {explain(error)};"
            " the open transaction was rolled back. If the file is damaged, restore it from a back-up"
        )
        raise WarehouseError(message) from error
    finally:
        connection.close()
        with contextlib.suppress(OSError):
            spill_folder.rmdir()


@contextlib.contextmanager
def open_publication(
    path: Path, config: Mapping[str, Any] | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the published database for the block, and yield a connection that can only read.

    Errors of DuckDB in the block are raised as `WarehouseError`, and a statement that a signal ended as
    `KeyboardInterrupt`. The way out is not that of the warehouse: a sync publishes the file again.
    """
    try:
        with (
            duckdb.connect(str(path), read_only=True, config=dict(config or {})) as connection,
            catching_interrupts(),
        ):
            yield connection
    except duckdb.Error as error:
        message = (
            f"can't read {path}: {explain(error)}; if it is damaged, remove it and run `ooo sync`, which publishes"
            " it again; if it is not readable, correct its permissions"
        )
        raise WarehouseError(message) from error


@contextlib.contextmanager
def catching_interrupts() -> Iterator[None]:
    """Raise `KeyboardInterrupt` if a signal ended a statement in the block.

    DuckDB replaces the exception that the handler of the signal raised by a `RuntimeError`.
    """
    try:
        yield
    except RuntimeError as error:
        if str(error) != "Query interrupted":
            raise
        raise KeyboardInterrupt from error


def explain(error: Exception) -> str:
    """Return the first line of the error, with the way out if the memory ran out or the disk is full."""
    text = str(error).partition("\n")[0]
    if isinstance(error, duckdb.OutOfMemoryException):
        return f"{text}; raise OOO_MEMORY_LIMIT"
    return f"{text}; free disk space and run again" if os.strerror(errno.ENOSPC) in text else text


@contextlib.contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Commit the statements of the block together, or roll all of them back if the block raises."""
    connection.execute("BEGIN TRANSACTION")
    try:
        yield
    except BaseException:
        # The rollback can fail on a broken connection; the error that led here matters more.
        with contextlib.suppress(duckdb.Error):
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


@cache
def read_statement(name: str) -> str:
    """Return the text of `warehouse/<name>.sql`; `name` includes the folder."""
    return files("warehouse").joinpath(f"{name}.sql").read_text(encoding="utf-8")


def run_statement(
    connection: duckdb.DuckDBPyConnection, name: str, parameters: Mapping[str, Any] | None = None
) -> list[tuple[Any, ...]]:
    """Run the statement in `warehouse/<name>.sql` and return its rows.

    The statement receives only those of `parameters` that it names.
    """
    return list(iterate_statement(connection, name, parameters))


def iterate_statement(
    connection: duckdb.DuckDBPyConnection, name: str, parameters: Mapping[str, Any] | None = None
) -> Iterator[tuple[Any, ...]]:
    """Run the statement as `run_statement`, and yield its rows; few of them are in memory at a time.

    The connection may run no other statement before the last row.
    """
    text = read_statement(name)
    names = set(re.findall(r"\$([a-z_]+)", re.sub(r"--.*", "", text)))
    values = {key: value for key, value in (parameters or {}).items() if key in names}
    try:
        result = connection.execute(text, values)
        while rows := result.fetchmany(ROWS_AT_ONCE):
            yield from rows
    except duckdb.Error as error:
        message = f"the statement {name}.sql failed: {explain(error)}"
        raise WarehouseError(message) from error


def select_each(connection: duckdb.DuckDBPyConnection, selects: Sequence[str]) -> list[tuple[Any, ...]]:
    """Return the only row of each of `selects`, in order; one statement for all costs far less."""
    numbered = (f"SELECT {number}, * FROM ({select})" for number, select in enumerate(selects))  # noqa: S608
    rows = connection.execute(" UNION ALL ".join(numbered)).fetchall()
    return [row[1:] for row in sorted(rows)]


def quote(value: Path | str) -> str:
    """Escape `value` for use inside a SQL string literal."""
    return str(value).replace("'", "''")


def insert_frame(connection: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame) -> None:
    """Append `rows` to `table` by column name. `table` is a name from this program, never from outside.

    The rows are passed as a stream that is closed at the end. DuckDB keeps a registered object that is still
    open until the transaction ends (DuckDB 2.0: 25 MB per 500,000 days), so a large load would keep every frame.
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
    workers: int = PARALLEL_WORKERS,
) -> list[_T]:
    """Run the jobs, `workers` at a time, each with its own cursor, and return their results in order.

    A cursor reads committed rows and no temporary table. With one worker, jobs use the connection itself.
    """
    if workers == 1:
        return [job(connection) for job in jobs]
    cursors = [connection.cursor() for _ in jobs]
    try:
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(lambda job, cursor: job(cursor), jobs, cursors))
    finally:
        for cursor in cursors:
            cursor.close()
