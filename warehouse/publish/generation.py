"""One generation: an immutable folder of Parquet files, all of one instant, and their manifest.

    <id>/<table>.parquet                                   every table, one file each
    <id>/<table>/year=2026/month=1/<table>.parquet         tables of days again, if partitioned
    <id>/manifest.json                                     see docs/publication.md

Written aside and renamed, so a folder with a generation's name is whole.
"""

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

from landing.files import TEMPORARY_PREFIX, digest, flush, link, replace, write_json
from warehouse.connection import run_in_parallel, run_statement
from warehouse.load.audit import audit_counts, audit_keys, raise_if_failed
from warehouse.load.findings import Audit
from warehouse.publish.database import PublishedDatabase, attached, quoted
from warehouse.tables import PublishedTable, personal_columns

MANIFEST = "manifest.json"
FORMAT = 1
"""Of the manifest and of current.json: raised when a field changes or goes, not when one comes."""


class Layout(StrEnum):
    """How a generation's tables are cut into files."""

    FLAT = "flat"
    """One file a table."""
    PARTITIONED = "partitioned"
    """The same, and tables of days as folders by year and month too."""


@dataclass(frozen=True)
class Generation:
    """A whole generation on the disk, by its manifest."""

    folder: Path
    manifest: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The generation's name, which is its folder's."""
        return self.folder.name

    def flat_files(self) -> list[str]:
        """Every table's one file."""
        return [facts["file"] for facts in self.manifest["tables"].values()]

    def files_of(self, table: str) -> list[Mapping[str, Any]]:
        """The facts of the files that make up the table: its partitions, or the one file."""
        facts = self.manifest["tables"][table]
        found: list[Mapping[str, Any]] = facts.get("partitions") or [facts]
        return found


def build_generation(  # noqa: PLR0913 - one generation's facts
    connection: duckdb.DuckDBPyConnection,
    reader: PublishedDatabase,
    folder: Path,
    tables: Sequence[PublishedTable],
    *,
    run_id: str,
    published_at: datetime,
    layout: Layout,
    notes: str,
    last: Generation | None = None,
) -> tuple[Generation, tuple[Audit, ...]]:
    """A new generation in `folder`, from the readers' database, and its audits; `AuditError` if one fails.

    A table that holds what it held in the `last` one has that one's files, by links.
    """
    final = _free_name(folder / run_id)
    aside = final.with_name(f"{TEMPORARY_PREFIX}{final.name}")
    aside.mkdir()
    with attached(connection, reader.file, "READ_ONLY"):
        # The largest first, so that no lane is left with one when the other has nothing more to do.
        ordered = sorted(tables, key=lambda one: reader.rows[one.name] * len(one.columns), reverse=True)
        jobs = [
            partial(_provide_table, aside, table, reader.contents[table.name], layout, published_at, last)
            for table in ordered
        ]
        provided = {
            table.name: facts for table, facts in zip(ordered, run_in_parallel(connection, jobs), strict=True)
        }
        described = {table.name: provided[table.name] for table in tables}
        _count_rows(connection, aside, described)
        counted = audit_counts(dict(reader.rows), _rows_written(described, reader.rows))
        audits = (*audit_keys(connection, tables), counted)
    raise_if_failed(audits)
    manifest = {
        "format": FORMAT,
        "package_version": version("calcom-ooo-warehouse"),
        "generation": final.name,
        "run_id": run_id,
        "published_at": _stamp(published_at),
        "data_as_of": {
            str(organization_id): _stamp(observed_at)
            for organization_id, observed_at in run_statement(connection, "publish/sql/select_data_as_of")
        },
        "layout": layout.value,
        "notes": notes,
        # Of what tells who someone is, all that is shown; see `telling`.
        "personal_columns": personal_columns(tables),
        "database": dict(reader.facts),
        "tables": described,
    }
    for path in aside.rglob("*/"):
        flush(path)
    write_json(aside / MANIFEST, manifest)
    replace(aside, final)
    return Generation(final, manifest), audits


def superseded(names: Sequence[str], newest: str, keep: int, *, former: str | None = None) -> list[str]:
    """Those of `names` to remove: all but `keep`, that is the newest, `former` and the latest of the others.

    `former` is what readers were sent to until now, so some are in the middle of it. It need not be the last
    but one: publications that were killed leave generations that nobody was ever sent to.
    """
    others = sorted((name for name in names if name != newest), key=lambda name: (name == former, name))
    return others[: max(len(others) - max(keep - 1, 0), 0)]


def telling(shown: Mapping[str, Sequence[str] | None], newest: str) -> set[str]:
    """The generations that show a personal column which the newest does not: notes, say, no longer published.

    `shown` has each generation's `personal_columns`; one that doesn't say shows more than any other.
    """
    known = {name: None if columns is None else set(columns) for name, columns in shown.items()}
    allowed = known.get(newest) or set()
    return {
        name
        for name, columns in known.items()
        if name != newest and (columns is None or not columns <= allowed)
    }


