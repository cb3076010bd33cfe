"""Publication: complete new files or the previous ones, each as its manifest describes it."""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

from landing.files import TEMPORARY_PREFIX
from tests.support.naive import Absence
from tests.support.naive_teams import Membership, Team, TeamReading
from tests.support.warehouse import (
    MEASURES,
    TABLES,
    audit_and_publish,
    load,
    new_warehouse,
    night,
    read_all,
    rows_of,
)
from warehouse.errors import AuditError, WarehouseError

ABSENCES = tuple(
    Absence(
        entry_id=number,
        user_id=number % 3 + 1,
        first=date(2026, 1, number % 27 + 1),
        last=date(2026, 2, number % 27 + 1),
        reason=[None, "sick", "vacation", "é ☂"][number % 4],
        cover=[None, 1, 2][number % 3],
    )
    for number in range(60, 0, -1)
)
WITHIN = {"from_date": "'2026-01-01'", "to_date": "'2026-01-31'", "as_of_at": "'2026-01-02'"}
WITHOUT_ROWS = {"bridge_days", "rolling_bradford_factor", "rolling_sickness_rate"}
"""The measures without rows: the calendar has no public holidays, and no month ends before the last snapshot."""

TEAMS = TeamReading(
    teams=(Team(11, "Sales"),), memberships=tuple(Membership(number, 11, number) for number in (1, 2, 3))
)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with new_warehouse() as opened:
        load(opened, read_all(ABSENCES, at=night(1), teams=TEAMS))
        load(opened, read_all(ABSENCES[:40], at=night(2), organization_id=8))
        load(opened, read_all(ABSENCES[:30], at=night(3), organization_id=8))
        yield opened


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_manifest_has_the_size_checksum_and_rows_of_every_file(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    publication = audit_and_publish(connection, tmp_path)
    pointer = json.loads((tmp_path / "exports" / "current.json").read_text())
    folder = tmp_path / "exports" / pointer["folder"]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert (manifest["generation"], manifest["run_id"]) == (publication.generation, "run-1")
    assert manifest["published_at"] == "2026-01-01T05:00:00Z"
    assert manifest["data_as_of"] == {"7": "2026-01-01T05:00:00Z", "8": "2026-01-03T05:00:00Z"}
    assert (manifest["format"], manifest["layout"], manifest["notes"]) == (1, "flat", "core")
    assert manifest["package_version"] == version("calcom-ooo-warehouse")
    assert list(manifest["tables"]) == [table.name for table in TABLES]
    for name, facts in manifest["tables"].items():
        path = folder / facts["file"]
        assert facts["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert facts["bytes"] == path.stat().st_size
        assert facts["rows"] == pq.read_metadata(path).num_rows == publication.rows[name]


def test_current_files_are_those_of_the_newest_generation(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    for run_id in ("run-1", "run-2"):
        audit_and_publish(connection, tmp_path, run_id)
    generation = tmp_path / "exports" / "generations" / "run-2"
    current = {path.name: path for path in (tmp_path / "exports" / "current").iterdir()}
    assert sorted(current) == sorted(f"{table.name}.parquet" for table in TABLES)
    assert all(path.samefile(generation / name) for name, path in current.items())


def test_without_hard_links_current_files_are_copies(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.EPERM, "no hard links")

    monkeypatch.setattr(os, "link", refuse)
    audit_and_publish(connection, tmp_path)
    exports = tmp_path / "exports"
    current = list((exports / "current").iterdir())
    assert len(current) == len(TABLES)
    for path in current:
        assert path.read_bytes() == (exports / "generations" / "run-1" / path.name).read_bytes()


def test_duckdb_polars_pyarrow_and_pandas_read_the_same_rows(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    publication = audit_and_publish(connection, tmp_path)
    with duckdb.connect(publication.database, read_only=True) as published:
        for table in TABLES:
            path = publication.parquet_folder / f"{table.name}.parquet"
            rows = published.execute(f"FROM {table.name}").fetchall()
            assert rows == published.execute("FROM read_parquet($path)", {"path": str(path)}).fetchall()
            assert pl.read_parquet(path).rows() == rows
            assert [tuple(row.values()) for row in pq.read_table(path).to_pylist()] == rows
            frame = pd.read_parquet(path)
            assert (len(frame), list(frame.columns)) == (len(rows), [column.name for column in table.columns])
            first = frame[table.key[0]].astype(str).tolist()
            assert first == [str(row[0]) for row in rows]


def test_rows_are_ascending_by_key(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    publication = audit_and_publish(connection, tmp_path)
    for table in TABLES:
        frame = pl.read_parquet(publication.parquet_folder / f"{table.name}.parquet")
        assert frame.equals(frame.sort(table.key))


def test_every_macro_returns_rows_in_the_published_database(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    publication = audit_and_publish(connection, tmp_path)
    with duckdb.connect(publication.database, read_only=True) as published:
        for measure in MEASURES:
            arguments = ", ".join(WITHIN[name] for name in measure.parameters)
            rows = rows_of(published, f"FROM {measure.name}({arguments})")
            assert rows or measure.name in WITHOUT_ROWS, measure.name


def test_an_empty_organization_gives_files_without_rows(tmp_path: Path) -> None:
    with new_warehouse() as connection:
        load(connection, read_all((), at=night(1), users=()))
        publication = audit_and_publish(connection, tmp_path)
    empty = {name for name, rows in publication.rows.items() if rows == 0}
    assert empty == {table.name for table in TABLES} - {
        "dim_organizations",
        "dim_dates",
        "dim_calendars",
        "dim_calendar_days",
        "dim_reasons",
        "runs",
        "audits",
    }
    for name in empty:
        assert pq.read_table(publication.parquet_folder / f"{name}.parquet").num_rows == 0


def test_notes_are_not_published_by_default(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    publication = audit_and_publish(connection, tmp_path)
    path = publication.parquet_folder / "fct_ooo_entries.parquet"
    assert "notes" not in pq.read_schema(path).names


@pytest.mark.parametrize("keep", [1, 2])
def test_old_generations_are_pruned_by_count(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, keep: int
) -> None:
    for number in range(4):
        audit_and_publish(connection, tmp_path, f"run-{number}", keep_generations=keep)
    kept = sorted(path.name for path in (tmp_path / "exports" / "generations").iterdir())
    assert kept == [f"run-{number}" for number in range(4 - keep, 4)]


def test_the_newest_generation_is_kept_even_if_its_run_is_older(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    for run_id in ("run-5", "run-6", "run-1"):
        audit_and_publish(connection, tmp_path, run_id, keep_generations=2)
    kept = sorted(path.name for path in (tmp_path / "exports" / "generations").iterdir())
    assert kept == ["run-1", "run-6"]


def test_generations_of_killed_publications_are_pruned_before_the_one_that_was_current(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    generations = tmp_path / "exports" / "generations"
    audit_and_publish(connection, tmp_path, "run-1", keep_generations=2)
    for killed in ("run-2", "run-3"):  # both were built, and current.json never named them
        shutil.copytree(generations / "run-1", generations / killed)
    audit_and_publish(connection, tmp_path, "run-4", keep_generations=2)
    assert sorted(path.name for path in generations.iterdir()) == ["run-1", "run-4"]


def test_a_run_that_publishes_again_keeps_its_first_generation_unchanged(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    audit_and_publish(connection, tmp_path)
    before = files_of(tmp_path / "exports" / "generations")
    publication = audit_and_publish(connection, tmp_path)
    assert publication.generation == "run-1-2"
    after = files_of(tmp_path / "exports" / "generations")
    assert before.items() <= after.items()
    assert json.loads((tmp_path / "exports" / "current.json").read_text())["generation"] == "run-1-2"


def test_the_temporary_files_of_a_killed_publication_are_removed(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    audit_and_publish(connection, tmp_path)
    exports = tmp_path / "exports"
    for folder in (tmp_path, exports, exports / "current", exports / "generations"):
        (folder / f"{TEMPORARY_PREFIX}file").write_text("half")
        (folder / f"{TEMPORARY_PREFIX}folder").mkdir()
        (folder / f"{TEMPORARY_PREFIX}folder" / "part.parquet").write_text("half")
    audit_and_publish(connection, tmp_path, "run-2")
    assert not list(tmp_path.rglob(f"{TEMPORARY_PREFIX}*"))


def test_the_file_of_a_table_that_is_no_longer_published_is_removed_from_current(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    audit_and_publish(connection, tmp_path)
    (tmp_path / "exports" / "current" / "dim_gone.parquet").write_text("of an older version")
    audit_and_publish(connection, tmp_path, "run-2")
    assert not (tmp_path / "exports" / "current" / "dim_gone.parquet").exists()


def test_a_failed_audit_leaves_the_previous_publication_unchanged(tmp_path: Path) -> None:
    with new_warehouse() as connection:
        load(connection, read_all(ABSENCES, at=night(1)))
        audit_and_publish(connection, tmp_path)
        before = files_of(tmp_path)
        connection.execute("DELETE FROM core.people WHERE user_id = 2").fetchall()
        with pytest.raises(AuditError, match="every entry has its person"):
            audit_and_publish(connection, tmp_path, "run-2")
    assert files_of(tmp_path) == before


@pytest.mark.parametrize("refused_call", [0, 1, 2, 6, 11])
def test_a_full_disk_is_a_warehouse_error_and_every_published_file_stays_readable(
    connection: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    refused_call: int,
) -> None:
    audit_and_publish(connection, tmp_path)
    calls = iter(range(1_000))
    replace = os.replace

    def refuse(source: Any, target: Any) -> None:
        if next(calls) == refused_call:
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", refuse)
        with pytest.raises(WarehouseError, match=r"No space left.*Free space"):
            audit_and_publish(connection, tmp_path, "run-2")
    with duckdb.connect(tmp_path / "ooo.duckdb", read_only=True) as published:
        assert published.execute("SELECT count(*) FROM fct_ooo_entries").fetchall() == [(100,)]
    for path in (tmp_path / "exports" / "current").glob("[!.]*"):
        pq.read_table(path)
    audit_and_publish(connection, tmp_path, "run-3")
    assert not list(tmp_path.rglob(f"{TEMPORARY_PREFIX}*"))


def test_a_failed_publication_leaves_no_database_attached(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    missing = replace(MEASURES[0], name="nothing")
    with pytest.raises(WarehouseError, match="create_nothing"):
        audit_and_publish(connection, tmp_path, measures=[missing])
    names = [
        row["database_name"] for row in rows_of(connection, "FROM duckdb_databases() WHERE NOT internal")
    ]
    assert names == ["memory"]
    audit_and_publish(connection, tmp_path)


def test_a_data_folder_may_have_a_quote_in_its_name(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    assert audit_and_publish(connection, tmp_path / "O'Neill's data").rows["fct_ooo_entries"] == 100
