"""What did not change since the last publication is taken from it, and nothing else is."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest

from tests.integration.test_publish import ABSENCES, files_of
from tests.support.warehouse import MEASURES, TABLES, load, new_warehouse, night, read_all, rows_of
from warehouse.publish.generation import Layout
from warehouse.publish.publication import Publication, PublicationPolicy, publish

DERIVED = ("ooo_entry_history", "fct_entry_days", "fct_absence_days")


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with new_warehouse() as opened:
        load(opened, read_all(ABSENCES, at=night(1)))
        yield opened


def publish_night(
    connection: duckdb.DuckDBPyConnection, folder: Path, number: int, **policy: object
) -> Publication:
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
    with duckdb.connect(publication.database, read_only=True) as reader:
        return {table.name: list(rows_of(reader, f"FROM {table.name}")) for table in TABLES}


@pytest.mark.parametrize("layout", Layout)
def test_a_night_without_changes_writes_only_what_says_when_rows_were_seen(
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


def test_what_is_reused_and_what_is_written_anew_make_the_same_publication(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    nights = [ABSENCES, ABSENCES[5:], ABSENCES[5:], ABSENCES]
    for number, absences in enumerate(nights, start=2):
        load(connection, read_all(absences, at=night(number)))
        reusing = publish_night(connection, tmp_path / "reusing", number)
        fresh = publish_night(connection, tmp_path / "fresh", number, reuses=False)
        assert dump(reusing) == dump(fresh)
        assert files_of(reusing.parquet_folder) == files_of(fresh.parquet_folder)
        with duckdb.connect(reusing.database, read_only=True) as reader:
            names = {
                name for (name,) in reader.execute("SELECT function_name FROM duckdb_functions()").fetchall()
            }
        assert names >= {measure.name for measure in MEASURES}


def test_after_an_erasure_nothing_of_the_last_publication_is_used(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    first = publish_night(connection, tmp_path, 1)
    second = publish_night(connection, tmp_path, 2, reuses=False)
    assert not shared(first, second)


def test_what_somebody_wrote_into_the_readers_database_is_gone_the_next_night(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    first = publish_night(connection, tmp_path, 1)
    expected = dump(first)
    with duckdb.connect(first.database) as reader:
        reader.execute("DELETE FROM fct_entry_days").fetchall()
    second = publish_night(connection, tmp_path, 1)
    assert dump(second) == expected


def test_a_file_that_was_damaged_or_lost_is_written_anew(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    first = publish_night(connection, tmp_path, 1)
    folder = tmp_path / "exports" / "generations" / first.generation
    intact = files_of(folder)
    (folder / "fct_entry_days.parquet").write_bytes(b"damaged")
    (folder / "ooo_entry_history.parquet").unlink()
    second = publish_night(connection, tmp_path, 2)
    found = files_of(folder.with_name(second.generation))
    assert {name: found[name] for name in intact if name.endswith(".parquet")} == {
        name: content for name, content in intact.items() if name.endswith(".parquet")
    }


def test_files_for_other_eyes_are_not_reused(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    first = publish_night(connection, tmp_path, 1)
    folder = tmp_path / "exports" / "generations" / first.generation
    for path in folder.glob("*.parquet"):
        path.chmod(0o666 if path.stat().st_mode & 0o777 != 0o666 else 0o600)
    assert not shared(first, publish_night(connection, tmp_path, 2))


def test_a_column_that_is_shown_otherwise_is_written_anew(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    publish_night(connection, tmp_path, 1)
    blank = [
        replace(
            table,
            columns=tuple(
                replace(column, shown_as="null") if column.name == "email" else column
                for column in table.columns
            ),
        )
        for table in TABLES
    ]
    second = publish(connection, tmp_path, blank, MEASURES, run_id="run-2", published_at=night(2))
    assert ABSENCES
    assert b"@example.com" not in second.database.read_bytes()
    with duckdb.connect(second.database, read_only=True) as reader:
        assert rows_of(reader, "SELECT email FROM dim_people WHERE email IS NOT NULL") == []


def test_the_readers_database_does_not_grow_from_night_to_night(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    sizes = []
    for number in range(1, 9):
        load(connection, read_all(ABSENCES, at=night(9) + timedelta(days=number)))
        sizes.append(publish_night(connection, tmp_path, number).database.stat().st_size)
    assert max(sizes) <= 2 * sizes[0]
