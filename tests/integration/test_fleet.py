"""A fleet of organizations is loaded into one warehouse, and the failure of one stops no other."""

import json
from pathlib import Path
from typing import Any

import pytest

from flows.fleet.organizations import read_organizations
from flows.settings.errors import ConfigurationError
from tests.support.fleet import assert_fleet_is_loaded, serve_fleet
from tests.support.program import run_ooo


def sync_fleet(folder: Path, file: Path, **environment: str) -> tuple[int, Any]:
    done = run_ooo("fleet", "sync", str(file), "--json", "--quiet", cwd=folder, **environment)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


@pytest.mark.slow
def test_failing_organizations_are_named_with_their_error_and_the_others_load(tmp_path: Path) -> None:
    with serve_fleet(tmp_path, organizations=8, people=6) as fleet:
        code, summary = sync_fleet(tmp_path, fleet.file, **fleet.environment)
        assert (code, summary["outcome"]) == (17, "partial")
        outcomes = {outcome["organization"]: outcome for outcome in summary["organizations"]}
        failed = {name for name, outcome in outcomes.items() if outcome["outcome"] == "failed"}
        assert failed == set(fleet.failures)
        for name, error in fleet.failures.items():
            assert error in f"exit code {outcomes[name]['exit_code']}: {outcomes[name]['error']}"
        assert_fleet_is_loaded(tmp_path / "data" / "ooo.duckdb", fleet)
        left = [path for path in (tmp_path / "data" / "exchange").rglob("*") if path.is_file()]
        assert left == [], "landings hold personal data"
        assert list((tmp_path / "data" / "organizations").rglob("*.parquet")) == []

        code, again = sync_fleet(tmp_path, fleet.file, **fleet.environment)
        assert code == 17
        assert sum(outcome["changes"] for outcome in again["organizations"]) == 0
        assert_fleet_is_loaded(tmp_path / "data" / "ooo.duckdb", fleet)


@pytest.mark.slow
def test_if_all_organizations_fail_the_first_exit_code_is_returned_and_nothing_is_published(
    tmp_path: Path,
) -> None:
    with serve_fleet(tmp_path, organizations=3, people=3) as fleet:
        environment = dict(fleet.environment) | {"RIGHT_KEY": "cal_wrong"}
        code, summary = sync_fleet(tmp_path, fleet.file, **environment)
    assert (code, summary["outcome"], summary["published"]) == (11, "failed", {})
    assert not (tmp_path / "data" / "ooo.duckdb").exists()


@pytest.mark.slow
def test_an_organization_under_two_names_is_loaded_once_and_reported(tmp_path: Path) -> None:
    with serve_fleet(tmp_path, organizations=1, people=3) as fleet:
        twice = fleet.file.read_text() + fleet.file.read_text().replace("org-01", "org-99")
        fleet.file.write_text(twice)
        code, summary = sync_fleet(tmp_path, fleet.file, **fleet.environment)
    outcomes = sorted((outcome["outcome"], outcome["exit_code"]) for outcome in summary["organizations"])
    assert (code, outcomes) == (17, [("complete", 0), ("failed", 10)])
    (failed,) = (outcome for outcome in summary["organizations"] if outcome["outcome"] == "failed")
    assert "organizations are identified by this id alone" in failed["error"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected tables [organizations.NAME]"),
        ("organizations = 3", "expected tables [organizations.NAME]"),
        ('[organizations.acme]\napi_key = "cal_live_secret"', "api_key"),
        ("[organizations.acme]", "expected exactly one of api_key"),
        ('[organizations.acme]\nclient_id = "x"\napi_key = "env:K"', "client_id with secret_key"),
        ('[organizations."Acme Inc"]\napi_key = "env:K"', "organization Acme Inc: name"),
        ('[organizations.acme]\napi_key = "env:K"\nregion = "eu"', "region"),
        ("[organizations.acme", "expected a TOML file"),
    ],
)
def test_an_invalid_fleet_file_is_refused_with_the_problem_and_without_the_secret(
    text: str, message: str, tmp_path: Path
) -> None:
    file = tmp_path / "orgs.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as error:
        read_organizations(file)
    assert message in str(error.value)
    assert "cal_live_secret" not in str(error.value)
