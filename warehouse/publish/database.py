"""The readers' database, built aside in a storage version that DuckDB 1.x reads too."""

import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb

from landing.files import digest, flush
from warehouse.connection import (
    LANES,
    read_statement,
    run_in_parallel,
    run_statement,
    select_each,
    transaction,
)
from warehouse.errors import WarehouseError
from warehouse.publish.fingerprint import declared, fingerprint_table
from warehouse.publish.measures import Measure
from warehouse.tables import PublishedTable

STORAGE_VERSION = "v1.0.0"
"""DuckDB 2.0's own can't be read by 1.x, which today's BI tools embed; this one can, by all since 1.0."""

ROWS_SIDE_BY_SIDE = 2_500_000
"""Up to so many rows in all, tables are sorted two at a time; beyond, each has the memory to itself."""


@dataclass(frozen=True)
class PreviousPublication:
    """What was published last: the readers' database and the manifest of its generation."""

    database: Path
    manifest: Mapping[str, Any]

    def contents(self, table: str) -> str | None:
        """What the table held; None if it was not there, or nobody says."""
        found: str | None = self.manifest["tables"].get(table, {}).get("contents")
        return found


@dataclass(frozen=True)
class PublishedDatabase:
    """A readers' database, built aside: by table its rows and contents; and the file's own facts."""

    file: Path
    rows: Mapping[str, int]
    contents: Mapping[str, str]
    facts: Mapping[str, Any]


def build_database(
    connection: duckdb.DuckDBPyConnection,
    aside: Path,
    tables: Sequence[PublishedTable],
    measures: Sequence[Measure],
    last: PreviousPublication | None = None,
) -> PublishedDatabase:
    """A readers' database at `aside`, on disk to the last byte, rows ascending by key.

    Where most rows are those of `last`, it is a copy of that one, with the tables that differ made anew.
    """
    # Pseudonyms are in a temporary table, which no other connection sees.
    lanes = 1 if any(table.has_pseudonyms for table in tables) else LANES
    telling = [partial(fingerprint_table, table=table) for table in tables]
    told = run_in_parallel(connection, telling, lanes=lanes)
    counted = {table.name: one for table, one in zip(tables, told, strict=True)}
    contents = {name: text for name, (_, text) in counted.items()}
    made_by = declared(tables, *(read_statement(measure.statement) for measure in measures))
    kept = _copy_last(last, aside, contents, made_by) if last else set()
    others = [table for table in tables if table.name not in kept]
    storage = "" if kept else f"STORAGE_VERSION '{STORAGE_VERSION}'"
    with attached(connection, aside, storage), _one_thread(connection):
        with transaction(connection):  # one for all: each of its own costs a write to the disk
            for table in others:
                _create_table(connection, table)
        is_large = sum(counted[table.name][0] for table in others) > ROWS_SIDE_BY_SIDE
        jobs = [partial(_create_macros, measures=() if kept else measures)]
        jobs += [partial(_fill_table, table=table) for table in others]
        run_in_parallel(connection, jobs, lanes=1 if is_large else lanes)
        connection.execute("CHECKPOINT reader").fetchall()
        counts = select_each(connection, [_count_rows(table) for table in tables])
        rows = {table.name: count for table, (count,) in zip(tables, counts, strict=True)}
    if aside.with_name(f"{aside.name}.wal").exists():
        message = f"{aside} still has a write-ahead log after its checkpoint; copying it would lose rows"
        raise WarehouseError(message)
    flush(aside)
    facts = {"made_by": made_by, "bytes": aside.stat().st_size, "sha256": digest(aside)}
    return PublishedDatabase(aside, rows, contents, facts)


def _copy_last(last: PreviousPublication, aside: Path, contents: Mapping[str, str], made_by: str) -> set[str]:
    """The tables that are at `aside` as they are to be, in a copy of the last file; none without a copy.

    No copy of a file that somebody else has written to, and none that would be mostly pages out of use.
    """
    facts = last.manifest.get("database", {})
    kept = {name for name, content in contents.items() if content == last.contents(name)}
    rows = {name: facts["rows"] for name, facts in last.manifest["tables"].items()}
    if (
        not kept
        or facts.get("made_by") != made_by
        or sum(rows[name] for name in kept) * 2 < sum(rows.values())
    ):
        return set()
    try:
        shutil.copyfile(last.database, aside)
        if digest(aside) == facts["sha256"]:
            return kept
    except FileNotFoundError:
        pass
    aside.unlink(missing_ok=True)
    return set()


@contextlib.contextmanager
def attached(connection: duckdb.DuckDBPyConnection, database: Path, options: str) -> Iterator[None]:
    """`database` is there as `reader` meanwhile and rows keep their order; then all is as it was."""
    query = "SELECT current_database(), current_setting('preserve_insertion_order')"
    own, keeps_order = connection.execute(query).fetchall()[0]
    attachment = f"ATTACH '{quoted(database)}' AS reader"
    connection.execute(f"{attachment} ({options})" if options else attachment).fetchall()
    try:
        connection.execute("SET preserve_insertion_order = true").fetchall()
        yield
    finally:
        connection.execute(f"SET preserve_insertion_order = {keeps_order}").fetchall()
        connection.execute(f'USE "{own}"').fetchall()
        connection.execute("DETACH reader").fetchall()


@contextlib.contextmanager
def using(connection: duckdb.DuckDBPyConnection, database: Path) -> Iterator[None]:
    """Names without a schema, and the macros, are those of the readers' `database` meanwhile."""
    with attached(connection, database, "READ_ONLY"):
        connection.execute("USE reader").fetchall()
        yield


@contextlib.contextmanager
def _one_thread(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Five million days are joined and sorted in 140 MB; two threads need 200 MB and are no faster."""
    threads = connection.execute("SELECT current_setting('threads')").fetchall()[0][0]
    connection.execute("SET threads = 1").fetchall()
    try:
        yield
    finally:
        connection.execute(f"SET threads = {threads}").fetchall()


def _create_table(connection: duckdb.DuckDBPyConnection, table: PublishedTable) -> None:
    columns = ", ".join(
        f"{column.name} {column.sql_type}{'' if column.is_nullable else ' NOT NULL'}"
        for column in table.columns
    )
    connection.execute(f"CREATE OR REPLACE TABLE reader.main.{table.name} ({columns})").fetchall()


def _fill_table(connection: duckdb.DuckDBPyConnection, table: PublishedTable) -> None:
    """The table has its comments, each of which costs as much as some hundred rows, and its rows."""
    with transaction(connection):
        connection.execute(_comments(table)).fetchall()
        connection.execute(f"INSERT INTO reader.main.{table.name} {table.query()}").fetchall()


def _create_macros(connection: duckdb.DuckDBPyConnection, measures: Sequence[Measure]) -> None:
    with connection.cursor() as own:  # what it uses is its own, too
        own.execute("USE reader").fetchall()
        with transaction(own):
            for measure in measures:
                run_statement(own, measure.statement)


def _count_rows(table: PublishedTable) -> str:
    return f"SELECT count(*) FROM reader.main.{table.name}"  # noqa: S608 - a declared name


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
