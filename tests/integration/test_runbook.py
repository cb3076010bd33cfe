"""The procedures of docs/runbook.md work: restoring a back-up, maintenance, the status check and the alarms."""

import json
import shutil
import time
from pathlib import Path

import duckdb
import pytest
import yaml

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
    assert "published snapshots are older than 1e-06 hours" in stale.stderr


def test_a_second_set_up_of_prefect_doubles_no_alarm_and_removes_the_limits_of_earlier_versions(
    deployed: PrefectServer,
) -> None:
    prefect = deployed

    def set_up() -> list[str]:
        done = run_ooo("setup-prefect", "--json", cwd=ROOT, **prefect.environment)
        assert done.returncode == 0, done.stderr
        changes: list[str] = json.loads(done.stdout)["changes"]
        return changes

    def names() -> list[str]:
        return [automation["name"] for automation in prefect.post("/automations/filter")]

    set_up()
    expected = [
        alarm["name"] for alarm in yaml.safe_load((ROOT / "automations.yaml").read_text())["automations"]
    ]
    assert sorted(names()) == sorted(expected)
    assert set_up() == []
    prefect.run("automation", "create", "--from-file", str(ROOT / "automations.yaml"))
    assert len(names()) == 2 * len(expected)
    prefect.patch("/work_pools/ooo/queues/warehouse", concurrency_limit=1)
    nightly = f"/deployments/{prefect.get('/deployments/name/sync/nightly-sync')['id']}"
    prefect.patch(nightly, concurrency_limit=1)
    assert prefect.get(nightly)["global_concurrency_limit"] is not None
    (first, *_) = prefect.post("/automations/filter")
    prefect.patch(f"/automations/{first['id']}", enabled=False)
    changes = set_up()
    assert "removed the concurrency limit of the work queue warehouse" in changes
    assert "removed the concurrency limit of the deployment nightly-sync" in changes
    assert prefect.get(nightly)["global_concurrency_limit"] is None
    assert sorted(names()) == sorted(expected)
    assert all(automation["enabled"] for automation in prefect.post("/automations/filter"))
    assert prefect.get("/work_pools/ooo/queues/warehouse")["concurrency_limit"] is None
    assert set_up() == []


def test_the_alarms_hear_each_way_in_which_a_run_can_end_or_not_begin() -> None:
    automations = yaml.safe_load((ROOT / "automations.yaml").read_text())["automations"]
    heard = {
        event
        for automation in automations
        for event in automation["trigger"].get("after", []) + automation["trigger"]["expect"]
        if automation["trigger"]["posture"] == "Reactive" or automation["trigger"].get("after")
    }
    states = (
        "Failed",
        "Crashed",
        "Cancelled",
        "TimedOut",
        "Partial",
        "Late",
        "Pending",
        "Submitting",
        "Resuming",
        "heartbeat",
    )
    assert {f"prefect.flow-run.{state}" for state in states} <= heard
