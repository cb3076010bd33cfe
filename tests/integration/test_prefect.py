"""Runs through a real Prefect server and real workers: they end as they should, and leave the same tables."""

import importlib.metadata
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from calcom.simulator import OWNER_KEY, Fault, Simulator, World, serve
from tests.support.prefect_server import ROOT, PrefectServer, until
from tests.support.truth import assert_equals_truth

pytestmark = pytest.mark.slow

_RUN_EACH = """
import json, os, sys
from prefect.blocks.system import Secret
from flows.sync import sync

Secret(value=json.loads(sys.argv[1])).save("calcom-key")
ended = []
for environment, parameters in json.loads(sys.argv[2]):
    os.environ.update(environment)
    state = sync(**parameters, return_state=True)
    ended.append([state.type.value, state.name, state.message, str(state.state_details.flow_run_id)])
    for name in environment:
        del os.environ[name]
print(json.dumps(ended))
"""


def run_each(
    prefect: PrefectServer, folder: Path, runs: list[tuple[dict[str, str], dict[str, Any]]]
) -> list[list[str]]:
    """(type, name, message, id) of a flow run for each environment and parameters, all in one process."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN_EACH, json.dumps(OWNER_KEY), json.dumps(runs)],
        cwd=folder,
        env=prefect.environment,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ended: list[list[str]] = json.loads(done.stdout.splitlines()[-1])
    return ended


def task_runs(prefect: PrefectServer, flow_run_id: str) -> dict[str, int]:
    """How often each task of a flow run was tried."""
    found = prefect.post("/task_runs/filter", flow_runs={"id": {"any_": [flow_run_id]}})
    return {one["name"]: one["run_count"] for one in found}


@pytest.fixture(scope="module")
def world() -> World:
    return World.generate(people=30)


@pytest.fixture(scope="module")
def ended(
    prefect: PrefectServer, world: World, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[str]]:
    """How one run of each kind ended; their data folders are named for them."""
    folder = tmp_path_factory.mktemp("ended")
    victim = world.users()[-1]["id"]
    refused = Fault("403_html", path=rf"/users/{victim}/ooo", times=1000)
    away = Fault("502_html", path="/organizations/1/users", times=1)
    few = World.from_records(world.users(), world.entries()[:10])
    with (
        serve(Simulator(world, limits=None)) as whole,
        serve(Simulator(world, limits=None, faults=[refused])) as refusing,
        serve(Simulator(world, limits=None, faults=[away])) as flaky,
        serve(Simulator(few, limits=None)) as emptied,
    ):

        def run(url: str, data: str, *, key: str = OWNER_KEY, **parameters: Any) -> Any:
            environment = {
                "CALCOM_API_URL": url,
                "CALCOM_API_KEY": key,
                "OOO_DATA_DIR": str(folder / data),
                "OOO_MAX_ATTEMPTS": "1",
                "OOO_RETRY_SECONDS": "0.01",
            }
            return environment, parameters

        runs = {
            "whole": run(whole.url, "whole", strategy="org-wide"),
            "partial": run(refusing.url, "partial", strategy="per-user"),
            "retried": run(flaky.url, "retried"),
            "guarded": run(emptied.url, "whole"),
            "refused": run(whole.url, "refused", key="cal_wrong"),
            "with a block": run(whole.url, "block", key="", credential_block="calcom-key"),
            "without the block": run(whole.url, "block", credential_block="no-such-block"),
        }
        states = run_each(prefect, folder, list(runs.values()))
    return dict(zip(runs, states, strict=True)) | {"folder": [str(folder)]}


def test_a_flow_runs_state_tells_the_truth_and_its_tables_too(
    ended: dict[str, list[str]], world: World
) -> None:
    (folder,) = map(Path, ended["folder"])
    assert ended["whole"][:2] == ["COMPLETED", "Completed"]
    assert_equals_truth(folder / "whole" / "ooo.duckdb", world.entries(), world.users())
    assert ended["partial"][:2] == ["COMPLETED", "Partial"]
    assert "1 scopes failed" in ended["partial"][2]
    assert ended["guarded"][:2] == ["FAILED", "Failed"]
    assert "exit code 16: " in ended["guarded"][2]
    assert "--allow-mass-delete" in ended["guarded"][2]
    assert ended["refused"][:2] == ["FAILED", "Failed"]
    assert "exit code 11: " in ended["refused"][2]


def test_only_what_time_may_mend_is_tried_again(
    prefect: PrefectServer, ended: dict[str, list[str]], world: World
) -> None:
    (folder,) = map(Path, ended["folder"])
    assert ended["retried"][:2] == ["COMPLETED", "Completed"]
    assert task_runs(prefect, ended["retried"][3])["read people"] == 2
    assert_equals_truth(folder / "retried" / "ooo.duckdb", world.entries(), world.users())
    assert task_runs(prefect, ended["guarded"][3])["load"] == 1
    assert set(task_runs(prefect, ended["refused"][3]).values()) <= {1}


def test_a_secret_block_holds_the_credential_and_its_absence_is_named(
    ended: dict[str, list[str]], world: World
) -> None:
    (folder,) = map(Path, ended["folder"])
    assert ended["with a block"][:2] == ["COMPLETED", "Completed"]
    assert_equals_truth(folder / "block" / "ooo.duckdb", world.entries(), world.users())
    assert ended["without the block"][0] == "FAILED"
    assert "exit code 10: no Secret block 'no-such-block'" in ended["without the block"][2]


def test_a_flow_run_leaves_its_summary_its_problems_its_progress_its_links_and_its_assets(
    prefect: PrefectServer, ended: dict[str, list[str]], world: World
) -> None:
    found = prefect.artifacts(ended["partial"][3])
    summary = found["sync-summary"]["data"]
    for part in ("Sync: partial", "| requests |", "| waited seconds |", "## scopes", "| failed | 1 |"):
        assert part in summary
    assert f"| fct ooo entries | {len(world.entries()):,} |" not in summary, "a refused user's entries"
    (problem,) = json.loads(found["sync-problems"]["data"])
    assert (problem["user_id"], problem["verdict"]) == (world.users()[-1]["id"], "failed")
    assert found["sync-progress"]["data"] == 100
    assert "ooo.duckdb" in found["ooo-duckdb"]["data"]
    whole = prefect.artifacts(ended["whole"][3])
    assert "sync-problems" not in whole
    assert f"| fct ooo entries | {len(world.entries()):,} |" in whole["sync-summary"]["data"]
    assert prefect.artifacts(ended["guarded"][3])["sync-progress"]["data"] < 100

    event = {"prefix": ["prefect.asset.materialization.succeeded"]}
    resource = {"id": ["duckdb://ooo/fct_ooo_entries"]}
    wanted = {"event": event, "resource": resource}

    def materialized() -> list[int]:
        found = prefect.post("/events/filter", filter=wanted, limit=50)["events"]
        return [one["payload"]["rows"] for one in found]

    until(lambda: len(world.entries()) in materialized(), seconds=30, what="the asset's event")


def test_prefect_keeps_no_key_no_address_and_no_note_anywhere(
    prefect: PrefectServer, ended: dict[str, list[str]], world: World
) -> None:
    logs = "".join(prefect.logs(one[3]) for name, one in ended.items() if name != "folder")
    assert "entries read" in logs or "read " in logs
    secrets = {OWNER_KEY, "cal_wrong"} | {user["email"] for user in world.users()}
    notes = {note for entry in world.entries() if len(note := entry["notes"] or "") > 12}
    assert len(notes) > 10
    kept = b"".join(path.read_bytes() for path in prefect.folder.rglob("*") if path.is_file()).decode(
        errors="replace"
    )
    for secret in secrets | notes:
        assert secret not in logs
        assert secret not in kept
    assert not [path for path in (prefect.folder / "results").rglob("*") if path.is_file()]


def test_every_deployment_names_a_flow_that_loads_and_takes_its_parameters() -> None:
    document = yaml.safe_load((ROOT / "prefect.yaml").read_text())
    script = (
        "import json, sys\n"
        "from prefect.flows import load_flow_from_entrypoint\n"
        "for entrypoint, parameters in json.loads(sys.argv[1]):\n"
        "    flow = load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)\n"
        "    flow.validate_parameters(parameters)\n"
        "    for name, one in flow.parameters.properties.items():\n"
        "        assert one.get('description'), (entrypoint, name)\n"
    )
    given_by_the_fleet = {"organization": {"organization": {"name": "acme", "api_key": "env:ACME_KEY"}}}
    wanted = [
        [one["entrypoint"], one["parameters"] | given_by_the_fleet.get(one["name"], {})]
        for one in document["deployments"]
    ]
    checked = subprocess.run(
        [sys.executable, "-c", script, json.dumps(wanted)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    assert {"nightly-sync", "weekly-reconcile"} <= {one["name"] for one in document["deployments"]}
    for one in document["deployments"]:
        assert one["description"]
        assert {"calcom", "out-of-office"} <= set(one["tags"])


def test_the_pinned_fastapi_is_one_that_prefects_server_runs_on() -> None:
    major, minor = map(int, importlib.metadata.version("fastapi").split(".")[:2])
    assert (major, minor) < (0, 151)
