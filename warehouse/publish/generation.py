"""Build one generation: an immutable folder of Parquet files of one instant, and their manifest.

    <id>/<table>.parquet                                   one file per table
    <id>/<table>/year=2026/month=1/<table>.parquet         tables of days again, if partitioned
    <id>/calendars/<feed>.ics                              calendar feeds, see feeds.py
    <id>/manifest.json                                     see docs/publication.md

The folder is built at a temporary path and renamed, so a folder with the name of a generation is complete.
"""

import base64
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import partial
from importlib.metadata import version
from itertools import chain, count
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from landing.files import build_atomically, digest, link, write_json
from warehouse.connection import quote, run_in_parallel, run_statement
from warehouse.load.audit import Audit, audit_counts, audit_keys, raise_if_failed, record_audits
from warehouse.publish.database import PublishedDatabase, attached
from warehouse.publish.feeds import FeedDetail, FeedPolicy, write_feeds
from warehouse.tables import PublishedTable, personal_columns

MANIFEST = "manifest.json"
CALENDARS = "calendars"
"""The folder of the calendar feeds."""
FORMAT = 1
"""The format of the manifest and of current.json. It increases if a field changes or is removed."""


class Layout(StrEnum):
    """How the tables of a generation are divided into files."""

    FLAT = "flat"
    """One file per table."""
    PARTITIONED = "partitioned"
    """One file per table, and tables of days also as folders by year and month."""


@dataclass(frozen=True)
class Generation:
    """A complete generation on the disk."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The name of the generation, which is that of its folder."""
        return self.folder.name

    def flat_files(self) -> list[str]:
        """Return the names of the files that each hold a whole table."""
        return [facts["file"] for facts in self.manifest["tables"].values()]

    def feeds(self) -> list[str]:
        """Return the names of the calendar feeds, which are in the folder `calendars`."""
        return [facts["file"].removeprefix(f"{CALENDARS}/") for facts in self.manifest.get("calendars", [])]

    def files_of(self, table: str) -> list[Mapping[str, Any]]:
        """Return the facts of the files that make up the table: its partitions, or its only file."""
        facts = self.manifest["tables"][table]
        files: list[Mapping[str, Any]] = facts.get("partitions") or [facts]
        return files


def build_generation(  # noqa: PLR0913 - one generation's facts
    connection: duckdb.DuckDBPyConnection,
    database: PublishedDatabase,
    folder: Path,
    tables: Sequence[PublishedTable],
    *,
    run_id: str,
    published_at: datetime,
    layout: Layout,
    notes: str,
    feeds: FeedPolicy,
    previous: Generation | None = None,
) -> tuple[Generation, tuple[Audit, ...]]:
    """Build a new generation in `folder` from the published database, and return it with its audits.

    The audits are recorded; raise `AuditError` if one fails. A table with the same fingerprint as in the
    `previous` generation consists of links to the files of that one.
    """
    final = _free_name(folder / run_id)
    with build_atomically(final) as temporary:
        temporary.mkdir()
        with attached(connection, database.file, "READ_ONLY"):
            described = _write_tables(
                connection,
                database,
                temporary,
                tables,
                layout=layout,
                today=published_at.date(),
                previous=previous,
            )
            calendars = _write_feeds(connection, temporary, tables, feeds, published_at.date())
            counted = audit_counts(dict(database.rows), _rows_written(described, database.rows))
            audits = (*audit_keys(connection, tables), counted)
        record_audits(connection, audits, run_id=run_id, checked_at=published_at)
        raise_if_failed(audits)
        manifest = {
            "format": FORMAT,
            "package_version": version("calcom-ooo-warehouse"),
            "generation": final.name,
            "run_id": run_id,
            "published_at": _format_instant(published_at),
            **_describe_freshness(connection),
            "layout": layout.value,
            "notes": notes,
            # Retention compares them with those of the newest generation, see targets.py.
            "personal_columns": personal_columns(tables),
            "database": dict(database.facts),
            "tables": described,
            "calendars": calendars,
        }
        write_json(temporary / MANIFEST, manifest)
    return Generation(final, manifest), audits


