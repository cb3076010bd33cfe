"""Each scope ends in its own verdict, with the fewest requests, and its failure fails no other scope."""

import asyncio
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from calcom.client import CalcomClient
from calcom.errors import ApiError, TransportError
from calcom.extraction import SUSPECT_AFTER, Extraction
from calcom.paging import MAX_REPEATED_READS
from calcom.scopes import ALL_IDS, ORGANIZATION, TEAMS, USERS, Scope, ScopeResult, Verdict
from calcom.simulator import EXPIRED_KEY, Fault, Simulator, World
from calcom.strategy import pages_for, requests_for_lists
from landing.errors import LandingError
from landing.folder import create_landing
from tests.support.extraction import (
    connect,
    create,
    extract,
    make_extraction,
    reading,
    reading_each,
    reading_per_user,
    reopen,
    simulate,
    user_scopes,
)
from tests.support.fake_clock import run_virtually
from tests.support.landed import facts, landed_records
from tests.support.wire import Wire

COMPLETE, UNPROVEN, FAILED = Verdict.COMPLETE, Verdict.UNPROVEN, Verdict.FAILED


def verdicts(results: list[ScopeResult]) -> dict[int | None, Verdict]:
    return {result.scope.user_id: result.verdict for result in results}


@pytest.fixture
def world() -> World:
    """Return twenty people with the entries of one year."""
    return World.generate(people=20, years=1)


def busy_user(world: World) -> int:
    """Return the user with the most entries."""
    counts = [(len(world.entries(user["id"])), user["id"]) for user in world.users()]
    return max(counts)[1]


# Requests


