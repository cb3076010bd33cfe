"""Delta Lake tables: the rows of the generation, in one commit per publication."""

import json
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable

from tests.support.naive import Absence
from tests.support.warehouse import TABLES, audit_and_publish, load, new_warehouse, night, read_all
from transforms.schema import RUNS
from transforms.table import Table
from warehouse.errors import WarehouseError
from warehouse.publish.generation import Layout
from warehouse.publish.publication import PublicationPolicy, publish
from warehouse.tables import PublishedTable

ABSENCES = tuple(
    Absence(number, number % 3 + 1, date(2025, 12, 20), date(2026, 1, number)) for number in range(1, 20)
)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with new_warehouse() as opened:
        load(opened, read_all(ABSENCES, at=night(1)))
        yield opened


def delta_of(data_dir: Path, table: str) -> Path:
    return data_dir / "exports" / "delta" / table


def pointer_of(data_dir: Path) -> dict[str, Any]:
    pointer: dict[str, Any] = json.loads((data_dir / "exports" / "current.json").read_text())
    return pointer


@pytest.mark.parametrize("layout", list(Layout))
def test_every_delta_table_has_the_rows_and_types_of_the_generation(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, layout: Layout
) -> None:
    for run_id in ("run-1", "run-2"):
        publication = audit_and_publish(connection, tmp_path, run_id, has_delta=True, layout=layout)
    pointer = pointer_of(tmp_path)
    assert set(pointer["delta"]) == {table.name for table in TABLES}
    for table in TABLES:
        version = pointer["delta"][table.name]
        delta = pl.read_delta(str(delta_of(tmp_path, table.name)), version=version)
        expected = pl.read_parquet(publication.parquet_folder / f"{table.name}.parquet")
        assert delta.select(expected.columns).schema == expected.schema
        assert delta.select(expected.columns).sort(table.key).equals(expected)
        is_partitioned = layout is Layout.PARTITIONED and table.name in ("fct_entry_days", "fct_absence_days")
        assert delta.columns == [*expected.columns, *(["year", "month"] if is_partitioned else [])]


