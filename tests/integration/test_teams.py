"""Teams and their members are published as the source has them, and their failures stop no absences."""

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
from flows.run import stages
from flows.run.context import RunContext
from flows.run.plan import forecast
from flows.run.progress import SilentListener
from flows.run.stages import Stages
from flows.run.summary import RunSummary
from flows.settings import Settings
from tests.support.truth import assert_equals_truth


@pytest.fixture
def world() -> World:
    """Return thirty people in five teams, with the entries of one year."""
    return World.generate(people=30, years=1)


@pytest.fixture
def with_teams(settings_for: Callable[..., Settings]) -> Callable[..., Settings]:
    """Return a function that builds settings which read teams and send each request once."""
    return lambda url, **others: settings_for(url, **({"OOO_TEAMS": "true", "OOO_MAX_ATTEMPTS": 1} | others))


def sync(settings: Settings, strategy: str = "org-wide", **options: Any) -> RunSummary:
    return stages.sync(settings, strategy=Strategy(strategy), listener=SilentListener(), **options)


def middle_team(world: World) -> tuple[int, str]:
    """Return the id and the name of the team whose record a fault of the kind `bad_record` damages."""
    teams = world.teams.records()
    return teams[len(teams) // 2]["id"], teams[len(teams) // 2]["name"]


def rows_of(database: Path, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(query).fetchall()


def assert_teams_equal(world: World, database: Path) -> None:
    """Assert that the teams and members that are not deleted equal those of the simulator, row by row."""
    teams = "SELECT team_id, parent_team_id, name, slug, is_private, time_zone FROM dim_teams"
    assert rows_of(database, f"{teams} WHERE deleted_at IS NULL ORDER BY ALL") == [
        (team["id"], team["parentId"], team["name"], team["slug"], team["isPrivate"], team["timeZone"])
        for team in world.teams.records()
    ]
    members = "SELECT team_id, user_id, membership_id, role, is_accepted FROM dim_team_members"
    assert rows_of(database, f"{members} WHERE left_at IS NULL ORDER BY ALL") == sorted(
        (team_id, member["userId"], member["id"], member["role"], member["accepted"])
        for team_id in world.teams.ids()
        for member in world.teams.membership_records(team_id)
    )


@pytest.mark.parametrize("page_size", [250, 3])
def test_the_published_teams_and_members_equal_those_of_the_source(
    page_size: int, world: World, with_teams: Callable[..., Settings]
) -> None:
    with serve(Simulator(world, limits=None)) as server:
        summary = sync(with_teams(server.url, OOO_PAGE_SIZE=page_size))
    assert summary.outcome == "complete"
    assert summary.scopes["complete"] == 2 + 1 + len(world.teams.ids())
    assert_teams_equal(world, summary.database)
    assert_equals_truth(summary.database, world.entries(), world.users())


def test_teams_cost_one_request_per_team_and_the_list_and_nothing_if_they_are_off(
    world: World, with_teams: Callable[..., Settings], settings_for: Callable[..., Settings]
) -> None:
    simulator = Simulator(world, limits=None)
    with serve(simulator) as server:
        without = sync(settings_for(server.url, CALCOM_ORG_ID="1", OOO_TEAMS="false"))
        assert not any("teams" in request.path for request in simulator.requests)
        assert without.published["dim_teams"] == without.published["dim_team_members"] == 0
        planned = forecast(with_teams(server.url, CALCOM_ORG_ID="1"))
        simulator.clear_requests()
        summary = sync(with_teams(server.url, CALCOM_ORG_ID="1"))
        requested = [request.path for request in simulator.requests if "teams" in request.path]
        again = forecast(with_teams(server.url, CALCOM_ORG_ID="1"))
    teams = len(world.teams.ids())
    ends = 2  # the checks that the list of teams, and the longest list of members, end where they seem to
    assert len(requested) == summary.requests - without.requests == 1 + teams + ends
    assert planned.teams == again.teams == teams
    assert again.costs[0].requests == planned.costs[0].requests == summary.requests
    assert "5 teams" in planned.as_text()


def test_changed_teams_are_updated_and_deleted_ones_leave_a_tombstone(
    world: World, with_teams: Callable[..., Settings]
) -> None:
    first, second, third, *_ = sorted(world.teams.ids())
    leaver, mover = (member.user_id for member in world.teams.memberships(first)[:2])
    with serve(Simulator(world, limits=None)) as server:
        settings = with_teams(server.url)
        sync(settings)
        world.teams.rename(second, "Research & Development")
        world.teams.delete(third)
        world.teams.leave(first, leaver)
        world.teams.join(first, mover, role="ADMIN")
        world.teams.join(world.teams.add("Board", is_private=True), mover)
        changed = sync(settings)
        assert_teams_equal(world, changed.database)
        deleted = rows_of(changed.database, "SELECT team_id FROM dim_teams WHERE deleted_at IS NOT NULL")
        left = "SELECT DISTINCT team_id FROM dim_team_members WHERE left_at IS NOT NULL ORDER BY ALL"
        left_teams = rows_of(changed.database, left)
        world.teams.join(first, leaver)
        back = sync(settings)
    assert deleted == [(third,)]
    assert left_teams == [(first,), (third,)]
    assert_teams_equal(world, back.database)
    seen = f"SELECT first_seen_at < last_seen_at FROM dim_team_members WHERE user_id = {leaver}"
    assert (True,) in rows_of(back.database, seen)


def test_a_run_without_changes_updates_only_the_time_of_the_last_sighting(
    world: World, with_teams: Callable[..., Settings]
) -> None:
    columns = "* EXCLUDE (last_seen_at)"
    with serve(Simulator(world, limits=None)) as server:
        before = sync(with_teams(server.url))
        tables = {
            name: rows_of(before.database, f"SELECT {columns} FROM {name} ORDER BY ALL")
            for name in ("dim_teams", "dim_team_members")
        }
        after = sync(with_teams(server.url))
    for name, rows in tables.items():
        assert rows
        assert rows_of(after.database, f"SELECT {columns} FROM {name} ORDER BY ALL") == rows


@pytest.mark.parametrize("status", ["403_html", "500", "truncated_json"])
def test_a_failing_teams_list_keeps_the_teams_of_yesterday_and_the_absences_of_today(
    status: Any, world: World, with_teams: Callable[..., Settings]
) -> None:
    simulator = Simulator(world, limits=None, faults=[Fault(status, path=r"/teams\?", nth=2, times=99)])
    with serve(simulator) as server:
        sync(with_teams(server.url))
        team_id = min(world.teams.ids())
        world.teams.delete(team_id)
        world.delete_entry(world.entries()[0]["id"])
        simulator.clear_requests()
        summary = sync(with_teams(server.url))
    assert (summary.exit_code, summary.rows["deleted"]) == (17, 1)
    assert [(problem["scope"], problem["verdict"]) for problem in summary.problems] == [("teams", "failed")]
    assert not any("memberships" in request.path for request in simulator.requests)
    assert_equals_truth(summary.database, world.entries(), world.users())
    stale = "SELECT count(*), bool_and(is_stale), count(deleted_at) FROM dim_teams"
    assert rows_of(summary.database, stale) == [(5, True, 0)]
    assert rows_of(summary.database, "SELECT count(*) FROM dim_team_members WHERE left_at IS NOT NULL") == [
        (0,)
    ]


def test_the_failure_of_one_team_fails_no_other_team(
    world: World, with_teams: Callable[..., Settings]
) -> None:
    broken, *others = sorted(world.teams.ids())
    fault = Fault("500", path=rf"/teams/{broken}/", nth=2, times=99)
    with serve(Simulator(world, limits=None, faults=[fault])) as server:
        sync(with_teams(server.url))
        for team_id in (broken, others[0]):
            world.teams.leave(team_id, world.teams.memberships(team_id)[0].user_id)
        summary = sync(with_teams(server.url))
    assert summary.exit_code == 17
    assert [(problem["scope"], problem["team_id"]) for problem in summary.problems] == [("team", broken)]
    assert f"failed     team {broken}:" in summary.as_text()
    left = "SELECT DISTINCT team_id FROM dim_team_members WHERE left_at IS NOT NULL"
    assert rows_of(summary.database, left) == [(others[0],)]
    stale = "SELECT DISTINCT team_id FROM dim_team_members WHERE is_stale"
    assert rows_of(summary.database, stale) == [(broken,)]


def test_a_team_that_is_deleted_during_the_run_fails_alone_and_is_deleted_by_the_next_run(
    world: World, with_teams: Callable[..., Settings]
) -> None:
    doomed = max(world.teams.ids())

    is_second_run = False

    def delete_team(_: int, request: Request) -> None:
        if is_second_run and "memberships" in request.url.path and doomed in world.teams.ids():
            world.teams.delete(doomed)

    with serve(Simulator(world, limits=None, before_request=delete_team)) as server:
        sync(with_teams(server.url))
        is_second_run = True
        during = sync(with_teams(server.url))
        after = sync(with_teams(server.url))
    assert during.exit_code == 17
    assert "404" in during.problems[0]["problem"]
    assert_teams_equal(world, after.database)
    assert after.exit_code == 0


def test_a_key_that_may_not_read_members_is_not_tried_for_every_team(
    world: World, with_teams: Callable[..., Settings]
) -> None:
    for number in range(80):
        world.teams.add(f"Team {number}")
    simulator = Simulator(world, limits=None, faults=[Fault("403_html", path="memberships", times=999)])
    with serve(simulator) as server:
        settings = with_teams(server.url)
        summary = sync(settings)
    refused = [request for request in simulator.requests if "memberships" in request.path]
    assert 25 <= len(refused) <= 25 + settings.max_concurrency  # requests that were open by then
    assert summary.scopes["failed"] == len(world.teams.ids()) == 85
    assert summary.exit_code == 17
    assert_equals_truth(summary.database, world.entries(), world.users())


def test_a_killed_run_resumes_with_the_teams_that_it_has(
    world: World, with_teams: Callable[..., Settings]
) -> None:
    simulator = Simulator(world, limits=None)

    def kill(_: RunContext) -> None:
        raise KeyboardInterrupt

    with serve(simulator) as server:
        settings = with_teams(server.url)
        with pytest.raises(KeyboardInterrupt):
            sync(settings, stages=Stages(load=kill))
        simulator.clear_requests()
        summary = sync(settings)
    assert summary.is_resumed
    assert [request.path for request in simulator.requests] == ["/v2/me"]
    assert_teams_equal(world, summary.database)


def test_an_invalid_team_or_membership_is_quarantined_and_its_last_version_stays(
    world: World, with_teams: Callable[..., Settings]
) -> None:
    team_id, name = middle_team(world)
    member = world.teams.memberships(team_id)[0]
    # The first run sends two requests for the list of teams: its page and the check of its end.
    fault = Fault("bad_record", path=r"/teams\?", nth=3, field="name", value=7)
    with serve(Simulator(world, limits=None, faults=[fault])) as server:
        sync(with_teams(server.url))
        world.teams.join(team_id, member.user_id, role=None)  # type: ignore[arg-type]
        summary = sync(with_teams(server.url))
    assert summary.exit_code == 0
    assert summary.quarantine == [
        {"record_kind": "team", "problem": "name_wrong_type", "records": 1},
        {"record_kind": "membership", "problem": "role_wrong_type", "records": 1},
    ]
    assert "\n  quarantine 1 team name_wrong_type\n" in summary.as_text()
    with duckdb.connect(str(summary.warehouse), read_only=True) as connection:
        quarantined = connection.execute(
            "SELECT record_kind, team_id, user_id, problem, raw LIKE '%@%' FROM ops.quarantine ORDER BY ALL"
        ).fetchall()
    assert quarantined == [
        ("membership", team_id, member.user_id, "role_wrong_type", False),
        ("team", team_id, None, "name_wrong_type", False),
    ]
    team = f"SELECT name, deleted_at, is_stale FROM dim_teams WHERE team_id = {team_id}"
    assert rows_of(summary.database, team) == [(name, None, True)]
    person = (
        f"SELECT role, left_at, is_stale FROM dim_team_members WHERE (team_id, user_id) ="
        f" ({team_id}, {member.user_id})"
    )
    assert rows_of(summary.database, person) == [(member.role, None, True)]


def test_a_team_whose_record_was_never_valid_has_members_and_no_name(
    world: World, with_teams: Callable[..., Settings]
) -> None:
    team_id, _ = middle_team(world)
    fault = Fault("bad_record", path=r"/teams\?", times=9, field="name", value=None)
    with serve(Simulator(world, limits=None, faults=[fault])) as server:
        summary = sync(with_teams(server.url))
    assert summary.exit_code == 0
    assert rows_of(summary.database, f"SELECT name FROM dim_teams WHERE team_id = {team_id}") == [(None,)]


def test_a_page_with_members_of_another_team_fails_the_scope_and_deletes_nothing(
    world: World, with_teams: Callable[..., Settings]
) -> None:
    first, second, *_ = sorted(world.teams.ids())
    stranger = Fault("bad_record", path=rf"/teams/{first}/", nth=2, times=9, field="teamId", value=second)
    with serve(Simulator(world, limits=None, faults=[stranger])) as server:
        sync(with_teams(server.url))
        world.teams.leave(first, world.teams.memberships(first)[0].user_id)
        summary = sync(with_teams(server.url))
    assert [problem["team_id"] for problem in summary.problems] == [first]
    assert f"expected memberships of team {first}" in summary.problems[0]["problem"]
    left = "SELECT count(*) FROM dim_team_members WHERE left_at IS NOT NULL"
    assert rows_of(summary.database, left) == [(0,)]


def test_a_credential_that_is_refused_for_teams_only_still_loads_the_absences(
    world: World, with_teams: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: routes.Call) -> routes.Answer:
        raise unauthorized("Invalid Access Token.")

    refusing = routes.Route("GET", re.compile("/v2/organizations/(?P<orgId>[^/]+)/teams"), refuse)
    monkeypatch.setattr(routes, "ROUTES", (refusing, *routes.ROUTES))
    with serve(Simulator(world, limits=None)) as server:
        summary = sync(with_teams(server.url))
    assert summary.exit_code == 17
    assert [problem["scope"] for problem in summary.problems] == ["teams"]
    assert_equals_truth(summary.database, world.entries(), world.users())
