"""Layouts: tables of days also by year and month, with the same rows for every program that reads them."""

import hashlib
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from tests.support.naive import Absence
from tests.support.warehouse import TABLES, audit_and_publish, load, new_warehouse, night, read_all
from warehouse.publish.generation import Layout

DAY_TABLES = [table for table in TABLES if table.month_column]
ABSENCES = tuple(
    Absence(number, number % 3 + 1, date(2025, 11, 1 + number), date(2026, 2, number))
    for number in range(1, 20)
)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with new_warehouse() as opened:
        load(opened, read_all(ABSENCES, at=night(1)))
        yield opened


def newest(data_dir: Path) -> tuple[Path, dict[str, Any]]:
    exports = data_dir / "exports"
    folder = exports / json.loads((exports / "current.json").read_text())["folder"]
    return folder, json.loads((folder / "manifest.json").read_text())


def test_only_tables_of_days_are_partitioned() -> None:
    assert {"fct_entry_days", "fct_absence_days"} <= {table.name for table in DAY_TABLES}
    assert "dim_dates" not in {table.name for table in DAY_TABLES}


def test_every_reader_of_hive_partitions_returns_the_rows_of_the_flat_file(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    audit_and_publish(connection, tmp_path, layout=Layout.PARTITIONED)
    folder, _ = newest(tmp_path)
    for table in DAY_TABLES:
        flat = pl.read_parquet(folder / f"{table.name}.parquet")
        expected = flat.with_columns(year=pl.col("date_on").dt.year(), month=pl.col("date_on").dt.month())
        expected = expected.cast({"year": pl.Int64, "month": pl.Int64})
        pattern = f"{folder}/{table.name}/**/*.parquet"
        frames = {
            "polars": pl.read_parquet(pattern, hive_partitioning=True),
            "duckdb": duckdb.sql(f"FROM read_parquet('{pattern}', hive_partitioning = true)").pl(),
            "pyarrow": pl.from_arrow(ds.dataset(folder / table.name, partitioning="hive").to_table()),
        }
        for library, frame in frames.items():
            assert isinstance(frame, pl.DataFrame), library
            rows = frame.select(expected.columns).cast({"year": pl.Int64, "month": pl.Int64}).sort(table.key)
            assert rows.equals(expected), library


def test_every_column_of_every_file_has_its_meaning_as_metadata(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    audit_and_publish(connection, tmp_path, layout=Layout.PARTITIONED)
    folder, manifest = newest(tmp_path)
    for table in TABLES:
        facts = manifest["tables"][table.name]
        for file in [facts, *facts.get("partitions", [])]:
            schema = pq.read_schema(folder / file["file"])
            assert schema.names == [column.name for column in table.columns]
            for column in table.columns:
                assert schema.field(column.name).metadata == {b"description": column.meaning.encode()}
            assert schema.metadata[b"description"] == table.comment.encode()


def test_a_month_is_one_file_in_the_order_of_the_key_with_its_facts_in_the_manifest(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    audit_and_publish(connection, tmp_path, layout=Layout.PARTITIONED)
    folder, manifest = newest(tmp_path)
    assert manifest["layout"] == "partitioned"
    for table in DAY_TABLES:
        facts = manifest["tables"][table.name]
        assert facts["partitioned_by"] == ["year", "month"]
        months = [(partition["year"], partition["month"]) for partition in facts["partitions"]]
        assert months == [(2025, 11), (2025, 12), (2026, 1), (2026, 2)]
        assert sum(partition["rows"] for partition in facts["partitions"]) == facts["rows"]
        for partition in facts["partitions"]:
            path = folder / partition["file"]
            assert partition["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
            assert partition["bytes"] == path.stat().st_size
            assert partition["rows"] == pq.read_metadata(path).num_rows
            frame = pl.read_parquet(path, hive_partitioning=False)
            assert frame.equals(frame.sort(table.key))
        files = {partition["file"] for partition in facts["partitions"]}
        assert files == {str(path.relative_to(folder)) for path in (folder / table.name).rglob("*.parquet")}


def test_a_table_of_days_without_rows_is_read_as_an_empty_table(tmp_path: Path) -> None:
    with new_warehouse() as empty:
        load(empty, read_all((), at=night(1), users=()))
        audit_and_publish(empty, tmp_path, layout=Layout.PARTITIONED)
    folder, _ = newest(tmp_path)
    frame = pl.read_parquet(f"{folder}/fct_entry_days/**/*.parquet", hive_partitioning=True)
    assert frame.is_empty()
    assert frame.columns[-2:] == ["year", "month"]


def test_current_has_one_file_per_table_in_every_layout(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    audit_and_publish(connection, tmp_path, "run-1")
    current = tmp_path / "exports" / "current"
    before = sorted(path.name for path in current.iterdir())
    audit_and_publish(connection, tmp_path, "run-2", layout=Layout.PARTITIONED)
    assert sorted(path.name for path in current.iterdir()) == before
    audit_and_publish(connection, tmp_path, "run-3", keep_generations=1)
    assert sorted(path.name for path in current.iterdir()) == before
    folder, manifest = newest(tmp_path)
    assert manifest["layout"] == "flat"
    assert {path.name for path in folder.iterdir() if path.is_dir()} <= {"calendars"}
    assert [path.name for path in folder.parent.iterdir()] == ["run-3"]