def test_each_publication_is_one_commit_that_names_its_generation_and_run(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    for _ in range(2):
        audit_and_publish(connection, tmp_path, "run-1", has_delta=True)
    history = DeltaTable(delta_of(tmp_path, "fct_entry_days")).history()
    assert [(commit["version"], commit["run_id"], commit["generation"]) for commit in history] == [
        (1, "run-1", "run-1-2"),
        (0, "run-1", "run-1"),
    ]
    columns = DeltaTable(delta_of(tmp_path, "runs")).schema().fields
    assert all(column.metadata["comment"] for column in columns)


def test_a_filter_by_days_can_skip_the_files_of_other_months(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    audit_and_publish(connection, tmp_path, has_delta=True, layout=Layout.PARTITIONED)
    actions = pl.DataFrame(
        DeltaTable(delta_of(tmp_path, "fct_entry_days")).get_add_actions(flatten=True)
    ).sort("min.date_on")
    assert actions["min.date_on"].to_list() == [date(2025, 12, 20), date(2026, 1, 1)]
    assert actions["max.date_on"].to_list() == [date(2025, 12, 31), date(2026, 1, 19)]


@pytest.mark.parametrize("layout", list(Layout))
def test_each_log_lists_the_features_that_its_schema_uses_as_spark_requires(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path, layout: Layout
) -> None:
    """A protocol of writer version 7 lists its features; the versions before it include `invariants`."""
    for run_id in ("run-1", "run-2"):
        audit_and_publish(connection, tmp_path, run_id, has_delta=True, layout=layout)
    for table in TABLES:
        actions = [
            json.loads(line)
            for path in sorted((delta_of(tmp_path, table.name) / "_delta_log").glob("*.json"))
            for line in path.read_text().splitlines()
        ]
        protocol = [action["protocol"] for action in actions if "protocol" in action][-1]
        metadata = [action["metaData"] for action in actions if "metaData" in action][-1]
        fields = json.loads(metadata["schemaString"])["fields"]
        uses = {"invariants"} if any(not field["nullable"] for field in fields) else set()
        uses |= {"timestampNtz"} if any(field["type"] == "timestamp_ntz" for field in fields) else set()
        if protocol["minWriterVersion"] == 7:
            assert uses <= set(protocol["writerFeatures"]), table.name
        else:
            assert protocol["minWriterVersion"] >= 2
            assert "timestampNtz" not in uses
        for action in actions:
            if "add" in action:
                assert action["add"]["partitionValues"].keys() == set(metadata["partitionColumns"])
                for name, value in action["add"]["partitionValues"].items():
                    assert f"/{name}={value}/" in action["add"]["path"]


def test_tables_of_days_are_partitioned_by_the_layout_also_after_it_has_changed(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    for number, layout in enumerate((Layout.FLAT, Layout.PARTITIONED, Layout.FLAT)):
        publication = audit_and_publish(connection, tmp_path, f"run-{number}", has_delta=True, layout=layout)
        table = DeltaTable(delta_of(tmp_path, "fct_entry_days"))
        is_partitioned = layout is Layout.PARTITIONED
        assert table.metadata().partition_columns == (["year", "month"] if is_partitioned else [])
        rows = pl.read_delta(str(delta_of(tmp_path, "fct_entry_days")))
        assert rows.height == publication.rows["fct_entry_days"]
        if is_partitioned:
            partitions = pl.DataFrame(table.get_add_actions(flatten=True)).sort("partition.year")
            assert partitions.select("partition.year", "partition.month").rows() == [(2025, 12), (2026, 1)]
            assert rows.filter(pl.col("month") != pl.col("date_on").dt.month()).is_empty()
    assert pointer_of(tmp_path)["delta"]["fct_entry_days"] == 0


def test_kept_generations_can_be_read_by_their_version_and_pruned_ones_are_removed(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    for number in range(4):
        audit_and_publish(connection, tmp_path, f"run-{number}", has_delta=True, keep_generations=2)
    folder = delta_of(tmp_path, "fct_entry_days")
    assert sorted(path.name for path in folder.iterdir()) == ["_delta_log", "run-2", "run-3"]
    for version in (2, 3):
        assert pl.read_delta(str(folder), version=version).height
    audit_and_publish(connection, tmp_path, "run-4", has_delta=True, keep_generations=1)
    assert sorted(path.name for path in folder.iterdir()) == ["_delta_log", "run-4"]
    assert [path.name for path in (tmp_path / "exports" / "generations").iterdir()] == ["run-4"]


def test_a_table_with_changed_columns_is_read_with_the_new_columns(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """A table that gains its first instants needs another feature of Delta Lake."""
    without = tuple(column for column in RUNS.columns if column.sql_type != "TIMESTAMP")
    policy = PublicationPolicy(has_delta=True)
    for columns in (without, RUNS.columns, without[:3]):
        declaration = Table(RUNS.name, RUNS.grain, RUNS.key, columns)
        publish(
            connection,
            tmp_path,
            [PublishedTable(declaration) if table.name == RUNS.name else table for table in TABLES],
            (),  # the measures need the columns that are removed
            run_id="run-1",
            published_at=night(1),
            policy=policy,
        )
        delta = pl.read_delta(str(delta_of(tmp_path, "runs")), version=pointer_of(tmp_path)["delta"]["runs"])
        assert delta.columns == [column.name for column in columns]
        assert delta.height == 1


def test_without_the_setting_old_delta_tables_are_removed(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    audit_and_publish(connection, tmp_path, "run-1", has_delta=True)
    audit_and_publish(connection, tmp_path, "run-2")
    assert not (tmp_path / "exports" / "delta").exists()
    assert "delta" not in pointer_of(tmp_path)
    audit_and_publish(connection, tmp_path, "run-3", has_delta=True)
    assert pl.read_delta(str(delta_of(tmp_path, "dim_dates"))).height


def test_the_error_names_a_damaged_delta_table_and_the_last_publication_stands(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    audit_and_publish(connection, tmp_path, "run-1", has_delta=True)
    before = pointer_of(tmp_path)
    (log,) = (delta_of(tmp_path, "fct_entry_days") / "_delta_log").glob("*.json")
    log.write_text("no log")
    with pytest.raises(WarehouseError, match=r"Delta table fct_entry_days.*remove its folder"):
        audit_and_publish(connection, tmp_path, "run-2", has_delta=True)
    assert pointer_of(tmp_path) == before
    os.remove(log)  # noqa: PTH107 - as the message says
    audit_and_publish(connection, tmp_path, "run-3", has_delta=True)
    assert pointer_of(tmp_path)["generation"] == "run-3"
