"""Teams are read by default if they cost few requests; otherwise the run is complete, and known teams stay."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from calcom.simulator import Fault, Simulator, World, serve
from calcom.strategy import MAX_AUTO_TEAMS, Strategy
from flows.run import stages
from flows.run.context import RunContext
from flows.run.plan import forecast
from flows.run.progress import LineListener, SilentListener
from flows.run.stages import Stages
from flows.run.summary import RunSummary
from flows.settings import Settings
from tests.integration.test_teams import assert_teams_equal, rows_of
from tests.support.truth import assert_equals_truth

MOST_REQUESTS = 8
REFUSED = Fault("403_html", path=r"/teams\?", times=99)
MEMBERS_REFUSED = Fault("403_html", path="memberships", times=99)
SOME_MEMBERS_REFUSED = Fault("403_html", path="teams/103/memberships", times=99)
BROKEN = Fault("500", path=r"/teams\?", times=99)


def world_of(teams: int) -> World:
    """Return twelve people in a number of teams, with the entries of one year."""
    world = World.generate(people=12, years=1)
    for team_id in sorted(world.teams.ids())[teams:]:
        world.teams.delete(team_id)
    for number in range(teams - len(world.teams.ids())):
        world.teams.join(world.teams.add(f"Team {number}"), world.users()[0]["id"])
    return world


def sync(settings: Settings, **options: Any) -> RunSummary:
    return stages.sync(settings, strategy=Strategy.AUTO, listener=SilentListener(), **options)


def teams_requested(simulator: Simulator) -> list[str]:
    return [request.path for request in simulator.requests if "/teams" in request.path]


def assert_plan_equals(settings: Settings, summary: RunSummary) -> None:
    """Assert that the forecast, after the run, has the requests that the run has sent."""
    assert forecast(settings).costs[0].requests == summary.requests


@pytest.mark.parametrize(
    ("teams", "page_size"), [(0, 250), (1, 250), (MAX_AUTO_TEAMS, 250), (MAX_AUTO_TEAMS, 3)]
)
@pytest.mark.parametrize("ignores_paging", [False, True])
def test_few_teams_are_read_by_default(
    teams: int, page_size: int, *, ignores_paging: bool, settings_for: Callable[..., Settings]
) -> None:
    world = world_of(teams)
    simulator = Simulator(world, limits=None, teams_ignore_paging=ignores_paging)
    with serve(simulator) as server:
        settings = settings_for(server.url, OOO_PAGE_SIZE=page_size)
        summary = sync(settings)
        assert (summary.outcome, summary.teams_skipped) == ("complete", None)
        assert_teams_equal(world, summary.database)
        if page_size == 250:
            assert len(teams_requested(simulator)) <= MOST_REQUESTS
        if not ignores_paging:
            assert_plan_equals(settings, summary)


@pytest.mark.parametrize(
    ("teams", "page_size", "ignores_paging"),
    [(6, 250, False), (6, 6, False), (20, 3, False), (300, 250, False), (6, 5, True), (300, 250, True)],
)
def test_many_teams_cost_one_page_and_leave_the_run_complete(
    teams: int, page_size: int, *, ignores_paging: bool, settings_for: Callable[..., Settings]
) -> None:
    simulator = Simulator(world_of(teams), limits=None, teams_ignore_paging=ignores_paging)
    with serve(simulator) as server:
        settings = settings_for(server.url, OOO_PAGE_SIZE=page_size)
        summary = sync(settings)
        requested = teams_requested(simulator)
        if not ignores_paging:
            assert_plan_equals(settings, summary)
    assert not any("memberships" in path for path in requested)
    assert len(requested) == 1 if page_size > MAX_AUTO_TEAMS else len(requested) <= 3
    assert summary.exit_code == 0
    assert summary.published["dim_teams"] == summary.published["dim_team_members"] == 0
    assert summary.as_text().count("more than 5 teams; set OOO_TEAMS=true") == 1
    assert summary.as_json()["teams_skipped"].startswith("the organization has more than 5 teams")


@pytest.mark.parametrize("fault", [REFUSED, MEMBERS_REFUSED, SOME_MEMBERS_REFUSED, BROKEN])
def test_teams_that_cannot_be_read_leave_the_run_complete_and_the_known_teams_as_they_were(
    fault: Fault, settings_for: Callable[..., Settings]
) -> None:
    world = world_of(5)
    with serve(Simulator(world, limits=None)) as server:
        sync(settings_for(server.url))
    doomed, *_ = sorted(world.teams.ids())
    world.teams.delete(doomed)
    world.delete_entry(world.entries()[0]["id"])
    with serve(Simulator(world, limits=None, faults=[fault])) as server:
        settings = settings_for(server.url, OOO_ALLOW_NEW_HOST=True, OOO_MAX_ATTEMPTS=1)
        lines: list[str] = []
        listener = LineListener(lines.append)
        summary = stages.sync(settings, strategy=Strategy.AUTO, listener=listener)
        assert (summary.exit_code, summary.rows["deleted"], summary.problems) == (0, 1, [])
        assert summary.scopes == {"complete": 2, "unproven": 0, "failed": 0}
        assert summary.as_text().count("  teams      not read, kept as they were: team") == 1
        assert not any("failed" in line or "skipped" in line for line in lines)
        assert_equals_truth(summary.database, world.entries(), world.users())
        live = "SELECT count(*), bool_and(is_stale), count(deleted_at) FROM dim_teams"
        assert rows_of(summary.database, live) == [(5, True, 0)]
        left = "SELECT count(*) FROM dim_team_members WHERE left_at IS NOT NULL"
        assert rows_of(summary.database, left) == [(0,)]
    with serve(Simulator(world, limits=None)) as server:
        after = sync(settings_for(server.url, OOO_ALLOW_NEW_HOST=True))
    assert_teams_equal(world, after.database)


def test_the_plan_counts_the_request_that_is_refused(settings_for: Callable[..., Settings]) -> None:
    with serve(Simulator(world_of(5), limits=None, faults=[REFUSED])) as server:
        settings = settings_for(server.url)
        summary = sync(settings)
        planned = forecast(settings)
    assert planned.costs[0].requests == summary.requests
    assert planned.teams is None


@pytest.mark.parametrize("teams", [5, 20])
def test_a_resumed_run_requests_no_list_of_teams_again(
    teams: int, settings_for: Callable[..., Settings]
) -> None:
    world = world_of(teams)
    simulator = Simulator(world, limits=None)

    def kill(_: RunContext) -> None:
        raise KeyboardInterrupt

    with serve(simulator) as server:
        with pytest.raises(KeyboardInterrupt):
            sync(settings_for(server.url), stages=Stages(load=kill))
        simulator.clear_requests()
        summary = sync(settings_for(server.url))
        assert (summary.is_resumed, teams_requested(simulator)) == (True, [])
    assert (summary.teams_skipped is None) == (teams == 5)


def test_a_run_with_teams_continues_the_landing_of_a_run_that_skipped_them(
    settings_for: Callable[..., Settings],
) -> None:
    world = world_of(20)

    def kill(_: RunContext) -> None:
        raise KeyboardInterrupt

    with serve(Simulator(world, limits=None)) as server:
        with pytest.raises(KeyboardInterrupt):
            sync(settings_for(server.url), stages=Stages(load=kill))
        summary = sync(settings_for(server.url, OOO_TEAMS=True))
    assert summary.is_resumed
    assert_teams_equal(world, summary.database)


def test_an_organization_that_outgrows_the_bound_keeps_its_teams(
    settings_for: Callable[..., Settings],
) -> None:
    world = world_of(5)
    with serve(Simulator(world, limits=None)) as server:
        sync(settings_for(server.url))
        world.teams.add("The sixth")
        summary = sync(settings_for(server.url))
    assert summary.exit_code == 0
    teams = "SELECT count(*), bool_and(is_stale), count(deleted_at) FROM dim_teams"
    assert rows_of(summary.database, teams) == [(5, True, 0)]


def test_the_forecast_states_that_many_teams_are_not_read(settings_for: Callable[..., Settings]) -> None:
    with serve(Simulator(world_of(20), limits=None)) as server:
        text = forecast(settings_for(server.url)).as_text()
    assert re.search(r"20 teams \(not read; OOO_TEAMS=true reads them\)", text)
