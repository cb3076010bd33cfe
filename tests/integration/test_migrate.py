"""Migrations: each is applied once, in order, and a file of another version is refused."""

from pathlib import Path

import pytest

from tests.support.warehouse import new_warehouse, rows_of
from warehouse.connection import open_warehouse
from warehouse.errors import MigrationError, WarehouseError
from warehouse.load.migrate import migrate, shipped_migrations


def test_every_migration_is_applied_once_and_in_order(tmp_path: Path) -> None:
    with open_warehouse(tmp_path / "w.duckdb") as connection:
        assert migrate(connection) == [name for _, name, _ in shipped_migrations()]
        assert migrate(connection) == []
    with open_warehouse(tmp_path / "w.duckdb") as connection:
        assert migrate(connection) == []
        versions = [row["version"] for row in rows_of(connection, "FROM ops.migrations")]
    assert versions == [version for version, _, _ in shipped_migrations()] == sorted(set(versions))


def test_a_file_of_a_newer_version_is_refused_with_advice() -> None:
    with new_warehouse() as connection:
        connection.execute("INSERT INTO ops.migrations (version, name, checksum) VALUES (99, 'x', 'y')")
        with pytest.raises(MigrationError, match=r"migration 99.*upgrade the program"):
            migrate(connection)


def test_a_migration_that_was_changed_after_it_was_applied_is_refused() -> None:
    with new_warehouse() as connection:
        connection.execute("UPDATE ops.migrations SET checksum = 'other' WHERE version = 1").fetchall()
        with pytest.raises(MigrationError, match=r"0001_core\.sql was changed.*checksum other"):
            migrate(connection)


def test_a_file_that_is_not_a_database_is_a_warehouse_error_with_advice(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    path.write_bytes(b"no database" * 1_000)
    with pytest.raises(WarehouseError, match="restore it from a back-up"), open_warehouse(path):
        pass


def test_an_error_of_duckdb_is_raised_as_a_warehouse_error_and_the_file_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "w.duckdb"
    with pytest.raises(WarehouseError, match=r"w\.duckdb"), open_warehouse(path) as connection:
        connection.execute("FROM nothing")
    with open_warehouse(path) as connection:
        assert connection.execute("SELECT 1").fetchall() == [(1,)]


def test_the_spilled_rows_of_a_killed_run_are_removed(tmp_path: Path) -> None:
    spill_file = tmp_path / "w.duckdb.tmp" / "duckdb_temp_1_0_storage_DEFAULT-0.tmp"
    spill_file.parent.mkdir()
    spill_file.write_text("rows")
    with open_warehouse(tmp_path / "w.duckdb"):
        assert not spill_file.exists()
