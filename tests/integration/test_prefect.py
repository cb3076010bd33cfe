"""Flow runs on a Prefect server publish the same tables as the command, and end in states that fit."""

import importlib.metadata
import json
import logging
import re
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

PAGE = "https://intranet.example.com/absences"
"""The URL of a report page."""

_RUN_EACH = """
import json, os, sys
from prefect.blocks.system import Secret
from flows.sync import sync

Secret(value=json.loads(sys.argv[1])).save("calcom-key")
ends = []
for environment, parameters in json.loads(sys.argv[2]):
    os.environ.update(environment)
    state = sync(**parameters, return_state=True)
    ends.append([state.type.value, state.name, state.message, str(state.state_details.flow_run_id)])
    for name in environment:
        del os.environ[name]
print(json.dumps(ends))
"""


def run_each(
    prefect: PrefectServer, folder: Path, runs: list[tuple[dict[str, str], dict[str, Any]]]
) -> list[list[str]]:
    """Run the flow for each environment and parameters in one process. Return its type, name, message and id."""
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
    ends: list[list[str]] = json.loads(done.stdout.splitlines()[-1])
    return ends


def task_runs(prefect: PrefectServer, flow_run_id: str) -> dict[str, int]:
    """Return the number of attempts of each task of a flow run."""
    tasks = prefect.post("/task_runs/filter", flow_runs={"id": {"any_": [flow_run_id]}})
    return {task["name"]: task["run_count"] for task in tasks}


@pytest.fixture(scope="module")
def world() -> World:
    return World.generate(people=30)


@pytest.fixture(scope="module")
def ended(
    prefect: PrefectServer, world: World, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[str]]:
    """Run the flow once in each situation, and return how it ended; the data folders have the same names."""
    folder = tmp_path_factory.mktemp("ended")
    victim = world.users()[-1]["id"]
    refused = Fault("403_html", path=rf"/users/{victim}/ooo", times=1000)
    away = Fault("502_html", path="/organizations/1/users", times=1)
    unknown = Fault("502_html", path="/v2/me", times=1)
    few = World.from_records(world.users(), world.entries()[:10])
    with (
        serve(Simulator(world, limits=None)) as whole,
        serve(Simulator(world, limits=None, faults=[refused])) as refusing,
        serve(Simulator(world, limits=None, faults=[away])) as flaky,
        serve(Simulator(world, limits=None, faults=[unknown])) as away_at_first,
        serve(Simulator(few, limits=None)) as emptied,
    ):

        def run(
            url: str,
            data: str,
            *,
            key: str = OWNER_KEY,
            report_url: str | None = None,
            log_format: str = "text",
            **parameters: Any,
        ) -> Any:
            environment = {
                "CALCOM_API_URL": url,
                "CALCOM_API_KEY": key,
                "OOO_DATA_DIR": str(folder / data),
                "OOO_MAX_ATTEMPTS": "1",
                "OOO_RETRY_SECONDS": "0.01",
                "OOO_LOG_FORMAT": log_format,
                "OOO_ALLOW_NEW_HOST": "true",  # two servers fill one data folder
            }
            if report_url:
                environment["OOO_REPORT_URL"] = report_url
            return environment, parameters

        runs = {
            "whole": run(whole.url, "whole", strategy="org-wide", report_url=PAGE),
            "partial": run(refusing.url, "partial", strategy="per-user"),
            "retried": run(flaky.url, "retried"),
            "retried at first": run(away_at_first.url, "first"),
            "guarded": run(emptied.url, "whole"),
            "refused": run(whole.url, "refused", key="cal_wrong"),
            "with a block": run(whole.url, "block", key="", log_format="json", credential_block="calcom-key"),
            "without the block": run(whole.url, "block", credential_block="no-such-block"),
        }
        states = run_each(prefect, folder, list(runs.values()))
    return dict(zip(runs, states, strict=True)) | {"folder": [str(folder)]}


def test_the_state_of_a_flow_run_fits_its_outcome_and_its_tables(
    ended: dict[str, list[str]], world: World
) -> None:
    (folder,) = map(Path, ended["folder"])
    assert ended["whole"][:2] == ["COMPLETED", "Completed"]
    assert_equals_truth(folder / "whole" / "ooo.duckdb", world.entries(), world.users())
    assert ended["partial"][:2] == ["COMPLETED", "Partial"]
    assert "1 scope failed" in ended["partial"][2]
    assert ended["guarded"][:2] == ["FAILED", "Failed"]
    assert "exit code 16: " in ended["guarded"][2]
    assert "--allow-mass-delete" in ended["guarded"][2]
    assert ended["refused"][:2] == ["FAILED", "Failed"]
    assert "exit code 11: " in ended["refused"][2]


