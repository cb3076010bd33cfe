"""A run through a real Prefect server: the flow ends as it should and leaves the same tables."""

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from calcom.simulator import Fault, Simulator, World, serve
from tests.support.truth import assert_equals_truth

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
_RUN_BOTH = """
import json, os
from flows.sync import sync

states = []
for strategy in ("org-wide", "per-user"):
    os.environ["OOO_DATA_DIR"] = os.environ["DATA_ROOT"] + "/" + strategy
    state = sync(strategy=strategy, return_state=True)
    states.append([state.type.value, state.name, state.message, state.result()["published"]])
print(json.dumps(states))
"""


@pytest.fixture(scope="module")
def prefect_environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A Prefect of this test's own: a temporary server, nothing sent anywhere."""
    home = tmp_path_factory.mktemp("prefect")
    inherited = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    return inherited | {
        "PREFECT_HOME": str(home),
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PYTHONPATH": str(ROOT),
    }


def test_the_flow_ends_completed_or_partial_and_leaves_the_same_tables(
    prefect_environment: dict[str, str], tmp_path: Path
) -> None:
    world = World.generate(people=30)
    victim = world.users()[-1]["id"]
    fault = Fault("403_html", path=rf"/users/{victim}/ooo", times=1000)
    with serve(Simulator(world, limits=None, faults=[fault])) as server:
        environment = prefect_environment | {
            "CALCOM_API_URL": server.url,
            "CALCOM_API_KEY": "cal_simulator_owner",
            "DATA_ROOT": str(tmp_path),
        }
        done = subprocess.run(
            [sys.executable, "-c", _RUN_BOTH],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    assert done.returncode == 0, done.stderr
    (whole, partial) = json.loads(next(line for line in done.stdout.splitlines() if line.startswith("[[")))
    assert whole[:2] == ["COMPLETED", "Completed"]
    assert partial[:2] == ["COMPLETED", "Partial"]
    assert "1 scopes failed" in partial[2]
    assert_equals_truth(tmp_path / "org-wide" / "ooo.duckdb", world.entries(), world.users())
    assert "Task run 'read entries: batch 1'" in done.stderr
    for secret in ("cal_simulator_owner", "@"):
        assert secret not in done.stdout + done.stderr.replace("@flow", "")


def test_every_deployment_names_a_flow_that_loads_and_takes_its_parameters() -> None:
    document = yaml.safe_load((ROOT / "prefect.yaml").read_text())
    script = (
        "import json, sys\n"
        "from prefect.flows import load_flow_from_entrypoint\n"
        "for entrypoint, parameters in json.loads(sys.argv[1]):\n"
        "    load_flow_from_entrypoint(entrypoint).validate_parameters(parameters)\n"
    )
    wanted = [[one["entrypoint"], one["parameters"]] for one in document["deployments"]]
    checked = subprocess.run(
        [sys.executable, "-c", script, json.dumps(wanted)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    assert "nightly-sync" in [one["name"] for one in document["deployments"]]


def test_the_pinned_fastapi_is_one_that_prefects_server_runs_on() -> None:
    major, minor = map(int, importlib.metadata.version("fastapi").split(".")[:2])
    assert (major, minor) < (0, 151)