def test_reading_per_user_costs_one_request_per_user_and_the_users_list_with_its_end(
    tmp_path: Path, world: World
) -> None:
    wire, landing = Wire(simulate(world)), create(tmp_path)
    results = extract(wire, landing, reading_per_user(landing))
    assert sum("/ooo" in target for target in wire.targets) == 20
    assert len(wire.targets) == 20 + 2
    assert all((result.verdict, result.requests, result.pages) == (COMPLETE, 1, 1) for result in results)
    assert landed_records(landing) == world.entries()


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("is_known", [True, False])
def test_the_whole_organization_costs_one_request_per_249_entries(
    tmp_path: Path, concurrency: int, *, is_known: bool
) -> None:
    world = World.generate(people=120, years=3)
    entries = world.count_entries()
    simulator, landing = simulate(world), create(tmp_path)
    work = reading(ORGANIZATION, entries if is_known else 0)
    result = extract(Wire(simulator), landing, work, concurrency=concurrency)
    assert entries > 1_000
    assert len(simulator.requests) == result.requests == result.pages == requests_for_lists([entries], 250)
    assert len(simulator.requests) <= -(-entries // 249) + 3
    assert result.verdict is COMPLETE
    assert landed_records(landing) == world.entries()


def test_the_requests_of_a_scope_include_failed_attempts(tmp_path: Path, world: World) -> None:
    simulator = simulate(world, Fault("500", path="/ooo", times=1))
    user_id = busy_user(world)
    (result,) = extract(Wire(simulator), create(tmp_path), reading_each([Scope("user", user_id)]))
    assert (result.verdict, result.pages, result.requests) == (COMPLETE, 1, 2)


@pytest.mark.parametrize("pages_before", [1, 2, 5, 8])
def test_a_resumed_run_requests_no_landed_page_again(tmp_path: Path, world: World, pages_before: int) -> None:
    take = 10
    landing = create(tmp_path, page_size=take)
    total = requests_for_lists([world.count_entries()], take)
    assert total > 8
    fault = Fault("500", path="/ooo", nth=pages_before + 1, times=99)
    first = Wire(simulate(world, fault))
    killed = extract(first, landing, reading(ORGANIZATION), concurrency=1)
    # Two attempts at the page that fails, and two at the one beyond it.
    assert (killed.verdict, killed.pages, killed.requests) == (FAILED, pages_before, pages_before + 4)
    second = Wire(simulate(world))
    again = reopen(landing)
    result = extract(second, again, reading(ORGANIZATION), concurrency=1)
    assert (result.verdict, result.pages, len(second.targets)) == (COMPLETE, total, total - pages_before)
    assert not set(second.targets) & set(first.targets[:pages_before])
    assert landed_records(again) == world.entries()
    third = Wire(simulate(world))
    assert extract(third, reopen(again), reading(ORGANIZATION)) == result
    assert third.targets == []


# Failures


def test_the_failure_of_one_user_fails_no_other_user(tmp_path: Path, world: World) -> None:
    ids = [user["id"] for user in world.users()]
    kinds: list[Any] = ["500", "502_html", "403_html", "truncated_json", "empty_200_html", "reset"]
    faults = [
        Fault(kind, path=f"/users/{user_id}/ooo", times=9)
        for kind, user_id in zip(kinds, ids[1::3], strict=False)
    ]
    failing = set(ids[1::3][: len(kinds)]) | {ids[0]}
    landing = create(tmp_path)
    wire = Wire(simulate(world, *faults), gone=f"/users/{ids[0]}/ooo")
    results = extract(wire, landing, reading_per_user(landing))
    assert verdicts(results) == {user_id: FAILED if user_id in failing else COMPLETE for user_id in ids}
    assert all(result.problem for result in results if result.verdict is FAILED)
    assert landed_records(landing) == [entry for entry in world.entries() if entry["userId"] not in failing]


def test_a_user_who_is_refused_is_failed_and_not_empty(tmp_path: Path, world: World) -> None:
    landing, user_id = create(tmp_path), world.users()[3]["id"]

    async def work(extraction: Extraction) -> list[ScopeResult]:
        await extraction.scanner.read(USERS)
        world.remove_user(user_id)
        return await extraction.read_each(user_scopes(landing))

    results = extract(Wire(simulate(world)), landing, work)
    assert verdicts(results)[user_id] is FAILED
    assert list(verdicts(results).values()).count(COMPLETE) == 19


@pytest.mark.parametrize("concurrency", [1, 4])
def test_an_unavailable_source_is_not_requested_for_the_remaining_users(
    tmp_path: Path, world: World, concurrency: int
) -> None:
    landing = create(tmp_path)
    extract(Wire(simulate(world)), landing, reading(USERS))
    wire = Wire(simulate(world), gone="users")
    results = extract(wire, landing, reading_each(user_scopes(landing)), concurrency=concurrency)
    assert [result.verdict for result in results] == [FAILED] * 20
    requested = {target for target in wire.targets if "/ooo" in target}
    assert SUSPECT_AFTER <= len(requested) < SUSPECT_AFTER + 2 * concurrency
    assert sum("not requested" in (result.problem or "") for result in results) == 20 - len(requested)


def test_a_few_users_that_cannot_be_read_do_not_stop_the_others(tmp_path: Path, world: World) -> None:
    ids, landing = [user["id"] for user in world.users()], create(tmp_path)
    unreadable = "|".join(map(str, ids[2:10]))
    wire = Wire(simulate(world, Fault("500", path=rf"users/({unreadable})/ooo", times=999)))
    results = extract(wire, landing, reading_per_user(landing))
    failed = {user_id for user_id, verdict in verdicts(results).items() if verdict is FAILED}
    assert failed == set(ids[2:10])


def test_refused_users_do_not_count_as_an_unavailable_source(tmp_path: Path, world: World) -> None:
    wire, landing = (
        Wire(simulate(world, Fault("403_html", path=r"users/\d+/ooo", times=99))),
        create(tmp_path),
    )
    results = extract(wire, landing, reading_per_user(landing))
    assert sum("/ooo" in target for target in wire.targets) == 20
    assert {result.verdict for result in results} == {FAILED}
    assert all("not requested" not in (result.problem or "") for result in results)


@pytest.mark.parametrize("scope", [USERS, ORGANIZATION, None])
def test_a_refused_credential_ends_the_run_with_its_first_request(
    tmp_path: Path, world: World, scope: Scope | None
) -> None:
    wire, landing = Wire(simulate(world)), create(tmp_path)
    work = reading(scope) if scope else reading_per_user(landing)
    with pytest.raises(ApiError, match="401"):
        extract(wire, landing, work, key=EXPIRED_KEY)
    assert len(wire.targets) == 1


def test_a_refused_credential_fails_the_teams_only(tmp_path: Path, world: World) -> None:
    landing = create(tmp_path)
    result = extract(Wire(simulate(world)), landing, reading(TEAMS), key=EXPIRED_KEY)
    assert result.verdict is FAILED
    assert "401" in (result.problem or "")


def test_a_credential_that_expires_during_the_run_ends_it_and_keeps_the_landed_scopes(
    tmp_path: Path, world: World
) -> None:
    class Expiring(Wire):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if len(self.targets) >= 9:
                request.headers["authorization"] = f"Bearer {EXPIRED_KEY}"
            return await super().handle_async_request(request)

    landing = create(tmp_path)
    with pytest.raises(ApiError, match="401"):
        extract(Expiring(simulate(world)), landing, reading_per_user(landing))
    complete = [result for result in reopen(landing).results.values() if result.verdict is COMPLETE]
    assert len(complete) == 8


def test_a_disk_error_ends_the_run(tmp_path: Path, world: World) -> None:
    landing = create_landing(tmp_path, facts(), clock=iter(range(999)).__next__)
    for number in range(1, 9):
        (landing.folder / f"entries-{number:06d}.parquet").mkdir()
    extract_users = [Scope("user", user["id"]) for user in world.users()]
    with pytest.raises(LandingError, match="entries-"):
        extract(Wire(simulate(world)), landing, reading_each(extract_users))


def test_an_error_of_the_users_list_ends_the_run(tmp_path: Path, world: World) -> None:
    with pytest.raises(TransportError):
        extract(Wire(simulate(world), gone="users$"), create(tmp_path), reading(USERS))


def test_an_error_of_the_organization_ends_the_run_only_before_its_first_page(
    tmp_path: Path, world: World
) -> None:
    fault = Fault("403_html", path="/organizations/1/ooo", times=9)
    with pytest.raises(ApiError, match="403"):
        extract(Wire(simulate(world, fault)), create(tmp_path / "a"), reading(ORGANIZATION))
    landing = create(tmp_path / "b", page_size=10)
    fault = Fault("500", path="/organizations/1/ooo", nth=4, times=9)
    result = extract(Wire(simulate(world, fault)), landing, reading(ORGANIZATION))
    assert (result.verdict, result.pages) == (FAILED, 3)
    assert landed_records(landing) == world.entries()[: 3 * 9 + 1]


def test_pages_that_arrive_beside_a_failing_page_are_landed(tmp_path: Path, world: World) -> None:
    landing = create(tmp_path, page_size=10)
    wire = Wire(simulate(world, Fault("500", path="skip=9$", times=9)))
    result = extract(wire, landing, reading(ORGANIZATION, world.count_entries()))
    assert result.verdict is FAILED
    assert result.pages == requests_for_lists([world.count_entries()], 10) - 1


def test_errors_names_each_failed_scope_and_forgets_it_once_the_scope_is_read(
    tmp_path: Path, world: World
) -> None:
    first, second = (Scope("user", user["id"]) for user in world.users()[:2])
    fault = Fault("500", path=f"users/{first.user_id}/ooo", times=2)

    async def work(extraction: Extraction) -> list[list[Scope]]:
        failed = []
        for _ in range(2):
            await extraction.read_each([first, second])
            failed.append(list(extraction.scanner.errors))
        return failed

    assert extract(Wire(simulate(world, fault)), create(tmp_path), work) == [[first], []]


# A page that cannot be read


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("kind", ["500", "empty_200_html", "truncated_json", "403_html", "reset"])
def test_only_the_rows_of_an_unreadable_page_are_missing_and_unproved(
    tmp_path: Path, world: World, kind: Any, concurrency: int
) -> None:
    truth = world.entries()
    work = reading(ORGANIZATION, len(truth))
    landing = create(tmp_path, page_size=10)
    wire = Wire(simulate(world, Fault(kind, path="skip=27$", times=9)))
    result = extract(wire, landing, work, concurrency=concurrency)
    low, high = truth[27]["id"], truth[36]["id"]
    assert (result.verdict, result.proven) == (FAILED, ((0, low), (high, ALL_IDS[0][1])))
    assert result.pages == requests_for_lists([len(truth)], 10) - 1
    assert landed_records(landing) == truth[:28] + truth[36:]
    error = {"500": "500", "403_html": "403", "reset": "ReadError"}.get(kind, "JSON")
    assert error in (result.problem or "")
    assert (result.problem or "").endswith(f"proved nevertheless: ids up to {low}, from {high} on")
    again = reopen(landing)
    assert again.results == {ORGANIZATION: result}

    wire = Wire(simulate(world))
    resumed = extract(wire, again, work, concurrency=concurrency)
    assert (resumed.verdict, resumed.proven, resumed.problem) == (COMPLETE, ALL_IDS, None)
    assert [target.partition("skip=")[2] for target in wire.targets] == ["27"]
    assert landed_records(again) == truth


def test_a_page_that_stays_unreadable_keeps_the_pages_of_the_run_before(tmp_path: Path, world: World) -> None:
    landing = create(tmp_path, page_size=10)
    fault = Fault("500", path="skip=27$", times=99)
    first = extract(Wire(simulate(world, fault)), landing, reading(ORGANIZATION))
    wire = Wire(simulate(world, fault))
    second = extract(wire, reopen(landing), reading(ORGANIZATION))
    assert (second.verdict, second.proven, second.pages) == (FAILED, first.proven, first.pages)
    assert len(wire.targets) == 2


def test_the_last_page_may_be_the_unreadable_one(tmp_path: Path, world: World) -> None:
    truth = world.entries()
    last = 9 * (pages_for(len(truth), 10) - 1)
    landing = create(tmp_path, page_size=10)
    wire = Wire(simulate(world, Fault("500", path=f"skip={last}$", times=9)))
    result = extract(wire, landing, reading(ORGANIZATION))
    assert (result.verdict, result.proven) == (FAILED, ((0, truth[last]["id"]),))
    assert landed_records(landing) == truth[: last + 1]


def test_an_unreadable_page_of_one_user_ends_the_scan_of_the_user(tmp_path: Path, world: World) -> None:
    landing = create(tmp_path, page_size=2)
    wire = Wire(simulate(world, Fault("500", path="skip=1$", times=9)))
    (result,) = extract(wire, landing, reading_each([Scope("user", busy_user(world))]))
    assert (result.verdict, result.pages) == (FAILED, 1)


# A server without ascending ids


class Reordered(Wire):
    """Responds with pages of the organization's entries in another order than by id."""

    def __init__(self, world: World, order: Callable[[dict[str, Any]], Any]) -> None:
        """`order` returns the sort key of an entry."""
        super().__init__(simulate(world))
        self._world, self._order = world, order

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return one page of the reordered entries."""
        self.targets.append(str(request.url.raw_path, "ascii"))
        skip, take = int(request.url.params["skip"]), int(request.url.params["take"])
        entries = sorted(self._world.entries(), key=self._order)[skip : skip + take]
        return httpx.Response(200, json={"status": "success", "data": entries})


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_descending_order_is_complete_once_two_reads_agree(
    tmp_path: Path, world: World, concurrency: int
) -> None:
    truth = world.entries()
    landing = create(tmp_path, page_size=10)
    wire = Reordered(world, lambda entry: -entry["id"])
    result = extract(wire, landing, reading(ORGANIZATION, len(truth)), concurrency=concurrency)
    assert (result.verdict, result.proven, result.problem) == (COMPLETE, ALL_IDS, None)
    assert len(wire.targets) <= 2 * (len(truth) // 10 + 2) + concurrency
    assert landed_records(landing) == truth
    assert reopen(landing).results == {ORGANIZATION: result}


def test_an_order_with_unstable_ties_is_unproven_and_its_rows_are_landed(
    tmp_path: Path, world: World
) -> None:
    chance, truth = random.Random(1), world.entries()
    landing = create(tmp_path, page_size=10)
    wire = Reordered(world, lambda entry: (entry["start"][:4], chance.random()))
    result = extract(wire, landing, reading(ORGANIZATION))
    assert (result.verdict, result.proven, result.problem) == (UNPROVEN, (), "ids_not_ascending")
    assert len(wire.targets) <= MAX_REPEATED_READS * (len(truth) // 10 + 2) + 1
    assert len(landed_records(landing)) > len(truth) / 2


# Records and results


@pytest.mark.parametrize(
    ("fault", "verdict", "problem"),
    [
        (Fault("bad_record", path="/ooo", field="start"), COMPLETE, None),
        (Fault("bad_record", path="/ooo", field="id"), UNPROVEN, "unreadable_id"),
        (Fault("wrong_types", path="/ooo"), UNPROVEN, "unreadable_id"),
    ],
)
def test_a_bad_record_is_rejected_and_only_an_unreadable_id_prevents_the_proof(
    tmp_path: Path, world: World, fault: Fault, verdict: Verdict, problem: str | None
) -> None:
    user_id = busy_user(world)
    landing = create(tmp_path)
    (result,) = extract(Wire(simulate(world, fault)), landing, reading_each([Scope("user", user_id)]))
    assert (result.verdict, result.problem) == (verdict, problem)
    rejected = landed_records(landing, rejected=True)
    total = len(world.entries(user_id))
    assert len(rejected) == (total if fault.kind == "wrong_types" else 1)
    assert len(rejected) + len(landed_records(landing)) == total


def test_a_failed_scope_is_read_again_and_an_unproven_or_complete_one_is_not(
    tmp_path: Path, world: World
) -> None:
    landing = create(tmp_path)
    first, second = (user["id"] for user in world.users()[:2])
    faults = (
        Fault("bad_record", path=f"users/{first}/ooo", field="id"),
        Fault("500", path=f"users/{second}/ooo", times=2),
    )
    world.add_entry(first, "2026-03-01T00:00:00.000Z", "2026-03-01T23:59:59.999Z")
    wire = Wire(simulate(world, *faults))
    work = reading_each([Scope("user", first), Scope("user", second)])
    assert verdicts(extract(wire, landing, work)) == {first: UNPROVEN, second: FAILED}
    wire.targets.clear()
    again = reopen(landing)
    assert verdicts(extract(wire, again, work)) == {first: UNPROVEN, second: COMPLETE}
    assert all(f"users/{second}/" in target for target in wire.targets)


def test_the_result_of_every_scope_is_landed(tmp_path: Path, world: World) -> None:
    landing = create(tmp_path)
    results = extract(Wire(simulate(world)), landing, reading_per_user(landing))
    assert set(landing.results) == {USERS} | {result.scope for result in results}
    assert reopen(landing).results == landing.results


def test_a_cancelled_extraction_leaves_no_open_request(tmp_path: Path, world: World) -> None:
    landing = create(tmp_path, page_size=5)
    wire = Wire(Simulator(world, limits=None, latency_seconds=1.0))

    async def run() -> int:
        async with CalcomClient(connect(wire)) as client:
            extraction = make_extraction(client, landing)
            task = asyncio.create_task(extraction.scanner.read(ORGANIZATION, world.count_entries()))
            await asyncio.sleep(5.5)
            assert client.rate_limiter.budget.in_flight > 0
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            landing.flush()
            return client.rate_limiter.budget.in_flight

    assert run_virtually(run()) == 0
    assert len(reopen(landing).pages[ORGANIZATION]) >= 4


def test_the_first_error_is_kept_for_a_run_without_a_readable_scope(tmp_path: Path, world: World) -> None:
    landing = create(tmp_path)

    async def work(extraction: Extraction) -> list[Exception]:
        await reading_per_user(landing)(extraction)
        return list(extraction.scanner.errors.values())

    errors = extract(Wire(simulate(world), gone=r"users/\d+/ooo"), landing, work)
    assert isinstance(errors[0], TransportError)
