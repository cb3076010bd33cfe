"""Publication: what readers get, built aside, checked, and renamed into place.

Nobody reads the warehouse file: DuckDB lets one writer or many readers at it, and analysts keep files
open all day. Readers get `ooo.duckdb` and `exports/current/*.parquet`, each replaced by a rename, so a
reader that has one open keeps the version it opened. At every instant each name leads to a whole file.
`exports/current.json`, written last, names the generation whose files are all of one instant.

    exports/generations/<id>/<table>.parquet   immutable, with manifest.json
    exports/current/<table>.parquet            hard links to the newest generation
    exports/current.json                       the newest generation's name and manifest

A kill leaves at most things with a leading dot, which no reader looks at and the next run removes.
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, count
from pathlib import Path
from typing import Any

import duckdb

from warehouse.audit import audit_counts, audit_keys, raise_if_failed
from warehouse.connection import ASIDE, explain, run_statement
from warehouse.errors import WarehouseError
from warehouse.findings import Audit
from warehouse.measures import Measure
from warehouse.tables import PublishedTable

READER_STORAGE_VERSION = "v1.0.0"
"""DuckDB 2.0's own can't be read by 1.x, which today's BI tools embed; this one can, by all since 1.0."""


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
    keep_generations: int = 5,
) -> Publication:
    """Readers see the tables of `marts` as they are now, whole.

    Raises `WarehouseError` if the disk refuses, and `AuditError`, before anything is renamed, if a key is
    there twice or the files differ in their rows.
    """
    exports = data_dir / "exports"
    database = data_dir / "ooo.duckdb"
    with _naming(data_dir):
        (exports / "generations").mkdir(parents=True, exist_ok=True)
        (exports / "current").mkdir(exist_ok=True)
        remove_leftovers(data_dir)
        rows = _build_database(connection, data_dir / f"{ASIDE}ooo.duckdb", tables, measures)
        generation, audits = _build_generation(
            connection, exports, tables, rows, run_id=run_id, published_at=published_at
        )
        # A reader that opened the last one for writing may have left a log that fits no other file.
        database.with_name(f"{database.name}.wal").unlink(missing_ok=True)
        _replace(data_dir / f"{ASIDE}ooo.duckdb", database)
        _point_current_at(exports, generation)
        _prune(generation, keep_generations)
    return Publication(generation.name, published_at, rows, database, exports / "current", audits)


def remove_leftovers(data_dir: Path) -> None:
    """What a killed publication left aside is gone."""
    exports = data_dir / "exports"
    for folder in (data_dir, exports, exports / "current", exports / "generations"):
        for path in folder.glob(f"{ASIDE}*"):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _build_database(
    connection: duckdb.DuckDBPyConnection,
    aside: Path,
    tables: Sequence[PublishedTable],
    measures: Sequence[Measure],
) -> dict[str, int]:
    """A reader's database at `aside`, on disk to the last byte; return each table's rows."""
    with _attached(connection, aside, f"STORAGE_VERSION '{READER_STORAGE_VERSION}'"):
        rows = {table.name: _copy_table(connection, table) for table in tables}
        connection.execute("USE reader").fetchall()
        for measure in measures:
            run_statement(connection, measure.statement)
        connection.execute("CHECKPOINT reader").fetchall()
    if aside.with_name(f"{aside.name}.wal").exists():
        message = f"{aside} still has a write-ahead log after its checkpoint; copying it would lose rows"
        raise WarehouseError(message)
    _flush(aside)
    return rows


@contextlib.contextmanager
def _attached(connection: duckdb.DuckDBPyConnection, database: Path, options: str) -> Iterator[None]:
    """`database` is there as `reader` meanwhile; afterwards the connection is as it was."""
    own = connection.execute("SELECT current_database()").fetchall()[0][0]
    connection.execute(f"ATTACH '{_quoted(database)}' AS reader ({options})").fetchall()
    try:
        yield
    finally:
        connection.execute(f'USE "{own}"').fetchall()
        connection.execute("DETACH reader").fetchall()


def _copy_table(connection: duckdb.DuckDBPyConnection, table: PublishedTable) -> int:
    columns = ", ".join(
        f"{column.name} {column.sql_type}{'' if column.is_nullable else ' NOT NULL'}"
        for column in table.columns
    )
    connection.execute(f"CREATE TABLE reader.main.{table.name} ({columns})").fetchall()
    comment = f"One row: {table.grain}. Key: {table.key_list()}."
    connection.execute(f"COMMENT ON TABLE reader.main.{table.name} IS '{_quoted(comment)}'").fetchall()
    for column in table.columns:
        name = f"reader.main.{table.name}.{column.name}"
        connection.execute(f"COMMENT ON COLUMN {name} IS '{_quoted(column.meaning)}'").fetchall()
    copied: int = connection.execute(
        f"INSERT INTO reader.main.{table.name} SELECT {table.column_list()} FROM marts.{table.name}"  # noqa: S608
        f" ORDER BY {table.key_list()}"
    ).fetchall()[0][0]
    return copied


