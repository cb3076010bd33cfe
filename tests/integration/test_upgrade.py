"""An older warehouse is upgraded in place, after a back-up, and loses nothing."""

import gzip
from pathlib import Path
from typing import Any

import duckdb
import pytest

from calcom.simulator import OWNER_KEY, Simulator, World, serve
from tests.support.program import run_ooo
from warehouse.connection import open_warehouse
from warehouse.load.migrate import back_up, migrate, pending_migrations, shipped_migrations

OLDER = Path(__file__).parents[1] / "recordings" / "warehouse_0002.duckdb.gz"
_HISTORY = "SELECT entry_id, valid_from, change, starts_on, ends_on, reason FROM core.ooo_entry_history"


def _older_warehouse(folder: Path) -> Path:
    path = folder / "warehouse.duckdb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.decompress(OLDER.read_bytes()))
    return path


def _ask(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_an_older_file_has_a_whole_back_up_before_its_first_new_migration(tmp_path: Path) -> None:
    path = _older_warehouse(tmp_path)
    tables = [
        name
        for (name,) in _ask(path, "SELECT schema_name || '.' || table_name FROM duckdb_tables() ORDER BY ALL")
    ]
    before = {name: sorted(_ask(path, f"SELECT t::VARCHAR FROM {name} AS t")) for name in tables}
    with open_warehouse(path) as connection:
        assert migrate(connection) == [name for version, name, _ in shipped_migrations() if version > 2]
    kept = tmp_path / "backups" / "warehouse-0002.duckdb"
    assert {name: sorted(_ask(kept, f"SELECT t::VARCHAR FROM {name} AS t")) for name in tables} == before
    assert kept.stat().st_mode & 0o077 == 0
    with open_warehouse(path) as connection:
        assert migrate(connection) == []


def test_a_back_up_takes_the_warehouses_place(tmp_path: Path) -> None:
    path = _older_warehouse(tmp_path)
    history = sorted(_ask(path, _HISTORY))
    with open_warehouse(path) as connection:
        migrate(connection)
    (tmp_path / "backups" / "warehouse-0002.duckdb").replace(path)
    with open_warehouse(path) as connection:
        assert pending_migrations(connection)
        migrate(connection)
    assert sorted(_ask(path, _HISTORY)) == history


def test_a_new_file_and_one_in_memory_need_no_back_up(tmp_path: Path) -> None:
    with open_warehouse(tmp_path / "warehouse.duckdb") as connection:
        migrate(connection)
    assert not (tmp_path / "backups").exists()
    with open_warehouse(Path(":memory:")) as connection:
        migrate(connection)
        assert back_up(connection, "x") is None


@pytest.mark.slow
def test_the_next_sync_upgrades_and_goes_on_where_the_older_version_ended(tmp_path: Path) -> None:
    path = _older_warehouse(tmp_path / "data")
    history = set(_ask(path, _HISTORY))
    runs = _ask(path, "SELECT count(*) FROM ops.runs")[0][0]
    with serve(Simulator(World.generate(people=6, seed=3), limits=None)) as server:
        settings = {"CALCOM_API_URL": server.url, "CALCOM_API_KEY": OWNER_KEY}
        examined = run_ooo("doctor", cwd=tmp_path, **settings)
        assert "upgrades it" in examined.stdout
        done = run_ooo("sync", "--quiet", "--allow-mass-delete", cwd=tmp_path, **settings)
    assert done.returncode == 0, done.stderr
    assert history < set(_ask(path, _HISTORY)) or history == set(_ask(path, _HISTORY))
    assert _ask(path, "SELECT count(*) FROM ops.runs") == [(runs + 1,)]
    published = _ask(tmp_path / "data" / "ooo.duckdb", "SELECT count(*) FROM ooo_entry_history")
    assert published == _ask(path, "SELECT count(*) FROM core.ooo_entry_history")
    assert (tmp_path / "data" / "backups" / "warehouse-0002.duckdb").exists()
