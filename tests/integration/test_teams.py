"""Teams and their members, from a real HTTP server to the published tables; absences never wait for them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from starlette.requests import Request

from calcom.simulator import Fault, Simulator, World, routes, serve
from calcom.simulator.errors import unauthorized
from calcom.strategy import Strategy
from flows.run import stages as pipeline
from flows.run.plan import make_plan
from flows.run.progress import SilentListener
from flows.run.summary import RunSummary
from flows.settings import Settings
from tests.support.truth import assert_equals_truth


@pytest.fixture
def world() -> World:
    """Thirty people of one year, in five teams."""
    return World.generate(people=30, years=1)


@pytest.fixture
def with_teams(settings_for: Callable[..., Settings]) -> Callable[..., Settings]:
    """Settings that read teams, and try each request once."""
    return lambda url, **others: settings_for(url, OOO_TEAMS="true", OOO_MAX_ATTEMPTS=1, **others)


def _sync(settings: Settings, strategy: str = "org-wide", **options: Any) -> RunSummary:
    return pipeline.sync(settings, strategy=Strategy(strategy), listener=SilentListener(), **options)


def _rows(database: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(query).fetchall()


def _assert_teams_are(world: World, database: Path) -> None:
    """What is not deleted or left is, row by row, what the simulator holds."""
    teams = "SELECT team_id, parent_team_id, name, slug, is_private, time_zone FROM dim_teams"
    assert _rows(database, f"{teams} WHERE deleted_at IS NULL ORDER BY ALL") == [
        (one["id"], one["parentId"], one["name"], one["slug"], one["isPrivate"], one["timeZone"])
        for one in world.teams.records()
    ]
    members = "SELECT team_id, user_id, membership_id, role, is_accepted FROM dim_team_members"
    assert _rows(database, f"{members} WHERE left_at IS NULL ORDER BY ALL") == sorted(
        (team_id, one["userId"], one["id"], one["role"], one["accepted"])
        for team_id in world.teams.ids()
        for one in world.teams.membership_records(team_id)
    )


@pytest.mark.parametrize("page_size", [250, 3])
def test_the_teams_and_members_are_those_of_the_source(
    page_size: int, world: World, with_teams: Callable[..., Settings]
) -> None:
    with serve(Simulator(world, limits=None)) as server:
        summary = _sync(with_teams(server.url, OOO_PAGE_SIZE=page_size))
    assert summary.outcome == "complete"
    assert summary.scopes["complete"] == 2 + 1 + len(world.teams.ids())
    _assert_teams_are(world, summary.database)
    assert_equals_truth(summary.database, world.entries(), world.users())


def test_teams_cost_one_request_and_one_more_a_team_and_nothing_when_off(
    world: World, with_teams: Callable[..., Settings], settings_for: Callable[..., Settings]
) -> None:
    simulator = Simulator(world, limits=None)
    with serve(simulator) as server:
        without = _sync(settings_for(server.url, CALCOM_ORG_ID="1"))
        assert not any("teams" in one.path for one in simulator.requests)
        assert without.published["dim_teams"] == without.published["dim_team_members"] == 0
        planned = make_plan(with_teams(server.url, CALCOM_ORG_ID="1"))
        simulator.clear_requests()
        summary = _sync(with_teams(server.url, CALCOM_ORG_ID="1"))
        asked = [one.path for one in simulator.requests if "teams" in one.path]
        again = make_plan(with_teams(server.url, CALCOM_ORG_ID="1"))
    assert len(asked) == summary.requests - without.requests == 1 + len(world.teams.ids())
    assert planned.teams == again.teams == len(world.teams.ids())
    assert planned.costs[0].requests == summary.requests
    assert "5 teams" in planned.as_text()


def test_what_changes_at_the_source_changes_and_what_is_gone_leaves_a_tombstone(
    world: World, with_teams: Callable[..., Settings]
) -> None:
    first, second, third, *_ = sorted(world.teams.ids())
    leaver, mover = (one.user_id for one in world.teams.memberships(first)[:2])
    with serve(Simulator(world, limits=None)) as server:
        settings = with_teams(server.url)
        _sync(settings)
        world.teams.rename(second, "Research & Development")
        world.teams.delete(third)
        world.teams.leave(first, leaver)
        world.teams.join(first, mover, role="ADMIN")
        world.teams.join(world.teams.add("Board", is_private=True), mover)
        changed = _sync(settings)
        _assert_teams_are(world, changed.database)
        gone = _rows(changed.database, "SELECT team_id FROM dim_teams WHERE deleted_at IS NOT NULL")
        left = "SELECT DISTINCT team_id FROM dim_team_members WHERE left_at IS NOT NULL ORDER BY ALL"
        left_teams = _rows(changed.database, left)
        world.teams.join(first, leaver)
        back = _sync(settings)
    assert gone == [(third,)]
    assert left_teams == [(first,), (third,)]
    _assert_teams_are(world, back.database)
    seen = f"SELECT first_seen_at < last_seen_at FROM dim_team_members WHERE user_id = {leaver}"
    assert (True,) in _rows(back.database, seen)


def test_a_run_without_changes_changes_nothing_but_when_it_was_last_seen(
    world: World, with_teams: Callable[..., Settings]
) -> None:
    columns = "* EXCLUDE (last_seen_at)"
    with serve(Simulator(world, limits=None)) as server:
        before = _sync(with_teams(server.url))
        tables = {
            name: _rows(before.database, f"SELECT {columns} FROM {name} ORDER BY ALL")
            for name in ("dim_teams", "dim_team_members")
        }
        after = _sync(with_teams(server.url))
    for name, rows in tables.items():
        assert rows
        assert _rows(after.database, f"SELECT {columns} FROM {name} ORDER BY ALL") == rows


@pytest.mark.parametrize("status", ["403_html", "500", "truncated_json"])
def test_a_teams_list_that_fails_leaves_yesterdays_teams_and_todays_absences(
    status: Any, world: World, with_teams: Callable[..., Settings]
) -> None:
    simulator = Simulator(world, limits=None, faults=[Fault(status, path=r"/teams\?", nth=2, times=99)])
    with serve(simulator) as server:
        _sync(with_teams(server.url))
        team_id = min(world.teams.ids())
        world.teams.delete(team_id)
        world.delete_entry(world.entries()[0]["id"])
        simulator.clear_requests()
        summary = _sync(with_teams(server.url))
    assert (summary.exit_code, summary.rows["deleted"]) == (17, 1)
    assert [(one["scope"], one["verdict"]) for one in summary.problems] == [("teams", "failed")]
    assert not any("memberships" in one.path for one in simulator.requests)
    assert_equals_truth(summary.database, world.entries(), world.users())
    stale = "SELECT count(*), bool_and(is_stale), count(deleted_at) FROM dim_teams"
    assert _rows(summary.database, stale) == [(5, True, 0)]
    assert _rows(summary.database, "SELECT count(*) FROM dim_team_members WHERE left_at IS NOT NULL") == [
        (0,)
    ]


def test_one_teams_failure_is_its_own(world: World, with_teams: Callable[..., Settings]) -> None:
    broken, *others = sorted(world.teams.ids())
    fault = Fault("500", path=rf"/teams/{broken}/", nth=2, times=99)
    with serve(Simulator(world, limits=None, faults=[fault])) as server:
        _sync(with_teams(server.url))
        for team_id in (broken, others[0]):
            world.teams.leave(team_id, world.teams.memberships(team_id)[0].user_id)
        summary = _sync(with_teams(server.url))
    assert summary.exit_code == 17
    assert [(one["scope"], one["team_id"]) for one in summary.problems] == [("team", broken)]
    assert f"failed     team {broken}:" in summary.as_text()
    left = "SELECT DISTINCT team_id FROM dim_team_members WHERE left_at IS NOT NULL"
    assert _rows(summary.database, left) == [(others[0],)]
    stale = "SELECT DISTINCT team_id FROM dim_team_members WHERE is_stale"
    assert _rows(summary.database, stale) == [(broken,)]


def test_a_team_that_vanishes_while_it_is_read_fails_alone_and_is_gone_the_next_time(
    world: World, with_teams: Callable[..., Settings]
) -> None:
    doomed = max(world.teams.ids())

    def delete_it(_: int, request: Request) -> None:
        if "memberships" in request.url.path and doomed in world.teams.ids():
            world.teams.delete(doomed)

    simulator = Simulator(world, limits=None)
    with serve(simulator) as server:
        _sync(with_teams(server.url))
        simulator._before_request = delete_it
        during = _sync(with_teams(server.url))
        after = _sync(with_teams(server.url))
    assert during.exit_code == 17
    assert "404" in during.problems[0]["problem"]
    _assert_teams_are(world, after.database)
    assert after.exit_code == 0


def test_a_key_that_may_list_teams_but_not_read_members_is_not_used_up_on_them(
    world: World, with_teams: Callable[..., Settings]
) -> None:
    for number in range(80):
        world.teams.add(f"Team {number}")
    simulator = Simulator(world, limits=None, faults=[Fault("403_html", path="memberships", times=999)])
    with serve(simulator) as server:
        settings = with_teams(server.url)
        summary = _sync(settings)
    refused = [one for one in simulator.requests if "memberships" in one.path]
    assert 25 <= len(refused) <= 25 + settings.max_concurrency  # what was under way by then
    assert summary.scopes["failed"] == len(world.teams.ids()) == 85
    assert summary.exit_code == 17
    assert_equals_truth(summary.database, world.entries(), world.users())


def test_a_killed_reading_goes_on_from_the_teams_that_it_has(
    world: World, with_teams: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator = Simulator(world, limits=None)

    def kill(*_: object) -> None:
        raise KeyboardInterrupt

    with serve(simulator) as server:
        settings = with_teams(server.url)
        with monkeypatch.context() as patched:
            patched.setattr(pipeline, "load", kill)
            with pytest.raises(KeyboardInterrupt):
                _sync(settings)
        simulator.clear_requests()
        summary = _sync(settings)
    assert summary.is_resumed
    assert [one.path for one in simulator.requests] == ["/v2/me"]
    _assert_teams_are(world, summary.database)


def test_a_record_that_cannot_be_read_is_quarantined_and_its_last_version_stays(
    world: World, with_teams: Callable[..., Settings]
) -> None:
    team_id = min(world.teams.ids())
    member = world.teams.memberships(team_id)[0]
    with serve(Simulator(world, limits=None)) as server:
        _sync(with_teams(server.url))
        world.teams._records[team_id]["name"] = 7
        world.teams.join(team_id, member.user_id, role=None)  # type: ignore[arg-type]
        summary = _sync(with_teams(server.url))
    assert summary.exit_code == 0
    with duckdb.connect(str(summary.warehouse), read_only=True) as connection:
        kept = connection.execute(
            "SELECT record_kind, team_id, user_id, problem, raw LIKE '%@%' FROM ops.quarantine ORDER BY ALL"
        ).fetchall()
    assert kept == [
        ("membership", team_id, member.user_id, "role_wrong_type", False),
        ("team", team_id, None, "name_wrong_type", False),
    ]
    team = f"SELECT name, deleted_at, is_stale FROM dim_teams WHERE team_id = {team_id}"
    assert _rows(summary.database, team) == [("Engineering", None, True)]
    person = (
        f"SELECT role, left_at, is_stale FROM dim_team_members WHERE (team_id, user_id) ="
        f" ({team_id}, {member.user_id})"
    )
    assert _rows(summary.database, person) == [("OWNER", None, True)]


def test_a_team_whose_record_was_never_readable_has_members_and_no_name(
    world: World, with_teams: Callable[..., Settings]
) -> None:
    team_id = min(world.teams.ids())
    world.teams._records[team_id]["name"] = None
    with serve(Simulator(world, limits=None)) as server:
        summary = _sync(with_teams(server.url))
    assert summary.exit_code == 0
    assert _rows(summary.database, f"SELECT name FROM dim_teams WHERE team_id = {team_id}") == [(None,)]


def test_a_page_with_another_teams_members_proves_nothing_of_this_one(
    world: World, with_teams: Callable[..., Settings]
) -> None:
    first, second, *_ = sorted(world.teams.ids())
    stranger = Fault("bad_record", path=rf"/teams/{first}/", nth=2, times=9, field="teamId", value=second)
    with serve(Simulator(world, limits=None, faults=[stranger])) as server:
        _sync(with_teams(server.url))
        world.teams.leave(first, world.teams.memberships(first)[0].user_id)
        summary = _sync(with_teams(server.url))
    assert [one["team_id"] for one in summary.problems] == [first]
    assert f"expected memberships of team {first}" in summary.problems[0]["problem"]
    left = "SELECT count(*) FROM dim_team_members WHERE left_at IS NOT NULL"
    assert _rows(summary.database, left) == [(0,)]


def test_a_credential_that_is_refused_for_teams_alone_stops_no_absences(
    world: World, with_teams: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: routes.Call) -> routes.Answer:
        raise unauthorized("Invalid Access Token.")

    refusing = routes.Route("GET", re.compile("/v2/organizations/(?P<orgId>[^/]+)/teams"), refuse)
    monkeypatch.setattr(routes, "ROUTES", (refusing, *routes.ROUTES))
    with serve(Simulator(world, limits=None)) as server:
        summary = _sync(with_teams(server.url))
    assert summary.exit_code == 17
    assert [one["scope"] for one in summary.problems] == ["teams"]
    assert_equals_truth(summary.database, world.entries(), world.users())