def _build_generation(  # noqa: PLR0913 - one publication's facts
    connection: duckdb.DuckDBPyConnection,
    exports: Path,
    tables: Sequence[PublishedTable],
    rows: dict[str, int],
    *,
    run_id: str,
    published_at: datetime,
) -> tuple[Path, tuple[Audit, ...]]:
    """An immutable folder of Parquet files and their manifest, from the reader's database; their audits."""
    generation = _free_name(exports / "generations" / run_id)
    aside = generation.with_name(f"{ASIDE}{generation.name}")
    aside.mkdir()
    with _attached(connection, exports.parent / f"{ASIDE}ooo.duckdb", "READ_ONLY"):
        described = [_export_table(connection, aside, table) for table in tables]
        audits = (
            *audit_keys(connection, tables),
            audit_counts(rows, {facts["table"]: facts["rows"] for facts in described}),
        )
    raise_if_failed(audits)
    manifest = {
        "format": 1,
        "generation": generation.name,
        "run_id": run_id,
        "published_at": f"{published_at.isoformat(timespec='seconds')}Z",
        "tables": {facts.pop("table"): facts for facts in described},
    }
    _write_text(aside / "manifest.json", json.dumps(manifest, indent=2))
    _replace(aside, generation)
    return generation, audits


def _free_name(generation: Path) -> Path:
    """`generation`, or numbered if it exists: a run that publishes again leaves its first one alone."""
    numbered = (generation.with_name(f"{generation.name}-{number}") for number in count(2))
    return next(path for path in chain([generation], numbered) if not path.exists())


def _export_table(
    connection: duckdb.DuckDBPyConnection, folder: Path, table: PublishedTable
) -> dict[str, Any]:
    path = folder / f"{table.name}.parquet"
    connection.execute(
        f"COPY (SELECT {table.column_list()} FROM reader.main.{table.name} ORDER BY {table.key_list()})"  # noqa: S608
        f" TO '{_quoted(path)}' (FORMAT parquet, COMPRESSION zstd)"
    ).fetchall()
    counted = connection.execute("SELECT num_rows FROM parquet_file_metadata($path)", {"path": str(path)})
    rows: int = counted.fetchall()[0][0]
    _flush(path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "table": table.name,
        "file": path.name,
        "rows": rows,
        "bytes": path.stat().st_size,
        "sha256": digest,
        "key": list(table.key),
        "columns": [
            {"name": column.name, "type": column.sql_type, "nullable": column.is_nullable}
            for column in table.columns
        ],
    }


def _point_current_at(exports: Path, generation: Path) -> None:
    current = exports / "current"
    newest = sorted(generation.glob("*.parquet"))
    for path in newest:
        aside = current / f"{ASIDE}{path.stem}"
        try:
            os.link(path, aside)
        except OSError:  # a file system without hard links
            shutil.copyfile(path, aside)
            _flush(aside)
        _replace(aside, current / path.name)
        aside.unlink(missing_ok=True)  # rename() leaves the source if both are links to one file
    for path in set(current.glob("*.parquet")) - {current / one.name for one in newest}:
        path.unlink()
    _write_text(
        exports / "current.json",
        json.dumps(
            {
                "generation": generation.name,
                "folder": f"generations/{generation.name}",
                "manifest": f"generations/{generation.name}/manifest.json",
            },
            indent=2,
        ),
    )


def _prune(newest: Path, keep: int) -> None:
    """The newest generation is there, and of the others the latest, `keep` in all."""
    others = sorted(path for path in newest.parent.iterdir() if path.is_dir() and path != newest)
    for path in others[: max(len(others) - max(keep - 1, 0), 0)]:
        doomed = path.with_name(f"{ASIDE}{path.name}")
        path.rename(doomed)
        shutil.rmtree(doomed)


def _write_text(path: Path, text: str) -> None:
    aside = path.with_name(f"{ASIDE}{path.name}")
    aside.write_text(text + "\n", encoding="utf-8")
    _flush(aside)
    _replace(aside, path)


def _replace(aside: Path, path: Path) -> None:
    aside.replace(path)
    _flush(path.parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _quoted(value: Path | str) -> str:
    return str(value).replace("'", "''")


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
