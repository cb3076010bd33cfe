"""Prefect when things break: dead workers, signals, restarts of the server, cancellations and backlogs."""

import logging
import os
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml
from prefect.client.schemas.objects import FlowRun
from prefect.context import FlowRunContext
from prefect.settings import PREFECT_LOGGING_TO_API_ENABLED, temporary_settings

from calcom.simulator import OWNER_KEY, Simulator, World, serve
from flows.orchestration.turns import LOCK, MAX_WAIT_HOURS, take_turn
from flows.settings import NO_CREDENTIAL, load_settings
from flows.settings.data_folder import lock_data_folder
from tests.support.fleet import serve_fleet
from tests.support.prefect_server import (
    FINAL,
    ROOT,
    PrefectServer,
    clone_project,
    kill_tree,
    serve_prefect,
    until,
)
from tests.support.truth import assert_equals_truth
from warehouse.errors import LockedError

pytestmark = pytest.mark.slow


def worker_settings(url: str, data_dir: Path, **more: str) -> dict[str, str]:
    """Return the environment of a worker."""
    return {"CALCOM_API_URL": url, "CALCOM_API_KEY": OWNER_KEY, "OOO_DATA_DIR": str(data_dir)} | more


def assert_completes(server: PrefectServer, run_id: str) -> None:
    state = server.wait_for_end(run_id)
    assert (state["type"], state["name"]) == ("COMPLETED", "Completed"), state


def test_a_run_that_a_killed_worker_left_pending_blocks_no_other_run_and_counts_as_crashed(
    deployed: PrefectServer, tmp_path: Path
) -> None:
    world = World.generate(people=5)
    (alarm,) = (
        automation
        for automation in yaml.safe_load((ROOT / "automations.yaml").read_text())["automations"]
        if automation["name"] == "crash a run that a worker took and did not begin"
    )
    alarm["trigger"]["within"] = 30
    created = deployed.post("/automations/", **alarm)
    with serve(Simulator(world, limits=None)) as server:
        settings = worker_settings(server.url, tmp_path / "data")
        with deployed.worker(**settings) as worker:
            left = deployed.start("sync/nightly-sync")
            deployed.wait_for_state(left, "PENDING")
            kill_tree(worker)
        assert deployed.flow_run(left)["state"]["type"] == "PENDING"
        with deployed.worker(**settings):
            assert_completes(deployed, deployed.start("sync/nightly-sync"))
    assert deployed.wait_for_end(left)["type"] == "CRASHED"
    deployed.patch(f"/automations/{created['id']}", enabled=False)


def test_a_run_that_ended_with_its_worker_is_reported_and_resumed_by_the_next_run(
    deployed: PrefectServer, tmp_path: Path
) -> None:
    world = World.generate(people=20)
    simulator = Simulator(world, limits=None, latency_seconds=0.2)
    with serve(simulator) as server:
        settings = worker_settings(server.url, tmp_path / "data", OOO_PAGE_SIZE="10")
        with deployed.worker(**settings) as worker:
            ended = deployed.start("sync/nightly-sync", strategy="per-user")
            until(lambda: len(simulator.requests) > 15, what="15 requests")
            os.kill(worker.pid, signal.SIGTERM)
            assert worker.wait(60) is not None
        with deployed.worker(**settings):
            rerun = deployed.start("sync/nightly-sync", strategy="per-user")
            assert_completes(deployed, rerun)
    state = deployed.flow_run(ended)["state"]
    assert state["type"] == "CRASHED", state
    assert "| is resumed | True |" in deployed.artifacts(rerun)["sync-summary"]["data"]
    assert_equals_truth(tmp_path / "data" / "ooo.duckdb", world.entries(), world.users())


def test_of_a_backlog_of_runs_one_reads_and_the_others_are_skipped(
    deployed: PrefectServer, tmp_path: Path
) -> None:
    world = World.generate(people=5)
    simulator = Simulator(world, limits=None)
    deployment = deployed.get("/deployments/name/sync/nightly-sync")["id"]
    due = [(datetime.now(UTC) - timedelta(days=days)).isoformat() for days in (2, 1)]
    runs = [
        str(
            deployed.post(
                f"/deployments/{deployment}/create_flow_run",
                state={"type": "SCHEDULED", "state_details": {"scheduled_time": time}},
            )["id"]
        )
        for time in due
    ]
    with serve(simulator) as server, deployed.worker(**worker_settings(server.url, tmp_path / "data")):
        states = sorted(deployed.wait_for_end(run)["name"] for run in runs)
        assert states == ["Completed", "Skipped"]
        reads = [request for request in simulator.requests if request.path.endswith("/users")]
        assert_completes(deployed, deployed.start("sync/nightly-sync"))
        assert len([request for request in simulator.requests if request.path.endswith("/users")]) > len(
            reads
        )