def _free_name(folder: Path) -> Path:
    """`folder`, or numbered if it exists: a run that publishes again leaves its first one alone."""
    numbered = (folder.with_name(f"{folder.name}-{number}") for number in count(2))
    return next(path for path in chain([folder], numbered) if not path.exists())


def _provide_table(  # noqa: PLR0913, PLR0917 - one table's facts
    folder: Path,
    table: PublishedTable,
    contents: str,
    layout: Layout,
    published_at: datetime,
    last: Generation | None,
    connection: duckdb.DuckDBPyConnection,
) -> dict[str, Any]:
    """The table's files are in the folder; what the manifest says of them."""
    if last and (linked := _link_table(last, folder, table.name, contents, layout)):
        return linked
    facts = _export_table(connection, folder, table) | {"contents": contents}
    if layout is Layout.PARTITIONED and (column := table.month_column):
        partitions = _export_months(connection, folder, table, column, published_at.date())
        facts |= {"partitioned_by": ["year", "month"], "partitions": partitions}
    return facts


def _link_table(
    last: Generation, folder: Path, table: str, contents: str, layout: Layout
) -> dict[str, Any] | None:
    """The last generation's files of the table are in the folder too, if they are what they have to be.

    None, and none of them, if they hold something else, are for other eyes, or were damaged meanwhile.
    """
    facts: dict[str, Any] = last.manifest["tables"].get(table, {})
    if facts.get("contents") != contents or last.manifest["layout"] != layout.value:
        return None
    mode = folder.stat().st_mode & 0o666
    paths = {folder / one["file"]: one["sha256"] for one in [facts, *facts.get("partitions", [])]}
    with contextlib.suppress(FileNotFoundError):
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            link(last.folder / path.relative_to(folder), path)
        if all(path.stat().st_mode & 0o777 == mode and digest(path) == paths[path] for path in paths):
            return facts
    for path in paths:
        path.unlink(missing_ok=True)
    return None


def _export_table(
    connection: duckdb.DuckDBPyConnection, folder: Path, table: PublishedTable
) -> dict[str, Any]:
    facts = _export(connection, folder, f"{table.name}.parquet", _select(table))
    columns = [
        {"name": column.name, "type": column.sql_type, "nullable": column.is_nullable}
        for column in table.columns
    ]
    return facts | {"key": list(table.key), "columns": columns}


def _export_months(
    connection: duckdb.DuckDBPyConnection, folder: Path, table: PublishedTable, column: str, today: date
) -> list[dict[str, Any]]:
    """A file for every month that has rows; without any, one file without rows, for readers of a pattern.

    A COPY a month, not COPY's own PARTITION_BY: that one holds every month in memory and mixes the rows.
    """
    query = f"SELECT DISTINCT year({column}), month({column}) FROM reader.main.{table.name} ORDER BY ALL"  # noqa: S608
    months = connection.execute(query).fetchall() or [(today.year, today.month)]
    described = []
    for year, month in months:
        name = f"{table.name}/year={year}/month={month}/{table.name}.parquet"
        first, following = date(year, month, 1), date(year + month // 12, month % 12 + 1, 1)
        selection = f"{_select(table)} WHERE {column} >= DATE '{first}' AND {column} < DATE '{following}'"
        described.append(_export(connection, folder, name, selection) | {"year": year, "month": month})
    return described


def _select(table: PublishedTable) -> str:
    return f"SELECT {table.column_list()} FROM reader.main.{table.name}"  # noqa: S608 - declared names


def _export(connection: duckdb.DuckDBPyConnection, folder: Path, name: str, selection: str) -> dict[str, Any]:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(
        f"COPY ({selection}) TO '{quoted(path)}' (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1)"
    ).fetchall()
    flush(path)
    return {"file": name, "bytes": path.stat().st_size, "sha256": digest(path)}


def _count_rows(
    connection: duckdb.DuckDBPyConnection, folder: Path, described: Mapping[str, dict[str, Any]]
) -> None:
    """What is said of each file tells its rows, as the file itself does."""
    written = [one for facts in described.values() for one in (facts, *facts.get("partitions", ()))]
    paths = [str(folder / one["file"]) for one in written]
    query = "SELECT file_name, num_rows FROM parquet_file_metadata($paths)"
    rows = dict(connection.execute(query, {"paths": paths}).fetchall())
    for one, path in zip(written, paths, strict=True):
        one["rows"] = rows[path]


def _rows_written(described: Mapping[str, Mapping[str, Any]], rows: Mapping[str, int]) -> dict[str, int]:
    """Each table's rows in its file and in its partitions; where they differ from `rows`, what differs."""
    written = {}
    for name, facts in described.items():
        counts = (facts["rows"], sum(one["rows"] for one in facts.get("partitions", [facts])))
        written[name] = next((found for found in counts if found != rows[name]), rows[name])
    return written


def _stamp(instant: datetime) -> str:
    return f"{instant.isoformat(timespec='seconds')}Z"
