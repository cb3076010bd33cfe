"""A short page ends a list only after a check, and users who are refused are settled by the users list."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from calcom.extraction import Extraction
from calcom.list_checks import EMPTY_USERS_LIST, LEFT_ORGANIZATION, PAGE_CAP, PAGING_IGNORED
from calcom.scopes import ALL_IDS, ORGANIZATION, TEAMS, USERS, Scope, ScopeResult, Verdict
from calcom.simulator import Fault, Simulator, World
from calcom.strategy import Strategy, pages_for, requests_for_lists
from flows.run import stages
from flows.run.progress import SilentListener
from flows.settings import Settings
from landing.folder import Landing
from tests.support.extraction import (
    create,
    extract,
    reading,
    reading_per_user,
    reopen,
    simulate,
    user_scopes,
)
from tests.support.landed import landed_records
from tests.support.truth import assert_equals_truth
from tests.support.wire import Wire

COMPLETE, UNPROVEN, FAILED = Verdict.COMPLETE, Verdict.UNPROVEN, Verdict.FAILED
Settle = Callable[[Extraction], Awaitable[Any]]


@pytest.fixture
def world() -> World:
    """Return twenty people with the entries of one year."""
    return World.generate(people=20, years=1)


def capped(world: World, cap: int, *faults: Fault, path: str = "") -> Wire:
    """Return a wire to a server that returns at most `cap` rows per page, also for a larger `take`."""
    return Wire(Simulator(world, limits=None, page_cap=cap, page_cap_path=path, faults=faults))


def reading_users_and_checking_ends(landing: Landing) -> Settle:
    """Return work that reads per user, and then checks the ends of the users' lists."""

    async def work(extraction: Extraction) -> None:
        await reading_per_user(landing)(extraction)
        await extraction.check_ends("user")

    return work


def busiest_user(world: World) -> int:
    """Return the user with the most entries."""
    return max((len(world.entries(user["id"])), user["id"]) for user in world.users())[1]


# The end of a list that is the only one of its kind


@pytest.mark.parametrize("scope", [USERS, ORGANIZATION, TEAMS])
def test_the_end_of_a_list_of_one_page_costs_one_more_request_and_none_after_a_resume(
    tmp_path: Path, world: World, scope: Scope
) -> None:
    for entry in world.entries()[9:]:
        world.delete_entry(entry["id"])
    wire, landing = Wire(simulate(world)), create(tmp_path)
    result = extract(wire, landing, reading(scope))
    assert (result.verdict, result.proven) == (COMPLETE, ALL_IDS)
    assert len(wire.targets) == result.pages == result.requests == 2
    wire.targets.clear()
    assert extract(wire, reopen(landing), reading(scope)) == result
    assert wire.targets == []


@pytest.mark.parametrize("entries", [9, 10, 11, 18, 19, 20])
def test_the_end_of_a_list_costs_at_most_one_request(tmp_path: Path, world: World, entries: int) -> None:
    for entry in world.entries()[entries:]:
        world.delete_entry(entry["id"])
    wire = Wire(simulate(world))
    result = extract(wire, create(tmp_path, page_size=10), reading(ORGANIZATION, entries))
    assert (result.verdict, len(wire.targets)) == (COMPLETE, result.pages)
    assert result.pages == requests_for_lists([entries], 10) <= pages_for(entries, 10) + 1


@pytest.mark.parametrize("scope", [USERS, ORGANIZATION])
@pytest.mark.parametrize("rows", [2, 5, 9])
@pytest.mark.parametrize("cut_page", range(4))
@pytest.mark.parametrize("expected_rows", [0, 184])
def test_a_page_that_is_cut_once_anywhere_in_a_list_loses_no_row(
    tmp_path: Path, scope: Scope, rows: int, cut_page: int, expected_rows: int
) -> None:
    world = World.generate(people=60, years=1)

    class Cutting(Wire):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            if len(self.targets) != cut_page + 1:
                return response
            body = json.loads(await response.aread())
            return httpx.Response(200, json=body | {"data": body["data"][:rows]})

    landing = create(tmp_path, page_size=10)
    result = extract(Cutting(simulate(world)), landing, reading(scope, expected_rows))
    assert (result.verdict, result.proven) == (COMPLETE, ALL_IDS)
    if scope is USERS:
        assert landing.user_ids() == [user["id"] for user in world.users()]
    else:
        assert landed_records(landing) == world.entries()