def test_a_run_that_waits_for_the_data_folder_gives_its_slot_back_and_can_be_cancelled(
    deployed: PrefectServer, tmp_path: Path
) -> None:
    simulator = Simulator(World.generate(people=5), limits=None)
    with serve(simulator) as server:
        settings = worker_settings(server.url, tmp_path / "data")
        organization = {"name": "acme", "api_url": server.url, "api_key": "env:CALCOM_API_KEY"}
        with deployed.worker("--limit", "1", **settings):
            with lock_data_folder(tmp_path / "data", name=LOCK):
                waiting, cancelled = deployed.start("sync/nightly-sync"), deployed.start("maintain/maintain")
                for run in (waiting, cancelled):
                    until(
                        lambda run=run: deployed.flow_run(run)["state"]["name"] == "Resuming",
                        what=f"the wait of flow run {run}",
                    )
                deployed.run("flow-run", "cancel", cancelled)
                assert deployed.wait_for_end(cancelled)["type"] == "CANCELLED"
                extraction = deployed.start("extract/organization", organization=organization)
                assert_completes(deployed, extraction)
                assert deployed.flow_run(waiting)["state"]["type"] not in FINAL
            assert_completes(deployed, waiting)
    assert deployed.flow_run(waiting)["run_count"] > 1


def test_a_run_that_waited_for_the_longest_time_fails_and_names_the_folder(tmp_path: Path) -> None:
    started_at = datetime.now(UTC) - timedelta(hours=MAX_WAIT_HOURS, minutes=1)
    run = FlowRun(flow_id=uuid4(), deployment_id=uuid4(), start_time=started_at, run_count=70)
    settings = load_settings(**NO_CREDENTIAL, OOO_DATA_DIR=str(tmp_path))
    with (
        temporary_settings({PREFECT_LOGGING_TO_API_ENABLED: False}),
        lock_data_folder(tmp_path, name=LOCK),
        FlowRunContext.model_construct(flow_run=run, flow=None),
        pytest.raises(LockedError, match=str(tmp_path)),
    ):
        take_turn(settings, lambda: pytest.fail("the work began"))


@pytest.mark.parametrize("stage", ["extraction", "load"])
def test_a_cancelled_run_ends_and_the_next_run_completes(
    stage: str, deployed: PrefectServer, tmp_path: Path
) -> None:
    is_load = stage == "load"
    world = World.generate(people=1_500 if is_load else 20)
    simulator = Simulator(world, limits=None, latency_seconds=0.0 if is_load else 0.2)
    with serve(simulator) as server:
        settings = worker_settings(server.url, tmp_path / "data", OOO_PAGE_SIZE="250" if is_load else "10")
        with deployed.worker(**settings):
            run = deployed.start("sync/nightly-sync")
            if is_load:
                landing = tmp_path / "data" / "landing"
                until(
                    lambda: list(landing.glob("*/read.json")), every_seconds=0.01, what="the end of reading"
                )
            else:
                until(lambda: len(simulator.requests) > 15, what="15 requests")
            if is_load:  # the command takes longer to start than a load takes
                deployed.post(f"/flow_runs/{run}/set_state", state={"type": "CANCELLING"})
            else:
                deployed.run("flow-run", "cancel", run)
            state = deployed.wait_for_end(run)
            assert state["type"] in ("CANCELLED", "COMPLETED") if is_load else state["type"] == "CANCELLED"
            assert_completes(deployed, deployed.start("sync/nightly-sync"))
    assert_equals_truth(tmp_path / "data" / "ooo.duckdb", world.entries(), world.users())


