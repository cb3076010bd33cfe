"""The procedures of docs/runbook.md work: restoring a back-up, maintenance, the status check and the alarms."""

import json
import shutil
import time
from pathlib import Path

import duckdb
import pytest

from calcom.simulator import OWNER_KEY, Simulator, World, serve
from tests.support.prefect_server import ROOT, PrefectServer
from tests.support.program import run_ooo
from tests.support.truth import assert_equals_truth

pytestmark = pytest.mark.slow


def test_a_restored_copy_of_the_warehouse_is_corrected_by_the_next_sync(tmp_path: Path) -> None:
    world, data = World.generate(people=10), tmp_path / "data"
    with serve(Simulator(world, limits=None)) as server:

        def sync() -> None:
            done = run_ooo(
                "sync", "--quiet", cwd=tmp_path, CALCOM_API_URL=server.url, CALCOM_API_KEY=OWNER_KEY
            )
            assert done.returncode == 0, done.stderr

        sync()
        assert not (data / "warehouse.duckdb.wal").exists()
        shutil.copy(data / "warehouse.duckdb", tmp_path / "copy.duckdb")
        first, second = world.entries()[0]["id"], world.entries()[1]["id"]
        world.delete_entry(first)
        sync()
        shutil.copy(tmp_path / "copy.duckdb", data / "warehouse.duckdb")
        world.delete_entry(second)
        sync()
    assert_equals_truth(data / "ooo.duckdb", world.entries(), world.users())
    with duckdb.connect(str(data / "ooo.duckdb"), read_only=True) as connection:
        vanished = connection.execute(
            "SELECT entry_id FROM ooo_entry_history WHERE change = 'vanished' ORDER BY entry_id"
        ).fetchall()
    assert vanished == [(first,), (second,)]


def test_maintenance_makes_the_warehouse_smaller_and_changes_no_published_byte(tmp_path: Path) -> None:
    world, data = World.generate(people=40), tmp_path / "data"
    with serve(Simulator(world, limits=None)) as server:
        environment = {"CALCOM_API_URL": server.url, "CALCOM_API_KEY": OWNER_KEY, "OOO_KEEP_LANDINGS": "1"}
        for entry in world.entries()[:40]:
            assert run_ooo("sync", "--quiet", cwd=tmp_path, **environment).returncode == 0
            world.delete_entry(entry["id"])
            if entry["id"] > 2:
                break
        before = (data / "ooo.duckdb").read_bytes()
        done = run_ooo("maintain", "--json", cwd=tmp_path, **environment)
        assert done.returncode == 0, done.stderr
        figures = json.loads(done.stdout)
        assert figures["bytes_after"] <= figures["bytes_before"]
        assert (data / "ooo.duckdb").read_bytes() == before
        assert not (data / "warehouse.duckdb.wal").exists()
        assert run_ooo("sync", "--quiet", cwd=tmp_path, **environment).returncode == 0
    assert_equals_truth(data / "ooo.duckdb", world.entries(), world.users())


def test_status_exits_with_16_if_the_snapshot_is_too_old(tmp_path: Path) -> None:
    with serve(Simulator(World.generate(people=3), limits=None)) as server:
        run_ooo("sync", "--quiet", cwd=tmp_path, CALCOM_API_URL=server.url, CALCOM_API_KEY=OWNER_KEY)
    assert run_ooo("status", "--max-age-hours", "1", cwd=tmp_path).returncode == 0
    time.sleep(0.01)
    stale = run_ooo("status", "--max-age-hours", "0.000001", cwd=tmp_path)
    assert stale.returncode == 16
    assert "expected one of the last 1e-06 hours" in stale.stderr


def test_the_alarms_of_automations_yaml_can_be_created(prefect: PrefectServer) -> None:
    output = prefect.run("automation", "create", "--from-file", str(ROOT / "automations.yaml"))
    assert "Created 3 automation(s)" in output