@pytest.mark.parametrize("expected_rows", [0, 10_000])
def test_a_server_that_caps_its_pages_is_read_with_pages_of_that_size(
    tmp_path: Path, world: World, expected_rows: int
) -> None:
    landing = create(tmp_path)
    result = extract(capped(world, 7), landing, reading(ORGANIZATION, expected_rows))
    assert (result.verdict, result.proven, result.problem) == (COMPLETE, ALL_IDS, None)
    assert landed_records(landing) == world.entries()


def test_all_users_of_a_server_that_caps_its_pages_are_read(tmp_path: Path, world: World) -> None:
    landing = create(tmp_path)
    assert extract(capped(world, 7), landing, reading(USERS)).verdict is COMPLETE
    assert landing.user_ids() == [user["id"] for user in world.users()]


@pytest.mark.parametrize(
    ("people", "cap", "path"),
    [(130, 100, ""), (260, 249, ""), (12, 2, ""), (20, 7, "/teams$"), (20, 2, "/memberships$")],
)
def test_a_sync_reads_every_list_whole_for_any_cap_of_its_pages(
    people: int, cap: int, path: str, settings_for: Callable[..., Settings]
) -> None:
    world = World.generate(people=people, years=1)
    settings = settings_for("http://simulator.localhost", OOO_TEAMS=True)
    connection = replace(settings.connection(), transport=capped(world, cap, path=path))
    summary = stages.sync(settings, strategy=Strategy.AUTO, listener=SilentListener(), connection=connection)
    assert summary.exit_code == 0
    assert_equals_truth(summary.database, world.entries(), world.users())
    with duckdb.connect(str(summary.database), read_only=True) as database:
        counts = database.execute(
            "SELECT (SELECT count(*) FROM dim_teams), (SELECT count(*) FROM dim_team_members)"
        ).fetchall()
    members = [world.teams.memberships(team_id) for team_id in world.teams.ids()]
    assert counts == [(len(members), sum(map(len, members)))]


@pytest.mark.parametrize("cap", [7, 19])
@pytest.mark.parametrize("scope", [USERS, ORGANIZATION])
def test_a_page_that_a_gateway_cuts_is_no_end_although_it_states_no_next_page(
    tmp_path: Path, world: World, scope: Scope, cap: int
) -> None:
    class Gateway(Wire):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await super().handle_async_request(request)
            body = json.loads(await response.aread()) | {"pagination": {"hasNextPage": False}}
            return httpx.Response(response.status_code, json=body)

    landing = create(tmp_path)
    gateway = Gateway(Simulator(world, limits=None, page_cap=cap))
    assert extract(gateway, landing, reading(scope)).verdict is COMPLETE
    if scope is USERS:
        assert landing.user_ids() == [user["id"] for user in world.users()]
    else:
        assert landed_records(landing) == world.entries()


@pytest.mark.parametrize("scope", [USERS, ORGANIZATION])
def test_pages_of_one_row_prove_nothing(tmp_path: Path, world: World, scope: Scope) -> None:
    result = extract(capped(world, 1), create(tmp_path), reading(scope))
    assert (result.verdict, result.proven, result.problem) == (UNPROVEN, (), PAGE_CAP)


@pytest.mark.parametrize("scope", [ORGANIZATION, TEAMS])
def test_an_end_that_cannot_be_checked_proves_nothing(tmp_path: Path, world: World, scope: Scope) -> None:
    fault = Fault("500", path=r"skip=[1-9]", times=99)
    landing = create(tmp_path)
    result = extract(capped(world, 3, fault), landing, reading(scope))
    assert result.verdict is FAILED
    assert [low for low, _ in result.proven] == [0]
    assert result.proven != ALL_IDS
    resumed = extract(capped(world, 3), reopen(landing), reading(scope))
    assert (resumed.verdict, resumed.proven) == (COMPLETE, ALL_IDS)


