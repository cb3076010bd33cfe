"""Build the published database in a storage version that DuckDB 1.0 and later read.

The fingerprint of a table is a short text that is the same for the same published rows. Tables whose fingerprint
has not changed since the previous publication are not written again. The rows are compared as published,
so the cause of a change does not matter: a load, an erasure, another calendar or other settings.
"""

import contextlib
import hashlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from landing.files import digest, flush
from warehouse.connection import (
    PARALLEL_WORKERS,
    quote,
    read_statement,
    run_in_parallel,
    run_statement,
    select_each,
    transaction,
)
from warehouse.errors import WarehouseError
from warehouse.publish.measures import Measure, qualify
from warehouse.publish.views import View, find_views
from warehouse.tables import PublishedTable, define_columns

STORAGE_VERSION = "v1.0.0"
"""Every DuckDB since 1.0 reads this version. BI tools embed DuckDB 1.x, which cannot read the format of 2.0."""

MAX_ROWS_IN_PARALLEL = 2_500_000
"""Up to this number of rows in all, two tables are sorted at a time; beyond it, one, to bound the memory."""

SMALL_FILE_BYTES = 8_000_000
"""Up to this size, a database is copied even if most rows differ: to create its macros takes longer than its rows."""


@dataclass(frozen=True)
class PreviousPublication:
    """The previous publication: its database, and the manifest of its generation."""

    database: Path
    manifest: Mapping[str, Any]

    def fingerprint(self, table: str) -> str | None:
        """Return the fingerprint of the table; None if it was not published, or without a fingerprint."""
        fingerprint: str | None = self.manifest["tables"].get(table, {}).get("contents")
        return fingerprint


@dataclass(frozen=True)
class PublishedDatabase:
    """A database at its temporary path, with the rows and the fingerprint of each table."""

    file: Path
    rows: Mapping[str, int]
    fingerprints: Mapping[str, str]
    facts: Mapping[str, Any]
    """The facts of the file for the manifest."""


def build_database(
    connection: duckdb.DuckDBPyConnection,
    temporary: Path,
    tables: Sequence[PublishedTable],
    measures: Sequence[Measure],
    previous: PreviousPublication | None = None,
) -> PublishedDatabase:
    """Build the published database at `temporary`, flushed to the disk, with rows ascending by key.

    If the database of `previous` is small, or has most of the rows, copy it and replace only the tables that differ.
    """
    # Pseudonyms are in a temporary table, which only the connection itself can read.
    workers = 1 if any(table.has_pseudonyms for table in tables) else PARALLEL_WORKERS
    jobs = [partial(fingerprint_table, table=table) for table in tables]
    results = run_in_parallel(connection, jobs, workers=workers)
    counts = {table.name: rows for table, (rows, _) in zip(tables, results, strict=True)}
    fingerprints = {table.name: fingerprint for table, (_, fingerprint) in zip(tables, results, strict=True)}
    statements = [*(view.statement for view in find_views()), *(measure.statement for measure in measures)]
    made_by = digest_declarations(tables, *map(read_statement, statements))
    kept = _copy_previous(previous, temporary, fingerprints, made_by) if previous else set()
    others = [table for table in tables if table.name not in kept]
    with (
        attached(connection, temporary, "" if kept else f"STORAGE_VERSION '{STORAGE_VERSION}'"),
        _one_thread(connection),
    ):
        with transaction(connection):  # one for all tables: each transaction costs a write to the disk
            for table in others:
                _create_table(connection, table)
        is_large = sum(counts[table.name] for table in others) > MAX_ROWS_IN_PARALLEL
        names = [table.name for table in tables]
        programs = partial(_create_programs, views=find_views(), measures=measures, tables=names)
        fill_jobs = [] if kept else [programs]
        fill_jobs += [partial(_fill_table, table=table) for table in others]
        run_in_parallel(connection, fill_jobs, workers=1 if is_large else workers)
        connection.execute("CHECKPOINT ooo").fetchall()
        written = select_each(connection, [_select_count(table) for table in tables])
        rows = {table.name: count for table, (count,) in zip(tables, written, strict=True)}
    if temporary.with_name(f"{temporary.name}.wal").exists():
        message = f"{temporary} still has a write-ahead log after its checkpoint; copying it would lose rows"
        raise WarehouseError(message)
    flush(temporary)
    facts = {"made_by": made_by, "bytes": temporary.stat().st_size, "sha256": digest(temporary)}
    return PublishedDatabase(temporary, rows, fingerprints, facts)


def fingerprint_table(connection: duckdb.DuckDBPyConnection, table: PublishedTable) -> tuple[int, str]:
    """Return the number of published rows of `table`, and their fingerprint, which ignores their order.

    Rows are hashed twice: with one hash, DuckDB's combination of several values would not detect some swaps of
    values between rows. The hash may differ between DuckDB versions, so the version is part of the digest.
    """
    values = ", ".join(f"{column.name}::{column.sql_type}" for column in table.columns)
    query = f"SELECT count(*), coalesce(sum(hash(hash({values}))), 0) {table.rows()}"
    rows, hashed = connection.execute(query).fetchall()[0]
    return rows, f"{digest_declarations([table])}-{rows}-{hashed}"


