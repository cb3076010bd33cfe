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
    select_each,
    transaction,
)
from warehouse.errors import WarehouseError
from warehouse.publish.measures import Measure, qualify
from warehouse.publish.views import View, find_views
from warehouse.tables import PublishedTable, define_columns

STORAGE_VERSION = "v1.0.0"
"""Every DuckDB since 1.0 reads this version. BI tools embed DuckDB 1.x, which cannot read the format of 2.0."""

MAX_ROWS_IN_PARALLEL = 1_000_000
"""Up to this number of rows in all, two tables are sorted at a time; beyond it, one, to bound the memory."""


@dataclass(frozen=True)
class PreviousPublication:
    """The previous publication: its database, and the manifest of its generation."""

    database: Path
    manifest: Mapping[str, Any]

    def fingerprint(self, table: str) -> str | None:
        """Return the fingerprint of the table; None if it was not published, or without a fingerprint."""
        fingerprint: str | None = self.manifest["tables"].get(table, {}).get("contents")
        return fingerprint

    def is_usable(self, made_by: str) -> bool:
        """Return True if the database has the declarations of `made_by`, and no other program has changed it."""
        facts = self.manifest.get("database", {})
        try:
            return bool(facts.get("made_by") == made_by and digest(self.database) == facts["sha256"])
        except FileNotFoundError:
            return False


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

    If most rows are those of `previous`, copy its database and replace only the tables that differ. Otherwise copy
    only its declarations, because creating all views and macros takes 40 times as long.
    """
    # Pseudonyms are in a temporary table, which only the connection itself can read.
    workers = 1 if any(table.has_pseudonyms for table in tables) else PARALLEL_WORKERS
    jobs = [partial(fingerprint_table, table=table) for table in tables]
    results = run_in_parallel(connection, jobs, workers=workers)
    counts = {table.name: rows for table, (rows, _) in zip(tables, results, strict=True)}
    fingerprints = {table.name: fingerprint for table, (_, fingerprint) in zip(tables, results, strict=True)}
    statements = [*(view.statement for view in find_views()), *(measure.statement for measure in measures)]
    made_by = digest_declarations(tables, *map(read_statement, statements))
    base = previous if previous and previous.is_usable(made_by) else None
    kept = _copy_base(base, temporary, fingerprints, counts) if base else set()
    others = [table for table in tables if table.name not in kept]
    with (
        attached(connection, temporary, "" if kept else f"STORAGE_VERSION '{STORAGE_VERSION}'"),
        _one_thread(connection),
    ):
        if base and not kept:
            _copy_declarations(connection, base)
        else:
            _create_tables(connection, others)
        if not base:
            _create_programs(connection, tables, measures)
        is_large = sum(counts[table.name] for table in others) > MAX_ROWS_IN_PARALLEL
        fill_jobs = [partial(_fill_table, table=table) for table in others]
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


def _copy_base(
    base: PreviousPublication, temporary: Path, fingerprints: Mapping[str, str], counts: Mapping[str, int]
) -> set[str]:
    """Copy the database of `base` to `temporary`, and return the names of the tables that need no change.

    Copy nothing and return an empty set if the copy would consist mostly of unused pages.
    """
    kept = {name for name, fingerprint in fingerprints.items() if fingerprint == base.fingerprint(name)}
    if not kept or sum(counts[name] for name in kept) * 2 < sum(counts.values()):
        return set()
    shutil.copyfile(base.database, temporary)
    return kept


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


def _copy_declarations(connection: duckdb.DuckDBPyConnection, base: PreviousPublication) -> None:
    """Create the tables, views and macros of `base`, with their comments and without rows."""
    connection.execute(f"ATTACH '{quote(base.database)}' AS base (READ_ONLY)").fetchall()
    try:
        connection.execute("COPY FROM DATABASE base TO ooo (SCHEMA)").fetchall()
    finally:
        connection.execute("DETACH base").fetchall()


def _create_tables(connection: duckdb.DuckDBPyConnection, tables: Sequence[PublishedTable]) -> None:
    """Create the tables with their comments, in one transaction, because each one costs a write to the disk."""
    with transaction(connection):
        for table in tables:
            columns = define_columns(table.columns)
            statement = f"CREATE OR REPLACE TABLE ooo.main.{table.name} ({columns}); {_comments(table)}"
            connection.execute(statement).fetchall()


def _fill_table(connection: duckdb.DuckDBPyConnection, table: PublishedTable) -> None:
    connection.execute(f"INSERT INTO ooo.main.{table.name} {table.query()}").fetchall()


def _create_programs(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[PublishedTable], measures: Sequence[Measure]
) -> None:
    """Create the views and the macros, with their comments. The schema `attached` has each macro a second time."""
    views, names = find_views(), [table.name for table in tables]
    main = [
        *(read_statement(view.statement) for view in views),
        *(read_statement(measure.statement) for measure in measures),
        *map(_comment_view, views),
        *(_comment_macro(measure, "main") for measure in measures),
    ]
    copies = [
        "CREATE SCHEMA attached",
        *(qualify(measure, names, measures) for measure in measures),
        *(_comment_macro(measure, "attached") for measure in measures),
    ]
    run_in_parallel(connection, [partial(_run_in_ooo, statements=each) for each in (main, copies)])


def _run_in_ooo(connection: duckdb.DuckDBPyConnection, statements: Sequence[str]) -> None:
    """Run the statements in one transaction, with `ooo` as the current database."""
    with connection.cursor() as own:  # USE then changes no other connection
        own.execute("USE ooo").fetchall()
        with transaction(own):
            for statement in statements:
                own.execute(statement).fetchall()


def _comment_view(view: View) -> str:
    """Return the statements that store the meaning of the view and of its columns as comments."""
    return f"COMMENT ON VIEW {view.name} IS '{quote(view.comment)}';" + "".join(
        f"COMMENT ON COLUMN {view.name}.{column} IS '{quote(meaning)}';"
        for column, meaning in view.columns.items()
    )


def _comment_macro(measure: Measure, schema: str) -> str:
    """Return the statement that stores the meaning of the macro in the schema as a comment."""
    return f"COMMENT ON MACRO TABLE {schema}.{measure.name} IS '{quote(measure.comment)}'"


def _select_count(table: PublishedTable) -> str:
    return f"SELECT count(*) FROM ooo.main.{table.name}"  # noqa: S608 - a declared name


def _comments(table: PublishedTable) -> str:
    """Return the statements that store the meaning of the table and of its columns as comments."""
    return f"COMMENT ON TABLE ooo.main.{table.name} IS '{quote(table.comment)}';" + "".join(
        f"COMMENT ON COLUMN ooo.main.{table.name}.{column.name} IS '{quote(column.meaning)}';"
        for column in table.columns
    )
