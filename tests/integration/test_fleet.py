"""A fleet: many organizations in one warehouse, and one's failure is its own."""

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
def test_failing_organizations_are_named_with_their_reason_and_the_others_load(tmp_path: Path) -> None:
    with serve_fleet(tmp_path, organizations=8, people=6) as fleet:
        code, summary = sync_fleet(tmp_path, fleet.file, **fleet.environment)
        assert (code, summary["outcome"]) == (17, "partial")
        told = {one["organization"]: one for one in summary["organizations"]}
        assert {name for name, one in told.items() if one["outcome"] == "failed"} == set(fleet.failures)
        for name, said in fleet.failures.items():
            assert said in f"exit code {told[name]['exit_code']}: {told[name]['error']}"
        assert_fleet_is_loaded(tmp_path / "data" / "ooo.duckdb", fleet)
        waiting = [path for path in (tmp_path / "data" / "exchange").rglob("*") if path.is_file()]
        assert waiting == [], "landings hold people's data and are not left behind"
        assert list((tmp_path / "data" / "organizations").rglob("*.parquet")) == []

        code, again = sync_fleet(tmp_path, fleet.file, **fleet.environment)
        assert code == 17
        assert sum(one["changes"] for one in again["organizations"]) == 0
        assert_fleet_is_loaded(tmp_path / "data" / "ooo.duckdb", fleet)


@pytest.mark.slow
def test_if_all_fail_the_first_errors_code_is_the_exit_code_and_nothing_is_published(tmp_path: Path) -> None:
    with serve_fleet(tmp_path, organizations=3, people=3) as fleet:
        environment = dict(fleet.environment) | {"RIGHT_KEY": "cal_wrong"}
        code, summary = sync_fleet(tmp_path, fleet.file, **environment)
    assert (code, summary["outcome"], summary["published"]) == (11, "failed", {})
    assert not (tmp_path / "data" / "ooo.duckdb").exists()


@pytest.mark.slow
def test_one_organization_under_two_names_is_loaded_once_and_said(tmp_path: Path) -> None:
    with serve_fleet(tmp_path, organizations=1, people=3) as fleet:
        twice = fleet.file.read_text() + fleet.file.read_text().replace("org-01", "org-99")
        fleet.file.write_text(twice)
        code, summary = sync_fleet(tmp_path, fleet.file, **fleet.environment)
    outcomes = sorted((one["outcome"], one["exit_code"]) for one in summary["organizations"])
    assert (code, outcomes) == (17, [("complete", 0), ("failed", 10)])
    (failed,) = (one for one in summary["organizations"] if one["outcome"] == "failed")
    assert "ids are told apart by organization alone" in failed["error"]


@pytest.mark.parametrize(
    ("text", "said"),
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
def test_a_file_that_is_wrong_says_where_and_never_repeats_a_secret(
    text: str, said: str, tmp_path: Path
) -> None:
    file = tmp_path / "orgs.toml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_organizations(file)
    assert said in str(caught.value)
    assert "cal_live_secret" not in str(caught.value)
