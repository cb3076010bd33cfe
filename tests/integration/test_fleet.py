"""A fleet of organizations is loaded into one warehouse, and the failure of one stops no other."""

import json
from pathlib import Path
from typing import Any

import pytest

from calcom.simulator import OWNER_KEY, Simulator, World
from flows.fleet.organizations import read_organizations
from flows.settings.errors import ConfigurationError
from tests.support.fleet import assert_fleet_is_loaded, serve_fleet, serve_simulators, write_fleet
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
def test_an_organization_under_two_credentials_is_refused_before_its_lists_are_read(tmp_path: Path) -> None:
    world = World.generate(people=3, years=1)
    with serve_simulators({name: Simulator(world, limits=None) for name in ("acme", "globex")}) as servers:
        file = write_fleet(tmp_path / "orgs.toml", servers, globex="OTHER_KEY")
        code, error = sync_fleet(tmp_path, file, RIGHT_KEY=OWNER_KEY, OTHER_KEY=OWNER_KEY)
        requests = {request.path for server in servers.values() for request in server.simulator.requests}
    assert code == 10
    assert "acme and globex are organization 1" in error["error"]
    assert requests == {"/v2/me"}
    assert not (tmp_path / "data" / "warehouse.duckdb").exists()


@pytest.mark.parametrize(
    "same",
    ["organization_id = 7\napi_key = 'env:KEY_{}'", "api_url = 'https://cal.example'\napi_key = 'env:KEY'"],
)
def test_an_id_or_a_credential_under_two_names_is_refused_when_the_file_is_read(
    same: str, tmp_path: Path
) -> None:
    file = tmp_path / "orgs.toml"
    file.write_text("\n".join(f"[organizations.{name}]\n{same.format(name)}" for name in ("acme", "globex")))
    with pytest.raises(ConfigurationError, match="acme and globex are the same organization"):
        read_organizations(file)


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
