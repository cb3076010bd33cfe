"""An older warehouse is upgraded in place, after a back-up, without losing a row."""

import gzip
import hashlib
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from calcom.simulator import OWNER_KEY, Simulator, World, serve
from tests.support.program import run_ooo
from warehouse.connection import open_warehouse, run_statement
from warehouse.load.days import create_mart_views
from warehouse.load.migrate import back_up, migrate, pending_migrations, shipped_migrations

OLDER = Path(__file__).parents[1] / "recordings" / "warehouse_0002.duckdb.gz"
_HISTORY = """
SELECT entry_id, valid_from, change, starts_on, ends_on, reason FROM core.ooo_entry_history WHERE is_day_aligned
"""
"""The versions that every upgrade keeps; migration 8 gives the others new dates."""


def _older_warehouse(folder: Path) -> Path:
    path = folder / "warehouse.duckdb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.decompress(OLDER.read_bytes()))
    return path


def _query(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_an_older_file_is_backed_up_before_it_is_migrated(tmp_path: Path) -> None:
    path = _older_warehouse(tmp_path)
    tables = [
        name
        for (name,) in _query(
            path, "SELECT schema_name || '.' || table_name FROM duckdb_tables() ORDER BY ALL"
        )
    ]
    before = {name: sorted(_query(path, f"SELECT t::VARCHAR FROM {name} AS t")) for name in tables}
    with open_warehouse(path) as connection:
        assert migrate(connection) == [name for version, name, _ in shipped_migrations() if version > 2]
    copy = tmp_path / "backups" / "warehouse-0002.duckdb"
    assert {name: sorted(_query(copy, f"SELECT t::VARCHAR FROM {name} AS t")) for name in tables} == before
    assert copy.stat().st_mode & 0o077 == 0
    with open_warehouse(path) as connection:
        assert migrate(connection) == []


def test_a_renamed_column_reaches_the_views_of_the_previous_version(tmp_path: Path) -> None:
    """The views of version 6 read the column `followed_days`, which migration 7 renames."""
    path = _older_warehouse(tmp_path)
    with open_warehouse(path) as connection:
        for version, name, text in shipped_migrations():
            if 2 < version <= 6:
                connection.execute(text).fetchall()
                checksum = hashlib.sha256(text.encode()).hexdigest()
                query = (
                    "INSERT INTO ops.migrations (version, name, checksum) VALUES ($version, $name, $checksum)"
                )
                connection.execute(query, {"version": version, "name": name, "checksum": checksum}).fetchall()
        for table in ("ooo_entries", "ooo_entry_history"):
            view = f"marts.{'fct_' if table == 'ooo_entries' else ''}{table}"
            connection.execute(
                f"CREATE OR REPLACE VIEW {view} AS SELECT followed_days FROM core.{table}"
            ).fetchall()
        before = connection.execute(
            "SELECT sum(followed_days) FROM core.ooo_entries WHERE is_day_aligned"
        ).fetchall()
        assert migrate(connection) == [name for version, name, _ in shipped_migrations() if version > 6]
        create_mart_views(connection)
        query = "SELECT sum(materialized_days) FROM core.ooo_entries WHERE is_day_aligned"
        assert connection.execute(query).fetchall() == before
        connection.execute("SELECT materialized_days FROM marts.fct_ooo_entries").fetchall()
        connection.execute("SELECT materialized_days FROM marts.ooo_entry_history").fetchall()
    assert (tmp_path / "backups" / "warehouse-0006.duckdb").exists()


def test_dates_that_only_the_migration_corrected_are_no_changed_leave(tmp_path: Path) -> None:
    """The file has two live entries with other dates than their first versions, and no person changed a date."""
    corrected = """
        SELECT count(*) FROM core.ooo_entries AS e JOIN core.ooo_entry_history AS h USING (organization_id, entry_id)
        WHERE h.change = 'appeared' AND e.starts_on <> h.starts_on AND e.starts_at_raw = h.starts_at_raw
    """
    with open_warehouse(_older_warehouse(tmp_path)) as connection:
        migrate(connection)
        create_mart_views(connection)
        assert connection.execute(corrected).fetchall() == [(2,)]
        connection.execute("USE marts").fetchall()
        run_statement(connection, "publish/macros/create_changed_leave")
        query = (
            "SELECT sum(entries), max(share_changed), sum(abs(added_days)) FROM changed_leave($first, $last)"
        )
        dates = {"first": date(2000, 1, 1), "last": date(2099, 12, 31)}
        assert connection.execute(query, dates).fetchall() == [(180, 0.0, 0)]


def test_a_back_up_can_replace_the_warehouse(tmp_path: Path) -> None:
    path = _older_warehouse(tmp_path)
    history = sorted(_query(path, _HISTORY))
    with open_warehouse(path) as connection:
        migrate(connection)
    (tmp_path / "backups" / "warehouse-0002.duckdb").replace(path)
    with open_warehouse(path) as connection:
        assert pending_migrations(connection)
        migrate(connection)
    assert sorted(_query(path, _HISTORY)) == history


def test_a_new_file_and_a_warehouse_in_memory_are_not_backed_up(tmp_path: Path) -> None:
    with open_warehouse(tmp_path / "warehouse.duckdb") as connection:
        migrate(connection)
    assert not (tmp_path / "backups").exists()
    with open_warehouse(Path(":memory:")) as connection:
        migrate(connection)
        assert back_up(connection, "x") is None


@pytest.mark.slow
def test_the_next_sync_upgrades_the_warehouse_and_continues_its_history(tmp_path: Path) -> None:
    path = _older_warehouse(tmp_path / "data")
    history = set(_query(path, _HISTORY))
    runs = _query(path, "SELECT count(*) FROM ops.runs")[0][0]
    with serve(Simulator(World.generate(people=6, seed=3), limits=None)) as server:
        settings = {"CALCOM_API_URL": server.url, "CALCOM_API_KEY": OWNER_KEY}
        examined = run_ooo("doctor", cwd=tmp_path, **settings)
        assert "upgrades it" in examined.stdout
        done = run_ooo("sync", "--quiet", "--allow-mass-delete", cwd=tmp_path, **settings)
    assert done.returncode == 0, done.stderr
    assert history < set(_query(path, _HISTORY)) or history == set(_query(path, _HISTORY))
    assert _query(path, "SELECT count(*) FROM ops.runs") == [(runs + 1,)]
    published = _query(tmp_path / "data" / "ooo.duckdb", "SELECT count(*) FROM ooo_entry_history")
    assert published == _query(path, "SELECT count(*) FROM core.ooo_entry_history")
    assert (tmp_path / "data" / "backups" / "warehouse-0002.duckdb").exists()