def test_cancelling_a_fleet_cancels_its_extractions(deployed: PrefectServer, tmp_path: Path) -> None:
    with serve_fleet(tmp_path, organizations=4, people=4) as fleet:
        environment = {**fleet.environment, "OOO_DATA_DIR": str(tmp_path / "data")}
        # Without a worker for them, the extractions stay scheduled.
        with deployed.worker("--work-queue", "warehouse", **environment):
            run = deployed.start("fleet/fleet-nightly", organizations_file=str(fleet.file))

            def extractions() -> Any:
                runs = deployed.post(
                    "/flow_runs/filter", flow_runs={"parent_flow_run_id": {"any_": [run]}}, limit=50
                )
                return runs if len(runs) == 4 else None

            until(extractions, what="four extractions")
            deployed.run("flow-run", "cancel", run)
            assert deployed.wait_for_end(run)["type"] == "CANCELLED"
            for extraction in extractions():
                assert deployed.wait_for_end(extraction["id"])["type"] == "CANCELLED"


def test_each_failed_organization_of_a_fleet_is_one_line_at_the_level_error(
    deployed: PrefectServer, tmp_path: Path
) -> None:
    with serve_fleet(tmp_path, organizations=3, people=3) as fleet:

        def read_lines(run: str) -> list[tuple[int, str]]:
            def until_its_end() -> list[Any] | None:
                records = deployed.log_records(run)
                own = [record["message"] for record in records if record["task_run_id"] is None]
                return records if any(text.startswith("Finished in state") for text in own) else None

            records = until(until_its_end, what=f"the end of the log of flow run {run}")
            return [
                (record["level"], record["message"])
                for record in records
                if record["level"] >= logging.WARNING
            ]

        with deployed.worker(**fleet.environment, OOO_DATA_DIR=str(tmp_path / "data")):
            for extracts_with in ("work pool", "task runner"):
                run = deployed.start(
                    "fleet/fleet-nightly", organizations_file=str(fleet.file), extract_with=extracts_with
                )
                assert deployed.wait_for_end(run)["name"] == "Partial"
                extractions = deployed.post(
                    "/flow_runs/filter", flow_runs={"parent_flow_run_id": {"any_": [run]}}
                )
                lines = [
                    line
                    for flow_run in (run, *(each["id"] for each in extractions))
                    for line in read_lines(flow_run)
                ]
                (failed,) = [message for level, message in lines if level == logging.ERROR]
                assert failed.startswith("exit code 11: Cal.com answered 401")
                assert "\n" not in failed
                (partial,) = [message for level, message in lines if level == logging.WARNING]
                assert partial.startswith("PARTIAL  3 organizations")
                assert len(lines) == 2


def test_a_run_survives_a_restart_of_the_server(tmp_path: Path) -> None:
    world = World.generate(people=20)
    simulator = Simulator(world, limits=None, latency_seconds=0.3)
    folder = tmp_path / "prefect"
    folder.mkdir()
    with serve(simulator) as source:
        settings = worker_settings(source.url, tmp_path / "data", OOO_PAGE_SIZE="10")
        with serve_prefect(folder) as first:
            first.run("deploy", "--all", cwd=clone_project(tmp_path / "project"))
            worker = first.worker(**settings)
            worker.__enter__()
            run = first.start("sync/nightly-sync", strategy="per-user")
            until(lambda: len(simulator.requests) > 10, what="10 requests")
        try:
            before = len(simulator.requests)
            until(lambda: len(simulator.requests) > before + 5, what="5 requests without a server")
            with serve_prefect(folder, port=first.api.base_url.port) as second:
                assert_completes(second, run)
        finally:
            worker.__exit__(None, None, None)
    assert_equals_truth(tmp_path / "data" / "ooo.duckdb", world.entries(), world.users())


def test_the_log_of_a_worker_has_no_line_about_leaked_objects(
    deployed: PrefectServer, tmp_path: Path
) -> None:
    with (
        serve(Simulator(World.generate(people=3), limits=None)) as server,
        deployed.worker(**worker_settings(server.url, tmp_path / "data")) as worker,
    ):
        assert_completes(deployed, deployed.start("sync/nightly-sync"))

        def processes() -> str:
            threads = Path(f"/proc/{worker.pid}/task").glob("*/children")
            return "".join(path.read_text() for path in threads)

        until(lambda: not processes().strip(), what="the end of the run's process")
    assert "Finished in state Completed" in deployed.worker_logs()
    assert "nanobind" not in deployed.worker_logs()