def _describe_freshness(connection: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Return the instant of the latest snapshot per organization, and the ids of the stale organizations."""
    rows = run_statement(connection, "publish/sql/select_data_as_of")
    snapshots = {str(own): _format_instant(observed_at) for own, observed_at, _ in rows if observed_at}
    return {"data_as_of": snapshots, "stale_organizations": [own for own, _, is_stale in rows if is_stale]}


def _write_tables(  # noqa: PLR0913 - one generation's facts
    connection: duckdb.DuckDBPyConnection,
    database: PublishedDatabase,
    folder: Path,
    tables: Sequence[PublishedTable],
    *,
    layout: Layout,
    today: date,
    previous: Generation | None,
) -> dict[str, dict[str, Any]]:
    """Write or link the files of every table, and return the facts per table for the manifest."""
    # The largest first, so that one worker is not left with a large table while the other one is idle.
    ordered = sorted(tables, key=lambda table: database.rows[table.name] * len(table.columns), reverse=True)
    jobs = [
        partial(_provide_table, folder, table, database.fingerprints[table.name], layout, today, previous)
        for table in ordered
    ]
    facts = dict(zip((table.name for table in ordered), run_in_parallel(connection, jobs), strict=True))
    described = {table.name: facts[table.name] for table in tables}
    _count_rows(connection, folder, described)
    return described


def _write_feeds(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    tables: Sequence[PublishedTable],
    feeds: FeedPolicy,
    today: date,
) -> list[dict[str, Any]]:
    """Write the calendar feeds, and return their facts for the manifest. Without published names there are none."""
    if feeds.detail is FeedDetail.OFF or any(table.is_pseudonymised for table in tables):
        return []
    names = write_feeds(connection, folder / CALENDARS, feeds, today)
    paths = [folder / CALENDARS / name for name in names]
    return [
        {"file": f"{CALENDARS}/{path.name}", "bytes": path.stat().st_size, "sha256": digest(path)}
        for path in paths
    ]


def _free_name(folder: Path) -> Path:
    """Return `folder`, or a numbered name if it exists: a run that publishes again keeps its first generation."""
    numbered = (folder.with_name(f"{folder.name}-{number}") for number in count(2))
    return next(path for path in chain([folder], numbered) if not path.exists())


def _provide_table(  # noqa: PLR0913, PLR0917 - one table's facts
    folder: Path,
    table: PublishedTable,
    fingerprint: str,
    layout: Layout,
    today: date,
    previous: Generation | None,
    connection: duckdb.DuckDBPyConnection,
) -> dict[str, Any]:
    """Link or write the files of the table, and return its facts for the manifest."""
    if previous and (linked := _link_table(previous, folder, table.name, fingerprint, layout)):
        return linked
    facts = _export_table(connection, folder, table) | {"contents": fingerprint}
    if layout is Layout.PARTITIONED and (column := table.month_column):
        partitions = _export_months(connection, folder, table, column, today)
        facts |= {"partitioned_by": ["year", "month"], "partitions": partitions}
    return facts


def _link_table(
    previous: Generation, folder: Path, table: str, fingerprint: str, layout: Layout
) -> dict[str, Any] | None:
    """Link the files of the table from the previous generation, and return their facts.

    Return None, and leave no link, if the rows or the layout differ, or if a file has other permissions or was
    damaged or removed.
    """
    facts: dict[str, Any] = previous.manifest["tables"].get(table, {})
    if facts.get("contents") != fingerprint or previous.manifest["layout"] != layout.value:
        return None
    mode = folder.stat().st_mode & 0o666
    paths = {folder / file["file"]: file["sha256"] for file in [facts, *facts.get("partitions", [])]}
    with contextlib.suppress(FileNotFoundError):
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            link(previous.folder / path.relative_to(folder), path)
        if all(path.stat().st_mode & 0o777 == mode and digest(path) == paths[path] for path in paths):
            return facts
    for path in paths:
        path.unlink(missing_ok=True)
    return None


def _export_table(
    connection: duckdb.DuckDBPyConnection, folder: Path, table: PublishedTable
) -> dict[str, Any]:
    schema = _encode_schema(connection, table)
    facts = _export(connection, folder, f"{table.name}.parquet", _select(table), schema)
    columns = [
        {"name": column.name, "type": column.sql_type, "nullable": column.is_nullable}
        for column in table.columns
    ]
    return facts | {"key": list(table.key), "columns": columns}


def _export_months(
    connection: duckdb.DuckDBPyConnection, folder: Path, table: PublishedTable, column: str, today: date
) -> list[dict[str, Any]]:
    """Write one file per month that has rows. Without rows, write one empty file, so that a pattern matches.

    Each month is a COPY of its own: COPY's PARTITION_BY holds all months in memory and does not keep the order.
    """
    query = (
        f"SELECT DISTINCT year({column}), month({column})"  # noqa: S608 - declared names
        f" FROM ooo.main.{table.name} ORDER BY ALL"
    )
    months = connection.execute(query).fetchall() or [(today.year, today.month)]
    schema = _encode_schema(connection, table)
    described = []
    for year, month in months:
        name = f"{table.name}/year={year}/month={month}/{table.name}.parquet"
        first, following = date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)
        selection = f"{_select(table)} WHERE {column} >= DATE '{first}' AND {column} < DATE '{following}'"
        described.append(
            _export(connection, folder, name, selection, schema) | {"year": year, "month": month}
        )
    return described


def _select(table: PublishedTable) -> str:
    return f"SELECT {table.column_list()} FROM ooo.main.{table.name}"  # noqa: S608 - declared names


def _encode_schema(connection: duckdb.DuckDBPyConnection, table: PublishedTable) -> str:
    """Return the Arrow schema of the table, with the meaning of each column, as Parquet files store it.

    Programs that read Parquet with Arrow apply it: `pyarrow.parquet.read_schema(path).field(name).metadata`.
    """
    schema: pa.Schema = connection.sql(f"{_select(table)} LIMIT 0").to_arrow_table().schema
    meanings = [{"description": column.meaning} for column in table.columns]
    fields = [field.with_metadata(meaning) for field, meaning in zip(schema, meanings, strict=True)]
    described = pa.schema(fields, metadata={"description": table.comment})
    return base64.b64encode(described.serialize().to_pybytes()).decode()


def _export(
    connection: duckdb.DuckDBPyConnection, folder: Path, name: str, selection: str, schema: str
) -> dict[str, Any]:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    options = (
        f"FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, KV_METADATA {{'ARROW:schema': '{schema}'}}"
    )
    connection.execute(f"COPY ({selection}) TO '{quote(path)}' ({options})").fetchall()
    return {"file": name, "bytes": path.stat().st_size, "sha256": digest(path)}


def _count_rows(
    connection: duckdb.DuckDBPyConnection, folder: Path, described: Mapping[str, dict[str, Any]]
) -> None:
    """Add to the facts of each file the number of rows that its Parquet footer declares."""
    written = [file for facts in described.values() for file in (facts, *facts.get("partitions", ()))]
    paths = [str(folder / file["file"]) for file in written]
    query = "SELECT file_name, num_rows FROM parquet_file_metadata($paths)"
    rows = dict(connection.execute(query, {"paths": paths}).fetchall())
    for file, path in zip(written, paths, strict=True):
        file["rows"] = rows[path]


def _rows_written(described: Mapping[str, Mapping[str, Any]], expected: Mapping[str, int]) -> dict[str, int]:
    """Return the rows per table in its file and in its partitions; if one differs from `expected`, that one."""
    written = {}
    for name, facts in described.items():
        counts = (facts["rows"], sum(file["rows"] for file in facts.get("partitions", [facts])))
        written[name] = next((rows for rows in counts if rows != expected[name]), expected[name])
    return written


def _format_instant(instant: datetime) -> str:
    return f"{instant.isoformat(timespec='seconds')}Z"
