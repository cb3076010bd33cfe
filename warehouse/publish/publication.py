"""Publish the marts: build the files at temporary paths, check them, and rename them.

No other program reads the warehouse file: DuckDB opens it for one writer or for several readers, and analysts
keep files open all day. They read `ooo.duckdb` and `exports/` on the disk and, if a URL is set, the same files in
object storage (`warehouse/publish/targets.py` describes them). Each name is replaced by one rename, so a program
that has a file open keeps the version that it opened. A killed publication leaves only temporary files, which the
next run removes.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl

from landing.errors import ObjectStoreError
from warehouse.connection import explain
from warehouse.errors import WarehouseError
from warehouse.load.audit import Audit
from warehouse.publish.database import PreviousPublication, build_database
from warehouse.publish.feeds import FeedPolicy
from warehouse.publish.generation import Generation, Layout, build_generation
from warehouse.publish.measures import Measure
from warehouse.publish.targets import DiskTarget, ObjectStoreTarget, PublishTarget, make_pointer
from warehouse.tables import PublishedTable

AssignPseudonyms = Callable[[pl.DataFrame], pl.DataFrame]
"""Add the column `pseudonym` to a frame of one row per person: `organization_id`, `user_id`."""


@dataclass(frozen=True)
class PublicationPolicy:
    """The settings of a publication."""

    layout: Layout = Layout.FLAT
    keep_generations: int = 5
    has_delta: bool = False
    """Write Delta Lake tables too."""
    url: str | None = None
    """The URL in object storage to which the publication is copied, if any."""
    notes: str = "core"
    """The setting for notes, for the manifest. The tables decide whether notes are published."""
    feeds: FeedPolicy = field(default_factory=FeedPolicy)
    """The calendar feeds. Without published names there are none."""
    reuses: bool = True
    """Take unchanged tables from the previous generation. Not after an erasure, which writes every byte again."""


@dataclass(frozen=True)
class Publication:
    """A finished publication: the name of the generation, the rows per table, and its own audits."""

    generation: str
    published_at: datetime
    rows: dict[str, int]
    database: Path
    parquet_folder: Path
    audits: tuple[Audit, ...] = ()


def create_pseudonyms(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[PublishedTable], assign: AssignPseudonyms
) -> None:
    """Assign a pseudonym to every person whose id a pseudonymised table holds, in the table `pseudonyms`.

    The table is temporary and private to the connection: no file ever holds a user id beside its pseudonym.
    """
    selects = [
        f"SELECT organization_id, {column.name} AS user_id FROM marts.{table.name}"  # noqa: S608 - declared names
        f" WHERE {column.name} IS NOT NULL"
        for table in tables
        for column in table.columns
        if table.shown_as(column) == "pseudonym"
    ]
    people = connection.sql(f"{' UNION '.join(selects)} ORDER BY ALL").pl()
    connection.register("assigned_pseudonyms", assign(people))
    try:
        connection.execute("CREATE OR REPLACE TEMP TABLE pseudonyms AS FROM assigned_pseudonyms").fetchall()
    finally:
        connection.unregister("assigned_pseudonyms")


def publish(  # noqa: PLR0913 - one publication's facts
    connection: duckdb.DuckDBPyConnection,
    data_dir: Path,
    tables: Sequence[PublishedTable],
    measures: Sequence[Measure],
    *,
    run_id: str,
    published_at: datetime,
    policy: PublicationPolicy | None = None,
) -> Publication:
    """Publish the tables of `marts` as one generation, first on the disk, then at the URL of the policy.

    The audits of keys and row counts are recorded. Raise `WarehouseError` if the disk refuses, and `AuditError` if
    an audit fails: the last publication then stands. Raise `ObjectStoreError` if the store refuses: the last
    publication then stands there, and the new one on the disk.
    """
    policy = policy or PublicationPolicy()
    with _explaining_disk(data_dir):
        disk = DiskTarget(data_dir)
        previous = disk.last_generation() if policy.reuses else None
        database = build_database(
            connection,
            disk.temporary_database,
            tables,
            measures,
            PreviousPublication(disk.database, previous.manifest) if previous else None,
        )
        generation, audits = build_generation(
            connection,
            database,
            disk.generations,
            tables,
            run_id=run_id,
            published_at=published_at,
            layout=policy.layout,
            notes=policy.notes,
            feeds=policy.feeds,
            previous=previous,
        )
        _release(disk, generation, tables, policy)
    if policy.url:
        with _explaining_partial_release(generation):
            _release(ObjectStoreTarget(disk, policy.url), generation, tables, policy)
    return Publication(
        generation.name, published_at, dict(database.rows), disk.database, disk.current, audits
    )


def _release(
    target: PublishTarget, generation: Generation, tables: Sequence[PublishedTable], policy: PublicationPolicy
) -> None:
    """Publish the generation at `target`: its files first, then `current.json`, then remove old generations."""
    target.take_generation(generation)
    versions = None
    if policy.has_delta:
        from warehouse.publish.delta import commit_delta  # noqa: PLC0415 - an extra that may not be installed

        versions = commit_delta(target, generation, tables)
    target.replace_database()
    target.replace_current(generation)
    target.replace_calendars(generation)
    former = target.read_pointer()
    target.write_pointer(make_pointer(generation, versions))
    target.remove_generations(generation.name, policy.keep_generations, former=former)
    target.remove_delta_tables(besides=versions or ())


@contextlib.contextmanager
def _explaining_partial_release(generation: Generation) -> Iterator[None]:
    try:
        yield
    except (WarehouseError, ObjectStoreError) as error:
        message = f"generation {generation.name} is published on the disk, but not at the URL: {error}"
        raise ObjectStoreError(message) from error


@contextlib.contextmanager
def _explaining_disk(data_dir: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, duckdb.Error) as error:
        message = (
            f"can't publish under {data_dir}: {explain(error)}; the last publication stands. Free space,"
            " correct the permissions, or remove a folder that has the name of a file, then run again"
        )
        raise WarehouseError(message) from error