def test_only_a_task_that_found_the_source_unavailable_is_retried(
    prefect: PrefectServer, ended: dict[str, list[str]], world: World
) -> None:
    (folder,) = map(Path, ended["folder"])
    assert ended["retried"][:2] == ["COMPLETED", "Completed"]
    assert task_runs(prefect, ended["retried"][3])["read people"] == 2
    assert_equals_truth(folder / "retried" / "ooo.duckdb", world.entries(), world.users())
    assert ended["retried at first"][:2] == ["COMPLETED", "Completed"]
    assert task_runs(prefect, ended["retried at first"][3])["find the organization"] == 2
    assert task_runs(prefect, ended["guarded"][3])["load"] == 1
    assert set(task_runs(prefect, ended["refused"][3]).values()) <= {1}


def test_the_credential_can_be_in_a_secret_block_and_a_missing_block_is_named(
    ended: dict[str, list[str]], world: World
) -> None:
    (folder,) = map(Path, ended["folder"])
    assert ended["with a block"][:2] == ["COMPLETED", "Completed"]
    assert_equals_truth(folder / "block" / "ooo.duckdb", world.entries(), world.users())
    assert ended["without the block"][0] == "FAILED"
    assert "exit code 10: no Secret block 'no-such-block'" in ended["without the block"][2]


def test_a_flow_run_has_artifacts_for_its_summary_problems_progress_files_and_assets(
    prefect: PrefectServer, ended: dict[str, list[str]], world: World
) -> None:
    artifacts = prefect.artifacts(ended["partial"][3])
    summary = artifacts["sync-summary"]["data"]
    for part in ("Sync: partial", "| requests |", "| waited seconds |", "## scopes", "| failed | 1 |"):
        assert part in summary
    assert f"| fct ooo entries | {len(world.entries()):,} |" not in summary, "entries of a refused user"
    (problem,) = json.loads(artifacts["sync-problems"]["data"])
    assert (problem["user_id"], problem["verdict"]) == (world.users()[-1]["id"], "failed")
    assert artifacts["sync-progress"]["data"] == 100
    assert "ooo.duckdb" in artifacts["ooo-duckdb"]["data"]
    whole = prefect.artifacts(ended["whole"][3])
    assert "sync-problems" not in whole
    assert f"| fct ooo entries | {len(world.entries()):,} |" in whole["sync-summary"]["data"]
    assert prefect.artifacts(ended["guarded"][3])["sync-progress"]["data"] < 100

    event = {"prefix": ["prefect.asset.materialization.succeeded"]}
    resource = {"id": ["duckdb://ooo/fct_ooo_entries"]}
    event_filter = {"event": event, "resource": resource}

    def materialized() -> list[int]:
        events = prefect.post("/events/filter", filter=event_filter, limit=50)["events"]
        return [event["payload"]["rows"] for event in events]

    until(lambda: len(world.entries()) in materialized(), seconds=30, what="the asset's event")


def test_a_failed_run_has_one_line_at_the_level_error_and_a_summary(
    prefect: PrefectServer, ended: dict[str, list[str]]
) -> None:
    for name in ("guarded", "refused", "without the block"):
        records = prefect.log_records(ended[name][3])
        errors = [record["message"] for record in records if record["level"] >= logging.ERROR]
        assert errors == [ended[name][2]]
        assert not any("Traceback" in record["message"] for record in records), name
        summary = prefect.artifacts(ended[name][3])["sync-summary"]
        assert "| outcome | failed |" in summary["data"]
        assert f"| exit code | {ended[name][2].split()[2].rstrip(':')} |" in summary["data"]


def test_a_partial_run_is_a_warning_and_a_complete_run_is_none(
    prefect: PrefectServer, ended: dict[str, list[str]]
) -> None:
    for name, levels in (("partial", {logging.WARNING}), ("whole", set())):
        records = prefect.log_records(ended[name][3])
        assert {record["level"] for record in records if record["level"] >= logging.WARNING} == levels
    assert any(
        "PARTIAL  organization 1" in record["message"] for record in prefect.log_records(ended["partial"][3])
    )


def test_a_run_has_a_name_that_says_what_ran_and_artifacts_without_lists_of_python(
    prefect: PrefectServer, ended: dict[str, list[str]]
) -> None:
    assert re.fullmatch(
        r"sync, strategy org-wide, \d{4}-\d\d-\d\d \d\d:\d\d UTC", prefect.flow_run(ended["whole"][3])["name"]
    )
    for end in ("whole", "partial", "guarded"):
        for artifact in prefect.artifacts(ended[end][3]).values():
            assert artifact["description"], artifact["key"]
            if artifact["type"] == "markdown":
                assert not re.search(r"\[[{'\"(\]]|\{'", artifact["data"]), artifact["data"]
    report = prefect.artifacts(ended["whole"][3])["report"]["data"]
    assert "| people | 30 |" in report
    assert "[Report page](https://intranet.example.com/absences)" in report
    assert "out-of-office.html" in prefect.artifacts(ended["partial"][3])["report"]["data"]


