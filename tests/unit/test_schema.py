"""Compare the DDL, the views, the publication and the dictionary with the declarations of the tables."""

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow.parquet as pq
import pytest

from tests.support.warehouse import audit_and_publish, load, new_warehouse, night, read_all, rows_of
from transforms.columns import NOTES
from transforms.errors import TransformError
from transforms.schema import ENTRIES, HISTORY, PEOPLE, PERSON_CALENDARS, PERSON_DAYS, PUBLISHED, REASONS
from transforms.staged import STAGED_TABLES
from transforms.table import Table
from warehouse.load.snapshot import create_staging

DERIVED = ("is_stale", "working_days", "calendar", "member_from_on", "member_to_on")
"""The columns of published tables that core does not store."""

STORED = {table.name: table for table in (*PUBLISHED, PERSON_DAYS, PERSON_CALENDARS)}
STORED_NAMES = """
    SELECT schema_name, table_name FROM duckdb_tables()
    WHERE schema_name = 'marts' OR (schema_name = 'ops' AND table_name IN ('runs', 'audits'))
"""
"""Selects the tables that are published as they are stored. Each table in marts must be declared."""

TABLE_IDS = [table.name for table in PUBLISHED]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    with new_warehouse() as connection:
        load(connection, read_all((), at=night(1), users=()))
        audit_and_publish(connection, folder)
    return folder


def described(connection: duckdb.DuckDBPyConnection, name: str) -> list[tuple[str, str, bool]]:
    rows = rows_of(connection, f"DESCRIBE {name}")
    return [(row["column_name"], row["column_type"], row["null"] == "YES") for row in rows]


def declared(table: Table, *extra: Any) -> list[tuple[str, str, bool]]:
    return [(column.name, column.sql_type, column.is_nullable) for column in (*table.columns, *extra)]


def test_the_tables_of_the_warehouse_have_the_declared_columns() -> None:
    with new_warehouse() as connection:
        stored = rows_of(connection, STORED_NAMES)
        for row in stored:
            name = f"{row['schema_name']}.{row['table_name']}"
            assert sorted(described(connection, name)) == sorted(declared(STORED[row["table_name"]])), name
        assert {row["table_name"] for row in stored} >= {"runs", "audits", "person_days", "dim_dates"}
        entries = [column for column in described(connection, "core.ooo_entries") if column[0] != "notes"]
        assert sorted(entries) == sorted(column for column in declared(ENTRIES) if column[0] not in DERIVED)
        versions = described(connection, "core.ooo_entry_history")
        assert sorted(versions) == sorted(column for column in declared(HISTORY) if column[0] not in DERIVED)
        people = [column for column in described(connection, "core.people") if column[0] != "entries_as_of"]
        assert sorted(people) == sorted(column for column in declared(PEOPLE) if column[0] not in DERIVED)


def test_staging_tables_have_the_columns_of_the_frames() -> None:
    with new_warehouse() as connection:
        create_staging(connection, STAGED_TABLES)
        for table in STAGED_TABLES:
            created = [column[:2] for column in described(connection, table.name)]
            assert created == [column[:2] for column in declared(table)]


def test_every_mart_has_the_published_columns() -> None:
    with new_warehouse() as connection:
        for table in PUBLISHED:
            actual = {name: sql_type for name, sql_type, _ in described(connection, f"marts.{table.name}")}
            extra = (NOTES,) if table is ENTRIES else ()
            assert actual == {name: sql_type for name, sql_type, _ in declared(table, *extra)}


@pytest.mark.parametrize("table", PUBLISHED, ids=TABLE_IDS)
def test_the_published_database_has_the_declared_columns_types_nullability_and_comments(
    published: Path, table: Table
) -> None:
    with duckdb.connect(published / "ooo.duckdb", read_only=True) as connection:
        assert described(connection, table.name) == declared(table)
        comments = rows_of(
            connection,
            "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = $name"
            " ORDER BY column_index",
            name=table.name,
        )
        assert [(row["column_name"], row["comment"]) for row in comments] == [
            (column.name, column.meaning) for column in table.columns
        ]
        query = "SELECT comment FROM duckdb_tables() WHERE table_name = $name"
        (comment,) = rows_of(connection, query, name=table.name)
        assert table.grain in comment["comment"]


@pytest.mark.parametrize("table", PUBLISHED, ids=TABLE_IDS)
def test_a_parquet_file_has_the_declared_schema(published: Path, table: Table) -> None:
    path = published / "exports" / "current" / f"{table.name}.parquet"
    assert pl.read_parquet(path).schema == table.polars_schema
    assert pq.read_schema(path).names == [column.name for column in table.columns]


@pytest.mark.parametrize("table", PUBLISHED, ids=TABLE_IDS)
def test_the_manifest_has_the_declared_columns_and_key(published: Path, table: Table) -> None:
    pointer = json.loads((published / "exports" / "current.json").read_text())
    manifest = json.loads((published / "exports" / pointer["manifest"]).read_text())
    facts = manifest["tables"][table.name]
    columns = [(column["name"], column["type"], column["nullable"]) for column in facts["columns"]]
    assert columns == declared(table)
    assert facts["key"] == list(table.key)


@pytest.mark.parametrize("table", PUBLISHED, ids=TABLE_IDS)
def test_the_data_dictionary_explains_every_column(table: Table) -> None:
    dictionary = (Path(__file__).parents[2] / "docs" / "data-dictionary.md").read_text(encoding="utf-8")
    section = dictionary.partition(f"\n## {table.name}\n")[2].partition("\n## ")[0]
    assert table.grain in section
    for column in table.columns:
        null = "yes" if column.is_nullable else ""
        assert f"| `{column.name}` | {column.sql_type} | {null} | {column.meaning} |" in section


def test_key_columns_are_never_null_and_every_column_has_a_unique_name_and_a_meaning_in_a_sentence() -> None:
    for table in PUBLISHED:
        required = {column.name for column in table.columns if not column.is_nullable}
        assert set(table.key) <= required
        for column in table.columns:
            assert re.fullmatch(r"[A-Z].*\.", column.meaning), f"{table.name}.{column.name}"
        assert len({column.name for column in table.columns}) == len(table.columns)


@pytest.mark.parametrize(
    "frame",
    [
        pl.DataFrame({"reason": ["sick"]}),
        pl.DataFrame(schema=REASONS.polars_schema).cast({"label": pl.Binary}),
    ],
)
def test_a_frame_with_other_columns_or_types_is_an_error_that_names_the_table(frame: pl.DataFrame) -> None:
    with pytest.raises(TransformError, match="dim_reasons: expected columns"):
        REASONS.check(frame)
