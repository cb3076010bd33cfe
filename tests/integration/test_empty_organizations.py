"""An organization without users or without entries ends with a summary, tables and a page, in every strategy."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from calcom.simulator import OTHER_ORGANIZATION_KEY, OWNER_KEY, Simulator, World
from flows.report.page import report_path
from flows.settings import Settings
from tests.integration.test_sync import sync_lists
from tests.support.fleet import serve_simulators, write_fleet
from tests.support.program import run_ooo


@pytest.mark.parametrize("strategy", ["auto", "org-wide", "per-user", "both"])
@pytest.mark.parametrize(("has_users", "exit_code"), [(True, 0), (False, 17)])
def test_an_organization_without_entries_or_users_is_published(
    strategy: str, *, has_users: bool, exit_code: int, settings_for: Callable[..., Settings]
) -> None:
    users = World.generate(people=4).users() if has_users else []

    def respond(path: str) -> list[dict[str, Any]]:
        return users if path.endswith("/users") else []

    settings = settings_for("https://cal.example", CALCOM_ORG_ID=1, OOO_TEAMS=True)
    for _ in range(2):
        summary = sync_lists(settings, respond, strategy)
        assert (summary.exit_code, summary.rows["deleted"]) == (exit_code, 0)
        assert report_path(settings).exists()
        with duckdb.connect(str(summary.database), read_only=True) as connection:
            people = connection.execute("SELECT count(*) FROM dim_people WHERE left_at IS NULL").fetchall()
        assert people == [(len(users),)]


@pytest.mark.slow
def test_an_organization_without_users_makes_a_fleet_partial_and_is_named(tmp_path: Path) -> None:
    world = World.generate(people=4, years=1)
    simulators = {name: Simulator(world, limits=None) for name in ("acme", "globex")}
    with serve_simulators(simulators) as servers:
        file = write_fleet(tmp_path / "orgs.toml", servers, globex="OTHER_KEY")
        keys = {"RIGHT_KEY": OWNER_KEY, "OTHER_KEY": OTHER_ORGANIZATION_KEY}
        done = run_ooo("fleet", "sync", str(file), "--json", "--quiet", cwd=tmp_path, **keys)
    summary = json.loads(done.stdout)
    outcomes = {each["organization"]: each["outcome"] for each in summary["organizations"]}
    assert (done.returncode, outcomes) == (17, {"acme": "complete", "globex": "partial"})
    assert "empty_users_list" in done.stdout