def digest_declarations(tables: Sequence[PublishedTable], *statements: str) -> str:
    """Return a short digest of everything that decides how the tables and the macros are written."""
    program = version("calcom-ooo-warehouse")
    texts = (duckdb.__version__, program, *(repr(table.describe()) for table in tables), *statements)
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]


def _copy_previous(
    previous: PreviousPublication, temporary: Path, fingerprints: Mapping[str, str], made_by: str
) -> set[str]:
    """Copy the previous database to `temporary`, and return the names of the tables that need no change.

    Copy nothing and return an empty set if another program has changed the database, or if the copy would be a large
    file that consists mostly of unused pages.
    """
    facts = previous.manifest.get("database", {})
    kept = {name for name, fingerprint in fingerprints.items() if fingerprint == previous.fingerprint(name)}
    rows = {name: facts["rows"] for name, facts in previous.manifest["tables"].items()}
    if not kept or facts.get("made_by") != made_by:
        return set()
    if facts["bytes"] > SMALL_FILE_BYTES and sum(rows[name] for name in kept) * 2 < sum(rows.values()):
        return set()
    try:
        shutil.copyfile(previous.database, temporary)
        if digest(temporary) == facts["sha256"]:
            return kept
    except FileNotFoundError:
        pass
    temporary.unlink(missing_ok=True)
    return set()


@contextlib.contextmanager
def attached(connection: duckdb.DuckDBPyConnection, database: Path, options: str) -> Iterator[None]:
    """Attach `database` as `ooo` for the block, and keep the insertion order of rows within it."""
    query = "SELECT current_database(), current_setting('preserve_insertion_order')"
    own, keeps_order = connection.execute(query).fetchall()[0]
    attachment = f"ATTACH '{quote(database)}' AS ooo"
    connection.execute(f"{attachment} ({options})" if options else attachment).fetchall()
    try:
        connection.execute("SET preserve_insertion_order = true").fetchall()
        yield
    finally:
        connection.execute(f"SET preserve_insertion_order = {keeps_order}").fetchall()
        connection.execute(f'USE "{own}"').fetchall()
        connection.execute("DETACH ooo").fetchall()


@contextlib.contextmanager
def using(connection: duckdb.DuckDBPyConnection, database: Path) -> Iterator[None]:
    """Resolve unqualified names and macros in the published `database` for the block."""
    with attached(connection, database, "READ_ONLY"):
        connection.execute("USE ooo").fetchall()
        yield


@contextlib.contextmanager
def _one_thread(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Use one DuckDB thread for the block.

    Joining and sorting five million days then takes 140 MB; with two threads it takes 200 MB and is no faster.
    """
    threads = connection.execute("SELECT current_setting('threads')").fetchall()[0][0]
    connection.execute("SET threads = 1").fetchall()
    try:
        yield
    finally:
        connection.execute(f"SET threads = {threads}").fetchall()


def _create_table(connection: duckdb.DuckDBPyConnection, table: PublishedTable) -> None:
    columns = define_columns(table.columns)
    connection.execute(f"CREATE OR REPLACE TABLE ooo.main.{table.name} ({columns})").fetchall()


def _fill_table(connection: duckdb.DuckDBPyConnection, table: PublishedTable) -> None:
    """Write the comments and the rows of the table. One comment costs as much as some hundred rows."""
    with transaction(connection):
        connection.execute(_comments(table)).fetchall()
        connection.execute(f"INSERT INTO ooo.main.{table.name} {table.query()}").fetchall()


def _create_programs(
    connection: duckdb.DuckDBPyConnection,
    views: Sequence[View],
    measures: Sequence[Measure],
    tables: Sequence[str],
) -> None:
    """Create the views and the macros, with their comments. The schema `attached` has each macro a second time."""
    with connection.cursor() as own:  # USE then changes no other connection
        own.execute("USE ooo").fetchall()
        with transaction(own):
            for statement in (
                *(view.statement for view in views),
                *(measure.statement for measure in measures),
            ):
                run_statement(own, statement)
            own.execute("CREATE SCHEMA attached").fetchall()
            for measure in measures:
                own.execute(qualify(measure, tables, measures)).fetchall()
            comments = [*map(_comment_view, views), *map(_comment_macro, measures)]
            own.execute("".join(comments)).fetchall()


def _comment_view(view: View) -> str:
    """Return the statements that store the meaning of the view and of its columns as comments."""
    return f"COMMENT ON VIEW {view.name} IS '{quote(view.comment)}';" + "".join(
        f"COMMENT ON COLUMN {view.name}.{column} IS '{quote(meaning)}';"
        for column, meaning in view.columns.items()
    )


def _comment_macro(measure: Measure) -> str:
    """Return the statements that store the meaning of the macro, in both schemas, as comments."""
    return "".join(
        f"COMMENT ON MACRO TABLE {schema}.{measure.name} IS '{quote(measure.comment)}';"
        for schema in ("main", "attached")
    )


def _select_count(table: PublishedTable) -> str:
    return f"SELECT count(*) FROM ooo.main.{table.name}"  # noqa: S608 - a declared name


def _comments(table: PublishedTable) -> str:
    """Return the statements that store the meaning of the table and of its columns as comments."""
    return f"COMMENT ON TABLE ooo.main.{table.name} IS '{quote(table.comment)}';" + "".join(
        f"COMMENT ON COLUMN ooo.main.{table.name}.{column.name} IS '{quote(column.meaning)}';"
        for column in table.columns
    )
