"""The readers' database, built aside in a storage version that DuckDB 1.x reads too."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb

from warehouse.connection import run_statement, transaction
from warehouse.errors import WarehouseError
from warehouse.files import flush
from warehouse.measures import Measure
from warehouse.tables import PublishedTable

STORAGE_VERSION = "v1.0.0"
"""DuckDB 2.0's own can't be read by 1.x, which today's BI tools embed; this one can, by all since 1.0."""


def build_reader(
    connection: duckdb.DuckDBPyConnection,
    aside: Path,
    tables: Sequence[PublishedTable],
    measures: Sequence[Measure],
) -> dict[str, int]:
    """A reader's database at `aside`, on disk to the last byte, rows ascending by key; each table's rows."""
    with attached(connection, aside, f"STORAGE_VERSION '{STORAGE_VERSION}'"), _one_thread(connection):
        rows = {table.name: _copy_table(connection, table) for table in tables}
        with transaction(connection):  # one for all: each of its own costs a write to the disk
            connection.execute("".join(map(_comments, tables))).fetchall()
            connection.execute("USE reader").fetchall()
            for measure in measures:
                run_statement(connection, measure.statement)
        connection.execute("CHECKPOINT reader").fetchall()
    if aside.with_name(f"{aside.name}.wal").exists():
        message = f"{aside} still has a write-ahead log after its checkpoint; copying it would lose rows"
        raise WarehouseError(message)
    flush(aside)
    return rows


@contextlib.contextmanager
def attached(connection: duckdb.DuckDBPyConnection, database: Path, options: str) -> Iterator[None]:
    """`database` is there as `reader` meanwhile and rows keep their order; then all is as it was."""
    query = "SELECT current_database(), current_setting('preserve_insertion_order')"
    own, keeps_order = connection.execute(query).fetchall()[0]
    connection.execute(f"ATTACH '{quoted(database)}' AS reader ({options})").fetchall()
    try:
        connection.execute("SET preserve_insertion_order = true").fetchall()
        yield
    finally:
        connection.execute(f"SET preserve_insertion_order = {keeps_order}").fetchall()
        connection.execute(f'USE "{own}"').fetchall()
        connection.execute("DETACH reader").fetchall()


@contextlib.contextmanager
def _one_thread(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Five million days are joined and sorted in 140 MB; two threads need 200 MB and are no faster."""
    threads = connection.execute("SELECT current_setting('threads')").fetchall()[0][0]
    connection.execute("SET threads = 1").fetchall()
    try:
        yield
    finally:
        connection.execute(f"SET threads = {threads}").fetchall()


def _copy_table(connection: duckdb.DuckDBPyConnection, table: PublishedTable) -> int:
    columns = ", ".join(
        f"{column.name} {column.sql_type}{'' if column.is_nullable else ' NOT NULL'}"
        for column in table.columns
    )
    connection.execute(f"CREATE TABLE reader.main.{table.name} ({columns})").fetchall()
    copied: int = connection.execute(f"INSERT INTO reader.main.{table.name} {table.query()}").fetchall()[0][0]
    return copied


def _comments(table: PublishedTable) -> str:
    """The statements that tell in the database what the table and its columns mean."""
    comment = f"One row: {table.grain}. Key: {table.key_list()}."
    return f"COMMENT ON TABLE reader.main.{table.name} IS '{quoted(comment)}';" + "".join(
        f"COMMENT ON COLUMN reader.main.{table.name}.{column.name} IS '{quoted(column.meaning)}';"
        for column in table.columns
    )


def quoted(value: Path | str) -> str:
    """`value` for the inside of a SQL literal."""
    return str(value).replace("'", "''")
