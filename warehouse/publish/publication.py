"""Publication: what readers get, built aside, checked, and renamed into place.

Nobody reads the warehouse file: DuckDB lets one writer or many readers at it, and analysts keep files
open all day. Readers get `ooo.duckdb` and `exports/`, on the disk and, if a URL is set, in object storage
(`warehouse/places.py` draws them); each name is replaced at once, so a reader that has a file open keeps
the version it opened. A kill leaves at most things with a leading dot, which no reader looks at and the
next run removes.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from landing.errors import ObjectStoreError
from warehouse.connection import explain
from warehouse.errors import WarehouseError
from warehouse.load.findings import Audit
from warehouse.publish.database import PreviousPublication, build_database
from warehouse.publish.generation import Generation, Layout, build_generation
from warehouse.publish.measures import Measure
from warehouse.publish.targets import DiskTarget, ObjectStoreTarget, PublishTarget, make_pointer
from warehouse.tables import PublishedTable


@dataclass(frozen=True)
class PublicationPolicy:
    """How to publish: the same every night, until somebody changes a setting."""

    layout: Layout = Layout.FLAT
    keep_generations: int = 5
    has_delta: bool = False
    """Delta Lake tables too."""
    url: str | None = None
    """Where in object storage, too."""
    notes: str = "core"
    """What becomes of notes, for the manifest; whether they are published the tables say."""
    reuses: bool = True
    """What did not change is taken from the last generation. Not after an erasure: every byte is new then."""


@dataclass(frozen=True)
class Publication:
    """What has been published: the generation's name, when, each table's rows, and its own audits."""

    generation: str
    published_at: datetime
    rows: dict[str, int]
    database: Path
    parquet_folder: Path
    audits: tuple[Audit, ...] = ()


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
    """Readers see the tables of `marts` as they are now, whole, first on the disk, then at the URL.

    `WarehouseError` if the disk refuses, `AuditError` if a key is there twice or the files differ in their
    rows: the last publication stands. `ObjectStoreError` if the store does: there the last one stands, on
    the disk this one.
    """
    policy = policy or PublicationPolicy()
    with _naming(data_dir):
        disk = DiskTarget(data_dir)
        last = disk.last_generation() if policy.reuses else None
        former = PreviousPublication(disk.database, last.manifest) if last else None
        reader = build_database(connection, disk.database_aside, tables, measures, former)
        generation, audits = build_generation(
            connection,
            reader,
            disk.generations,
            tables,
            run_id=run_id,
            published_at=published_at,
            layout=policy.layout,
            notes=policy.notes,
            last=last,
        )
        _release(disk, generation, tables, policy)
    if policy.url:
        with _keeping_local(generation):
            _release(ObjectStoreTarget(disk, policy.url), generation, tables, policy)
    return Publication(generation.name, published_at, dict(reader.rows), disk.database, disk.current, audits)


def _release(
    place: PublishTarget, generation: Generation, tables: Sequence[PublishedTable], policy: PublicationPolicy
) -> None:
    """Readers at `place` get the generation; line by line, the pointer last."""
    place.take_generation(generation)
    versions = None
    if policy.has_delta:
        from warehouse.publish.delta import commit_delta  # noqa: PLC0415 - an extra that may not be installed

        versions = commit_delta(place, generation, tables)
    place.replace_database()
    place.replace_current(generation)
    former = place.read_pointer()
    place.write_pointer(make_pointer(generation, versions))
    place.remove_generations(generation.name, policy.keep_generations, former=former)
    place.remove_delta_tables(besides=versions or ())


@contextlib.contextmanager
def _keeping_local(generation: Generation) -> Iterator[None]:
    try:
        yield
    except (WarehouseError, ObjectStoreError) as error:
        message = f"generation {generation.name} is published on the disk, but not at the URL: {error}"
        raise ObjectStoreError(message) from error


@contextlib.contextmanager
def _naming(data_dir: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, duckdb.Error) as error:
        message = (
            f"can't publish under {data_dir}: {explain(error)}; the last publication stands. Free space"
            " or correct the permissions, then run again"
        )
        raise WarehouseError(message) from error
