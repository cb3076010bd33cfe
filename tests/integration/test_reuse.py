"""Reuse: unchanged tables are taken from the previous publication, and only unchanged ones."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest

from tests.integration.test_publish import ABSENCES, files_of
from tests.support.warehouse import MEASURES, TABLES, load, new_warehouse, night, read_all, rows_of
from warehouse.publish.generation import Layout
from warehouse.publish.publication import Publication, PublicationPolicy, create_pseudonyms, publish

DERIVED = ("ooo_entry_history", "fct_entry_days", "fct_absence_days")


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with new_warehouse() as opened:
        load(opened, read_all(ABSENCES, at=night(1)))
        yield opened


def publish_night(
    connection: duckdb.DuckDBPyConnection, folder: Path, number: int, **policy: object
) -> Publication:
    """Publish without the audits of earlier publications, so that the same rows are published each time."""
    connection.execute("DELETE FROM ops.audits").fetchall()
    return publish(
        connection,
        folder,
        TABLES,
        MEASURES,
        run_id=f"run-{number}",
        published_at=night(number),
        policy=replace(PublicationPolicy(), **policy),  # type: ignore[arg-type]
    )


def inodes(publication: Publication) -> dict[str, int]:
    folder = publication.parquet_folder.parent / "generations" / publication.generation
    return {str(path.relative_to(folder)): path.stat().st_ino for path in folder.rglob("*.parquet")}


def shared(former: Publication, later: Publication) -> set[str]:
    return {name for name, inode in inodes(later).items() if inodes(former).get(name) == inode}


def dump(publication: Publication) -> dict[str, list[object]]:
    with duckdb.connect(publication.database, read_only=True) as published:
        return {table.name: list(rows_of(published, f"FROM {table.name}")) for table in TABLES}


def declarations(publication: Publication) -> list[tuple[object, ...]]:
    """Return everything of the published database but its rows: columns, views and macros, with their comments."""
    queries = (
        "SELECT table_name, column_name, data_type, is_nullable, comment FROM duckdb_columns()",
        "SELECT 'table', table_name, comment FROM duckdb_tables()",
        "SELECT schema_name, view_name, sql, comment FROM duckdb_views()",
        "SELECT schema_name, function_name, parameters, macro_definition, comment FROM duckdb_functions()",
    )
    with duckdb.connect(publication.database, read_only=True) as published:
        own = (f"{query} WHERE database_name = current_database() ORDER BY ALL" for query in queries)
        return [row for query in own for row in published.execute(query).fetchall()]


@pytest.mark.parametrize("layout", Layout)
def test_a_night_without_changes_writes_only_the_tables_with_the_time_of_the_snapshot(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, layout: Layout
) -> None:
    first = publish_night(connection, tmp_path, 1, layout=layout)
    load(connection, read_all(ABSENCES, at=night(2)))
    second = publish_night(connection, tmp_path, 2, layout=layout)
    reused = shared(first, second)
    assert reused >= {f"{name}.parquet" for name in DERIVED}
    assert not reused & {"fct_ooo_entries.parquet", "dim_people.parquet", "runs.parquet"}
    if layout is Layout.PARTITIONED:
        assert any(name.startswith("fct_entry_days/year=2026/") for name in reused)


def test_a_publication_with_reused_tables_equals_one_that_is_written_anew(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    nights = [ABSENCES, ABSENCES[5:], ABSENCES[5:], ABSENCES]
    for number, absences in enumerate(nights, start=2):
        load(connection, read_all(absences, at=night(number)))
        reusing = publish_night(connection, tmp_path / "reusing", number)
        fresh = publish_night(connection, tmp_path / "fresh", number, reuses=False)
        assert dump(reusing) == dump(fresh)
        assert files_of(reusing.parquet_folder) == files_of(fresh.parquet_folder)
        assert declarations(reusing) == declarations(fresh)
        assert {name for _, name, *_ in declarations(reusing)} >= {measure.name for measure in MEASURES}


def test_after_an_erasure_no_file_of_the_previous_publication_is_reused(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    first = publish_night(connection, tmp_path, 1)
    second = publish_night(connection, tmp_path, 2, reuses=False)
    assert not shared(first, second)


def test_rows_that_another_program_changed_in_the_published_database_are_restored_the_next_night(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    first = publish_night(connection, tmp_path, 1)
    expected = dump(first)
    with duckdb.connect(first.database) as published:
        published.execute("DELETE FROM fct_entry_days").fetchall()
    second = publish_night(connection, tmp_path, 1)
    assert dump(second) == expected


def test_a_damaged_or_removed_file_is_written_anew(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    first = publish_night(connection, tmp_path, 1)
    folder = tmp_path / "exports" / "generations" / first.generation
    intact = files_of(folder)
    (folder / "fct_entry_days.parquet").write_bytes(b"damaged")
    (folder / "ooo_entry_history.parquet").unlink()
    second = publish_night(connection, tmp_path, 2)
    written = files_of(folder.with_name(second.generation))
    assert {name: written[name] for name in intact if name.endswith(".parquet")} == {
        name: content for name, content in intact.items() if name.endswith(".parquet")
    }


def test_files_with_other_permissions_are_not_reused(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    first = publish_night(connection, tmp_path, 1)
    folder = tmp_path / "exports" / "generations" / first.generation
    for path in folder.glob("*.parquet"):
        path.chmod(0o666 if path.stat().st_mode & 0o777 != 0o666 else 0o600)
    assert not shared(first, publish_night(connection, tmp_path, 2))


def test_a_table_that_is_pseudonymised_from_now_on_is_written_anew(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    first = publish_night(connection, tmp_path, 1)
    assert b"@example.com" in first.database.read_bytes()
    tables = [replace(table, is_pseudonymised=True) for table in TABLES]
    create_pseudonyms(
        connection, tables, lambda people: people.with_columns(pseudonym=pl.col("user_id") + 1_000)
    )
    second = publish(connection, tmp_path, tables, MEASURES, run_id="run-2", published_at=night(2))
    assert b"@example.com" not in second.database.read_bytes()
    with duckdb.connect(second.database, read_only=True) as published:
        assert rows_of(published, "SELECT email FROM dim_people WHERE email IS NOT NULL") == []
        ids = {row["user_id"] for row in rows_of(published, "SELECT user_id FROM fct_entry_days")}
    assert ids == {1_001, 1_002, 1_003}


@pytest.mark.parametrize("changes", [0, 5], ids=["nothing_changes", "most_tables_change"])
def test_the_published_database_does_not_grow_from_night_to_night(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, changes: int
) -> None:
    sizes = []
    for number in range(1, 9):
        absences = ABSENCES[changes * (number % 2) :]
        load(connection, read_all(absences, at=night(9) + timedelta(days=number)))
        sizes.append(publish_night(connection, tmp_path, number).database.stat().st_size)
    assert max(sizes) <= 2 * sizes[0]