def test_a_flow_writes_json_lines_if_the_setting_says_so(
    prefect: PrefectServer, ended: dict[str, list[str]]
) -> None:
    messages = [record["message"] for record in prefect.log_records(ended["with a block"][3])]
    lines = [json.loads(message) for message in messages if message.startswith("{")]
    ends = [line["stage"] for line in lines if line["event"] == "stage_ended"]
    reading = ["read people", "read entries", "read team members", "settle"]
    assert ends == [*reading, "load", "publish", "run"]
    assert len({line["run_id"] for line in lines}) == 1


def test_every_flow_and_every_task_has_a_time_limit() -> None:
    from flows import extract, maintain, sync, sync_fleet  # noqa: PLC0415 - takes seconds
    from flows.orchestration.tasks import stages_as_tasks  # noqa: PLC0415

    flows: list[Any] = [extract.extract, maintain.maintain, sync.sync, sync_fleet.fleet]
    tasks = [sync_fleet.extract_task, sync_fleet.load_task, sync_fleet.publish_task]
    for unit in [*flows, *tasks, *vars(stages_as_tasks(1.0)).values()]:
        assert unit.timeout_seconds, unit.name


@pytest.mark.parametrize("hours", [0, -1, 10_000])
def test_the_flow_of_a_fleet_refuses_hours_in_which_no_extraction_can_end(hours: float) -> None:
    from prefect.exceptions import ParameterTypeError  # noqa: PLC0415 - takes seconds

    from flows.sync_fleet import fleet  # noqa: PLC0415

    flow: Any = fleet
    assert flow.validate_parameters({"organizations_file": "a.toml", "give_up_after_hours": 1})
    with pytest.raises(ParameterTypeError, match="give_up_after_hours"):
        flow.validate_parameters({"organizations_file": "a.toml", "give_up_after_hours": hours})


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_of_a_secret_block_means_the_credential_of_the_environment(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from flows.orchestration.blocks import load_flow_settings  # noqa: PLC0415 - takes seconds

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CALCOM_API_KEY", OWNER_KEY)
    api_key = load_flow_settings(name).api_key
    assert api_key is not None
    assert api_key.get_secret_value() == OWNER_KEY


def test_prefect_stores_no_key_no_email_address_and_no_note(
    prefect: PrefectServer, ended: dict[str, list[str]], world: World
) -> None:
    logs = "".join(prefect.logs(end[3]) for name, end in ended.items() if name != "folder")
    assert "entries read" in logs or "read " in logs
    secrets = {OWNER_KEY, "cal_wrong"} | {user["email"] for user in world.users()}
    notes = {note for entry in world.entries() if len(note := entry["notes"] or "") > 12}
    assert len(notes) > 10
    stored = b"".join(path.read_bytes() for path in prefect.folder.rglob("*") if path.is_file()).decode(
        errors="replace"
    )
    for secret in secrets | notes:
        assert secret not in logs
        assert secret not in stored
    assert not [path for path in (prefect.folder / "results").rglob("*") if path.is_file()]


def test_every_deployment_has_a_flow_that_loads_and_accepts_its_parameters() -> None:
    document = yaml.safe_load((ROOT / "prefect.yaml").read_text())
    script = (
        "import json, sys\n"
        "from prefect.flows import load_flow_from_entrypoint\n"
        "for entrypoint, parameters in json.loads(sys.argv[1]):\n"
        "    flow = load_flow_from_entrypoint(entrypoint, use_placeholder_flow=False)\n"
        "    flow.validate_parameters(parameters)\n"
        "    for name, parameter in flow.parameters.properties.items():\n"
        "        assert parameter.get('description'), (entrypoint, name)\n"
    )
    parameters_of_the_fleet = {"organization": {"organization": {"name": "acme", "api_key": "env:ACME_KEY"}}}
    deployments = document["deployments"]
    flows = [
        [
            deployment["entrypoint"],
            deployment["parameters"] | parameters_of_the_fleet.get(deployment["name"], {}),
        ]
        for deployment in deployments
    ]
    checked = subprocess.run(
        [sys.executable, "-c", script, json.dumps(flows)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    assert {"nightly-sync", "weekly-reconcile"} <= {deployment["name"] for deployment in deployments}
    for deployment in deployments:
        assert deployment["description"]
        assert {"calcom", "out-of-office"} <= set(deployment["tags"])


def test_the_pinned_fastapi_is_a_version_that_the_prefect_server_supports() -> None:
    major, minor = map(int, importlib.metadata.version("fastapi").split(".")[:2])
    assert (major, minor) < (0, 151)