@pytest.mark.parametrize("pages_before", [0, 1, 2, 5])
def test_a_run_that_ended_while_it_read_with_the_cap_resumes_with_the_cap(
    tmp_path: Path, world: World, pages_before: int
) -> None:
    # The first two requests are the page and the check of its end.
    fault = Fault("500", path="/organizations/1/ooo", nth=3 + pages_before, times=99)
    landing = create(tmp_path)
    result = extract(capped(world, 7, fault), landing, reading(ORGANIZATION))
    assert result.verdict is FAILED
    assert result.proven != ALL_IDS
    landed = {record["id"] for record in landed_records(landing)}
    for entry in world.entries():
        if any(low <= entry["id"] <= high for low, high in result.proven):
            assert entry["id"] in landed
    wire, again = capped(world, 7), reopen(landing)
    resumed = extract(wire, again, reading(ORGANIZATION))
    assert (resumed.verdict, resumed.proven) == (COMPLETE, ALL_IDS)
    assert landed_records(again) == world.entries()
    assert len(wire.targets) <= -(-world.count_entries() // 6) + 2 - pages_before


# The ends of the lists of users


def test_the_ends_of_all_users_lists_cost_one_request_and_none_after_a_resume(
    tmp_path: Path, world: World
) -> None:
    wire, landing = Wire(simulate(world)), create(tmp_path)
    extract(wire, landing, reading_users_and_checking_ends(landing))
    assert sum("/ooo" in target for target in wire.targets) == 20 + 1
    wire.targets.clear()
    again = reopen(landing)
    extract(wire, again, reading_users_and_checking_ends(again))
    assert wire.targets == []
    assert {result.verdict for result in landing.results.values()} == {COMPLETE}
    assert landed_records(landing) == world.entries()


def test_the_lists_of_users_on_a_server_that_caps_them_are_read_whole(tmp_path: Path, world: World) -> None:
    assert len(world.entries(busiest_user(world))) > 4
    landing = create(tmp_path)
    wire = capped(world, 4, path=r"/users/\d+/ooo")
    extract(wire, landing, reading_users_and_checking_ends(landing))
    assert {result.verdict for result in landing.results.values()} == {COMPLETE}
    assert landed_records(landing) == world.entries()


def test_users_lists_whose_end_cannot_be_checked_fail_and_the_shorter_ones_stay_complete(
    tmp_path: Path, world: World
) -> None:
    landing = create(tmp_path)
    wire = capped(
        world, 4, Fault("500", path=r"/users/\d+/ooo\?.*skip=[1-9]", times=99), path=r"/users/\d+/ooo"
    )
    extract(wire, landing, reading_users_and_checking_ends(landing))
    users = {scope: result for scope, result in landing.results.items() if scope.kind == "user"}
    failed = {scope.user_id for scope, result in users.items() if result.verdict is not COMPLETE}
    assert failed == {user["id"] for user in world.users() if len(world.entries(user["id"])) >= 4}
    assert all(result.proven == () for result in users.values() if result.verdict is not COMPLETE)
    again = reopen(landing)
    extract(capped(world, 4, path=r"/users/\d+/ooo"), again, reading_users_and_checking_ends(again))
    assert {result.verdict for result in again.results.values()} == {COMPLETE}
    assert landed_records(again) == world.entries()


def test_a_kill_while_a_users_list_is_read_with_the_cap_loses_no_entry(tmp_path: Path, world: World) -> None:
    path, victim = r"/users/\d+/ooo", busiest_user(world)
    landing = create(tmp_path)

    class KilledError(Exception):
        pass

    class Killing(Wire):
        async def handle_async_request(self, request: Any) -> Any:
            is_second_capped_page = "skip=3" in str(request.url.raw_path, "ascii")
            if is_second_capped_page and f"/users/{victim}/" in request.url.path:
                raise KilledError
            return await super().handle_async_request(request)

    killing = Killing(Simulator(world, limits=None, page_cap=4, page_cap_path=path))
    with pytest.raises(KilledError):
        extract(killing, landing, reading_users_and_checking_ends(landing))
    again = reopen(landing)
    extract(capped(world, 4, path=path), again, reading_users_and_checking_ends(again))
    assert {result.verdict for result in again.results.values()} == {COMPLETE}
    assert landed_records(again) == world.entries()


# Lists without paging, and lists without rows


def test_a_users_list_without_a_valid_user_proves_nothing(tmp_path: Path) -> None:
    result = extract(Wire(simulate(World((), ()))), create(tmp_path), reading(USERS))
    assert (result.verdict, result.proven, result.problem) == (UNPROVEN, (), EMPTY_USERS_LIST)


@pytest.mark.parametrize(("teams", "verdict"), [(20, COMPLETE), (260, UNPROVEN)])
def test_a_teams_list_without_paging_is_complete_only_below_the_servers_bound(
    tmp_path: Path, world: World, teams: int, verdict: Verdict
) -> None:
    for number in range(teams):
        world.teams.add(f"Team {number}")
    landing = create(tmp_path, page_size=3)
    wire = Wire(Simulator(world, limits=None, teams_ignore_paging=True))
    result = extract(wire, landing, reading(TEAMS))
    assert result.verdict is verdict
    assert (result.problem == PAGING_IGNORED) == (verdict is UNPROVEN)
    assert set(landing.team_ids()) <= set(world.teams.ids())
    assert len(landing.team_ids()) == min(len(world.teams.ids()), 250)


@pytest.mark.parametrize(("people", "scope"), [(20, USERS), (270, USERS), (20, ORGANIZATION)])
def test_a_list_that_returns_its_first_rows_for_any_offset_is_unproven(
    tmp_path: Path, people: int, scope: Scope
) -> None:
    class WithoutPaging(Wire):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            url = request.url.copy_set_param("skip", 0).copy_set_param("take", 250)
            return await super().handle_async_request(httpx.Request("GET", url, headers=request.headers))

    world = World.generate(people=people, years=1)
    landing = create(tmp_path)
    result = extract(WithoutPaging(simulate(world)), landing, reading(scope))
    assert (result.verdict, result.proven) == (UNPROVEN, ())
    if scope is USERS:
        assert result.problem == PAGING_IGNORED


# Departures


def test_a_refused_user_who_is_not_listed_any_more_has_left_and_a_new_user_is_read(
    tmp_path: Path, world: World
) -> None:
    landing, leaver = create(tmp_path), world.users()[3]["id"]

    async def work(extraction: Extraction) -> tuple[list[int], list[int], list[ScopeResult]]:
        await extraction.scanner.read(USERS)
        planned = landing.user_ids()
        world.remove_user(leaver)
        newcomer = world.add_user()
        world.add_entry(newcomer, "2026-03-01T00:00:00.000Z", "2026-03-01T23:59:59.999Z")
        await extraction.read_each(user_scopes(landing))
        joined = await extraction.settle_departures(planned)
        assert extraction.scanner.errors == {}
        return [newcomer], joined, list(landing.results.values())

    newcomers, joined, results = extract(Wire(simulate(world)), landing, work)
    assert joined == newcomers
    assert {result.verdict for result in results} == {COMPLETE}
    left = landing.results[Scope("user", leaver)]
    assert (left.problem, left.proven) == (LEFT_ORGANIZATION, ())
    assert landed_records(landing) == world.entries()


def test_a_refused_user_who_is_still_listed_stays_failed(tmp_path: Path, world: World) -> None:
    victim, landing = world.users()[3]["id"], create(tmp_path)

    async def work(extraction: Extraction) -> list[int]:
        await reading_per_user(landing)(extraction)
        return await extraction.settle_departures(landing.user_ids())

    wire = Wire(simulate(world, Fault("403_html", path=f"/users/{victim}/ooo", times=9)))
    assert extract(wire, landing, work) == []
    assert [scope.user_id for scope, result in landing.results.items() if result.verdict is FAILED] == [
        victim
    ]


def test_the_users_list_is_not_read_again_if_no_user_was_refused(tmp_path: Path, world: World) -> None:
    landing = create(tmp_path)
    wire = Wire(simulate(world, Fault("500", path=f"/users/{world.users()[3]['id']}/ooo", times=9)))

    async def work(extraction: Extraction) -> None:
        await reading_per_user(landing)(extraction)
        wire.targets.clear()
        await extraction.settle_departures(landing.user_ids())

    extract(wire, landing, work)
    assert wire.targets == []
