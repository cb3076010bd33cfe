"""The examples of the deployment page are well-formed, hardened, and use commands and settings that exist."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.cli.main import cli
from flows.settings import load_settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
PAGE = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
FILES = sorted(path for path in DEPLOY.rglob("*") if path.is_file())
UNITS = sorted(DEPLOY.glob("systemd/*.service"))


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_page_names_every_example() -> None:
    for path in FILES:
        name = path.relative_to(ROOT).as_posix()
        assert name in PAGE or path.name in PAGE or path.stem in PAGE, name
    for name in ("Dockerfile", "compose.yaml"):
        assert f"`{name}`" in PAGE


def test_the_image_is_built_from_the_hashed_lock_without_a_secret_and_runs_as_a_user() -> None:
    lines = [line.strip() for line in text("Dockerfile").splitlines() if not line.startswith("#")]
    stages = [line for line in lines if line.startswith("FROM")]
    assert len(stages) == 2
    assert any("--require-hashes -r requirements.lock" in line for line in lines)
    assert "USER 10001:10001" in lines
    assert any(line.startswith("HEALTHCHECK") for line in lines)
    assert 'CMD ["ooo", "status", "--max-age-hours", "26"]' in lines
    last_stage = lines[lines.index(stages[1]) :]
    assert [line for line in last_stage if line.startswith(("COPY", "ADD"))] == [
        "COPY --from=build /opt/ooo /opt/ooo"
    ]
    assert not re.search(r"CALCOM_\w*(KEY|TOKEN)", text("Dockerfile"))
    copied = {
        name
        for line in lines
        if line.startswith("COPY") and "--from" not in line
        for name in line.split()[1:-1]
    }
    allowed = {line[1:] for line in text(".dockerignore").splitlines() if line.startswith("!")}
    assert copied <= allowed
    assert text(".dockerignore").splitlines()[1] == "*"
    assert not any(name.startswith((".env", "data")) for name in allowed)


def test_compose_has_one_writer_with_the_volume_and_no_secret() -> None:
    services = yaml.safe_load(text("compose.yaml"))["services"]
    assert set(services) == {"database", "server", "deploy", "worker"}
    mounted = [
        name for name, service in services.items() if "warehouse:/var/lib/ooo" in service.get("volumes", [])
    ]
    assert mounted == ["worker"]
    assert services["worker"]["cap_drop"] == ["ALL"]
    assert services["server"]["ports"] == ["127.0.0.1:4200:4200"]
    assert not re.search(r"PASSWORD: *[a-z]", text("compose.yaml"))


def test_kubernetes_runs_one_unprivileged_writer_on_a_volume_of_one_pod() -> None:
    claim, job = yaml.safe_load_all(text("deploy/kubernetes/cronjob.yaml"))
    assert claim["spec"]["accessModes"] == ["ReadWriteOncePod"]
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert container["args"][0] in cli.commands


def test_the_job_template_of_the_work_pool_declares_every_variable_that_it_uses() -> None:
    template: dict[str, Any] = json.loads(text("deploy/kubernetes/base-job-template.json"))
    used = set(re.findall(r"{{ (\w+) }}", json.dumps(template["job_configuration"])))
    assert used == set(template["variables"]["properties"])


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.name)
def test_each_unit_is_hardened_and_stops_in_time(unit: Path) -> None:
    settings = dict(
        line.split("=", 1) for line in unit.read_text().splitlines() if "=" in line and line[0] != "#"
    )
    expected = {
        "NoNewPrivileges": "true",
        "ProtectSystem": "strict",
        "ProtectHome": "true",
        "PrivateTmp": "true",
    }
    assert expected.items() <= settings.items()
    assert {"User", "StateDirectory", "TimeoutStopSec"} <= settings.keys()


def test_the_page_creates_the_user_of_each_unit_and_installs_and_starts_it() -> None:
    page = text("docs/deployment.md")
    for unit in UNITS:
        (user,) = re.findall("^User=(.+)$", unit.read_text(), re.MULTILINE)
        assert re.search(rf"^useradd --system .* {user}$", page, re.MULTILINE), unit.name
        assert re.search(rf"^cp .*deploy/systemd/{unit.stem}\.", page, re.MULTILINE), unit.name
        started = unit.with_suffix(".timer") if unit.with_suffix(".timer").exists() else unit
        assert f"enable --now {started.name}" in page


def test_a_variable_of_the_examples_does_not_stop_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    files = [
        path for path in (ROOT / "examples").rglob("*") if path.suffix in (".md", ".py", ".yml", ".yaml")
    ]
    names = {name for path in files for name in re.findall(r"\bOOO_[A-Z_]+", path.read_text())}
    settings_names = set(re.findall(r"`((?:OOO|CALCOM)_[A-Z_]+)`", text("docs/settings.md")))
    assert "OOO_DATABASE" in names
    for name in names - settings_names:
        monkeypatch.setenv(name, "x")
    load_settings(_env_file=None)


def test_every_ooo_command_of_the_examples_exists() -> None:
    pattern = r'(?:bin/ooo|\booo|"ooo",|/bin/ooo",) "?(sync|status|[a-z]+-[a-z]+|maintain)\b'
    paths = [*FILES, ROOT / "compose.yaml", ROOT / "Dockerfile"]
    names = {name for path in paths for name in re.findall(pattern, path.read_text())}
    assert {"sync", "status", "maintain", "init-prefect", "setup-prefect"} <= names
    assert names <= set(cli.commands)


@pytest.mark.parametrize("name", ["airflow_dag.py", "dagster_definitions.py"])
def test_the_examples_in_python_are_valid(name: str) -> None:
    ast.parse((DEPLOY / "schedulers" / name).read_text())


def test_the_crontab_and_the_workflow_have_schedules_of_five_fields() -> None:
    jobs = [line for line in text("deploy/schedulers/crontab").splitlines() if line[:1].isdigit()]
    assert len(jobs) == 3
    assert all(re.match(r"[\d*]+ [\d*]+ [\d*]+ [\d*]+ [\d*]+ \S", line) for line in jobs)
    workflow = yaml.safe_load(text("deploy/schedulers/github-actions.yml"))
    (job,) = workflow["jobs"].values()
    assert job["runs-on"] == ["self-hosted", "ooo"]
    assert workflow["concurrency"]["cancel-in-progress"] is False
