"""Each scope ends in its own verdict, with the fewest requests, and a failure stays where it happened."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from calcom.client import CalcomClient
from calcom.credentials import ApiKey
from calcom.errors import ApiError, CalcomError, TransportError
from calcom.extraction import ORGANIZATION, USERS, Extraction
from calcom.outage import OUTAGE_AFTER
from calcom.paging import ALL_IDS, MAX_REPEATED_READS, Verdict
from calcom.requester import Connection
from calcom.scopes import ScopeResult
from calcom.simulator import EXPIRED_KEY, OWNER_KEY, Fault, Simulator, World
from calcom.strategy import pages_for
from landing.catalog import create_landing
from landing.errors import LandingError
from landing.folder import Landing
from tests.support.fake_clock import run_virtually, virtual_now
from tests.support.landed import SilentProgress, facts, landed_records
from tests.support.wire import Wire

COMPLETE, UNPROVEN, FAILED = Verdict.COMPLETE, Verdict.UNPROVEN, Verdict.FAILED
Work = Callable[[Extraction], Awaitable[Any]]


def run(wire: Wire, landing: Landing, work: Work, *, concurrency: int = 4, key: str = OWNER_KEY) -> Any:
    """What `work` gives, in virtual time."""

    async def extract() -> Any:
        connection = Connection(
            base_url="http://simulator",
            credential=ApiKey(SecretStr(key)),
            max_attempts=2,
            transport=wire,
            clock=virtual_now,
            sleep=asyncio.sleep,
        )
        async with CalcomClient(connection) as client:
            progress = SilentProgress()
            extraction = Extraction(client, landing, progress=progress, max_concurrency=concurrency)
            try:
                return await work(extraction)
            finally:
                landing.flush()

    return run_virtually(extract())


def simulate(world: World, *faults: Fault) -> Simulator:
    return Simulator(world, limits=None, faults=faults)


def create(root: Path, page_size: int = 250) -> Landing:
    return create_landing(root, facts(page_size=page_size), clock=lambda: 0.0)


def reopen(landing: Landing) -> Landing:
    return Landing(landing.folder, landing.facts, clock=lambda: 0.0)


async def read_per_user(extraction: Extraction) -> list[ScopeResult]:
    await extraction.read_users()
    return await extraction.read_user_entries(extraction._landing.user_ids())


def verdicts(results: list[ScopeResult]) -> dict[int | None, Verdict]:
    return {result.scope.user_id: result.verdict for result in results}


@pytest.fixture
def world() -> World:
    """Twenty people and one year."""
    return World.generate(people=20, years=1)


def busy_user(world: World) -> int:
    """The user with the most entries."""
    counts = [(len(world.entries(one["id"])), one["id"]) for one in world.users()]
    return max(counts)[1]


# What it costs


def test_one_request_a_user_and_the_users_list(tmp_path: Path, world: World) -> None:
    simulator, landing = simulate(world), create(tmp_path)
    results = run(Wire(simulator), landing, read_per_user)
    assert len(simulator.requests) == 20 + 1
    assert all((one.verdict, one.requests, one.pages) == (COMPLETE, 1, 1) for one in results)
    assert landed_records(landing) == world.entries()


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("is_known", [True, False])
def test_the_whole_organization_costs_a_page_for_249_entries(
    tmp_path: Path, concurrency: int, *, is_known: bool
) -> None:
    world = World.generate(people=120, years=3)
    entries = world.count_entries()
    simulator, landing = simulate(world), create(tmp_path)
    expected = entries if is_known else 0
    result = run(
        Wire(simulator), landing, lambda one: one.read_organization(expected), concurrency=concurrency
    )
    assert entries > 1_000
    assert len(simulator.requests) == result.requests == result.pages == pages_for(entries, 250)
    assert len(simulator.requests) <= -(-entries // 249) + 2
    assert result.verdict is COMPLETE
    assert landed_records(landing) == world.entries()


def test_requests_count_the_attempts_that_gave_no_page(tmp_path: Path, world: World) -> None:
    simulator = simulate(world, Fault("500", path="/ooo", times=1))
    result = run(Wire(simulator), create(tmp_path), lambda one: one.read_organization())
    assert (result.pages, result.requests) == (1, 2)


@pytest.mark.parametrize("pages_before", [1, 2, 5, 8])
def test_a_resumed_run_asks_for_no_page_that_it_has(tmp_path: Path, world: World, pages_before: int) -> None:
    take = 10
    landing = create(tmp_path, page_size=take)
    total = pages_for(world.count_entries(), take)
    assert total > 8
    outage = Fault("500", path="/ooo", nth=pages_before + 1, times=99)
    first = Wire(simulate(world, outage))
    killed = run(first, landing, lambda one: one.read_organization(), concurrency=1)
    # Two attempts at the page that fails, and two at the one beyond it.
    assert (killed.verdict, killed.pages, killed.requests) == (FAILED, pages_before, pages_before + 4)
    second = Wire(simulate(world))
    again = reopen(landing)
    result = run(second, again, lambda one: one.read_organization(), concurrency=1)
    assert (result.verdict, result.pages, len(second.targets)) == (COMPLETE, total, total - pages_before)
    assert not set(second.targets) & set(first.targets[:pages_before])
    assert landed_records(again) == world.entries()
    third = Wire(simulate(world))
    assert run(third, reopen(again), lambda one: one.read_organization()) == result
    assert third.targets == []


# What goes wrong


def test_one_users_failure_is_its_own(tmp_path: Path, world: World) -> None:
    ids = [one["id"] for one in world.users()]
    kinds: list[Any] = ["500", "502_html", "403_html", "truncated_json", "empty_200_html", "reset"]
    faults = [
        Fault(kind, path=f"/users/{user_id}/ooo", times=9)
        for kind, user_id in zip(kinds, ids[1::3], strict=False)
    ]
    bad = set(ids[1::3][: len(kinds)]) | {ids[0]}
    landing = create(tmp_path)
    results = run(Wire(simulate(world, *faults), gone=f"/users/{ids[0]}/ooo"), landing, read_per_user)
    assert verdicts(results) == {one: FAILED if one in bad else COMPLETE for one in ids}
    assert all(result.problem for result in results if result.verdict is FAILED)
    assert landed_records(landing) == [one for one in world.entries() if one["userId"] not in bad]


def test_a_user_who_left_meanwhile_is_failed_and_not_empty(tmp_path: Path, world: World) -> None:
    user_id = world.users()[3]["id"]

    async def work(extraction: Extraction) -> list[ScopeResult]:
        await extraction.read_users()
        world.remove_user(user_id)
        return await extraction.read_user_entries(extraction._landing.user_ids())

    results = run(Wire(simulate(world)), create(tmp_path), work)
    assert verdicts(results)[user_id] is FAILED
    assert list(verdicts(results).values()).count(COMPLETE) == 19


@pytest.mark.parametrize("concurrency", [1, 4])
def test_when_the_source_is_gone_the_rest_are_not_asked(
    tmp_path: Path, world: World, concurrency: int
) -> None:
    wire = Wire(simulate(world))

    async def work(extraction: Extraction) -> list[ScopeResult]:
        await extraction.read_users()
        wire._gone = re.compile("users")
        wire.targets.clear()
        return await extraction.read_user_entries(extraction._landing.user_ids())

    results = run(wire, create(tmp_path), work, concurrency=concurrency)
    assert [one.verdict for one in results] == [FAILED] * 20
    asked = {path for path in wire.targets if "/ooo" in path}
    assert OUTAGE_AFTER <= len(asked) < OUTAGE_AFTER + 2 * concurrency
    assert sum("not asked" in (one.problem or "") for one in results) == 20 - len(asked)


def test_a_few_users_that_can_not_be_read_do_not_cost_the_others(tmp_path: Path, world: World) -> None:
    ids = [user["id"] for user in world.users()]
    unreadable = "|".join(map(str, ids[2:10]))
    wire = Wire(simulate(world, Fault("500", path=rf"users/({unreadable})/ooo", times=999)))
    results = run(wire, create(tmp_path), read_per_user)
    failed = {user_id for user_id, verdict in verdicts(results).items() if verdict is FAILED}
    assert failed == set(ids[2:10])


def test_refusals_are_answers_and_no_outage(tmp_path: Path, world: World) -> None:
    wire = Wire(simulate(world, Fault("403_html", path=r"users/\d+/ooo", times=99)))
    results = run(wire, create(tmp_path), read_per_user)
    assert sum("/ooo" in path for path in wire.targets) == 20
    assert {one.verdict for one in results} == {FAILED}
    assert all("not asked" not in (one.problem or "") for one in results)


@pytest.mark.parametrize(
    "work", [read_per_user, lambda one: one.read_users(), lambda one: one.read_organization()]
)
def test_a_refused_credential_ends_the_run(tmp_path: Path, world: World, work: Work) -> None:
    wire = Wire(simulate(world))
    with pytest.raises(ApiError, match="401"):
        run(wire, create(tmp_path), work, key=EXPIRED_KEY)
    assert len(wire.targets) == 1


def test_a_credential_that_expires_meanwhile_ends_the_run_and_keeps_what_was_read(
    tmp_path: Path, world: World
) -> None:
    class Expiring(Wire):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if len(self.targets) >= 8:
                request.headers["authorization"] = f"Bearer {EXPIRED_KEY}"
            return await super().handle_async_request(request)

    landing = create(tmp_path)
    with pytest.raises(ApiError, match="401"):
        run(Expiring(simulate(world)), landing, read_per_user)
    complete = [one for one in reopen(landing).results.values() if one.verdict is COMPLETE]
    assert len(complete) == 8


def test_a_disk_that_refuses_ends_the_run(tmp_path: Path, world: World) -> None:
    landing = create_landing(tmp_path, facts(), clock=iter(range(999)).__next__)
    for number in range(1, 9):
        (landing.folder / f"entries-{number:06d}.tmp").mkdir()
    with pytest.raises(LandingError):
        run(Wire(simulate(world)), landing, read_per_user)


def test_the_users_list_must_be_read(tmp_path: Path, world: World) -> None:
    with pytest.raises(TransportError):
        run(Wire(simulate(world), gone="users$"), create(tmp_path), lambda one: one.read_users())


def test_an_organization_that_refuses_at_once_raises_and_one_that_fails_later_keeps_its_pages(
    tmp_path: Path, world: World
) -> None:
    fault = Fault("403_html", path="/organizations/1/ooo", times=9)
    with pytest.raises(ApiError, match="403"):
        run(Wire(simulate(world, fault)), create(tmp_path / "a"), lambda one: one.read_organization())
    landing = create(tmp_path / "b", page_size=10)
    fault = Fault("500", path="/organizations/1/ooo", nth=4, times=9)
    result = run(Wire(simulate(world, fault)), landing, lambda one: one.read_organization())
    assert (result.verdict, result.pages) == (FAILED, 3)
    assert landed_records(landing) == world.entries()[: 3 * 9 + 1]


def test_pages_answered_beside_a_failure_are_landed(tmp_path: Path, world: World) -> None:
    fault = Fault("500", path="skip=9$", times=9)
    landing = create(tmp_path, page_size=10)
    work: Work = lambda one: one.read_organization(world.count_entries())  # noqa: E731
    result = run(Wire(simulate(world, fault)), landing, work)
    assert result.verdict is FAILED
    assert result.pages == pages_for(world.count_entries(), 10) - 1


# A page that can't be read


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("kind", ["500", "empty_200_html", "truncated_json", "403_html", "reset"])
def test_a_page_that_cannot_be_read_costs_only_its_own_rows(
    tmp_path: Path, world: World, kind: Any, concurrency: int
) -> None:
    truth = world.entries()
    work: Work = lambda one: one.read_organization(len(truth))  # noqa: E731
    landing = create(tmp_path, page_size=10)
    wire = Wire(simulate(world, Fault(kind, path="skip=27$", times=9)))
    result = run(wire, landing, work, concurrency=concurrency)
    low, high = truth[27]["id"], truth[36]["id"]
    assert (result.verdict, result.proven) == (FAILED, ((0, low), (high, ALL_IDS[0][1])))
    assert result.pages == pages_for(len(truth), 10) - 1
    assert landed_records(landing) == truth[:28] + truth[36:]
    error = {"500": "500", "403_html": "403", "reset": "ReadError"}.get(kind, "JSON")
    assert error in (result.problem or "")
    assert (result.problem or "").endswith(f"proved all the same: ids up to {low}, from {high} on")
    again = reopen(landing)
    assert again.results == {ORGANIZATION: result}

    wire = Wire(simulate(world))
    resumed = run(wire, again, work, concurrency=concurrency)
    assert (resumed.verdict, resumed.proven, resumed.problem) == (COMPLETE, ALL_IDS, None)
    assert [path.partition("skip=")[2] for path in wire.targets] == ["27"]
    assert landed_records(again) == truth


def test_a_page_that_stays_unreadable_does_not_cost_the_pages_of_the_run_before(
    tmp_path: Path, world: World
) -> None:
    landing = create(tmp_path, page_size=10)
    work: Work = lambda one: one.read_organization()  # noqa: E731
    fault = Fault("500", path="skip=27$", times=99)
    first = run(Wire(simulate(world, fault)), landing, work)
    wire = Wire(simulate(world, fault))
    second = run(wire, reopen(landing), work)
    assert (second.verdict, second.proven, second.pages) == (FAILED, first.proven, first.pages)
    assert len(wire.targets) == 2


def test_the_last_page_may_be_the_unreadable_one(tmp_path: Path, world: World) -> None:
    truth = world.entries()
    last = 9 * (pages_for(len(truth), 10) - 1)
    landing = create(tmp_path, page_size=10)
    wire = Wire(simulate(world, Fault("500", path=f"skip={last}$", times=9)))
    result = run(wire, landing, lambda one: one.read_organization())
    assert (result.verdict, result.proven) == (FAILED, ((0, truth[last]["id"]),))
    assert landed_records(landing) == truth[: last + 1]


def test_no_page_of_one_user_is_stepped_over(tmp_path: Path, world: World) -> None:
    user_id = busy_user(world)
    landing = create(tmp_path, page_size=2)
    wire = Wire(simulate(world, Fault("500", path="skip=1$", times=9)))
    (result,) = run(wire, landing, lambda one: one.read_user_entries([user_id]))
    assert (result.verdict, result.pages) == (FAILED, 1)


# A server without ascending ids


class Reordered(Wire):
    """Answers pages of the organization's entries in another order than by id."""

    def __init__(self, world: World, order: Callable[[dict[str, Any]], Any]) -> None:
        """`order` gives each entry's place."""
        super().__init__(simulate(world))
        self._world, self._order = world, order

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer in order."""
        self.targets.append(str(request.url.raw_path, "ascii"))
        skip, take = int(request.url.params["skip"]), int(request.url.params["take"])
        entries = sorted(self._world.entries(), key=self._order)[skip : skip + take]
        return httpx.Response(200, json={"status": "success", "data": entries})


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_descending_order_is_complete_once_two_passes_agree(
    tmp_path: Path, world: World, concurrency: int
) -> None:
    truth = world.entries()
    landing = create(tmp_path, page_size=10)
    wire = Reordered(world, lambda one: -one["id"])
    work: Work = lambda one: one.read_organization(len(truth))  # noqa: E731
    result = run(wire, landing, work, concurrency=concurrency)
    assert (result.verdict, result.proven, result.problem) == (COMPLETE, ALL_IDS, None)
    assert len(wire.targets) <= 2 * (len(truth) // 10 + 1) + concurrency
    assert landed_records(landing) == truth
    assert reopen(landing).results == {ORGANIZATION: result}


def test_an_order_with_unstable_ties_is_unproven_and_its_rows_are_landed(
    tmp_path: Path, world: World
) -> None:
    chance, truth = random.Random(1), world.entries()
    landing = create(tmp_path, page_size=10)
    wire = Reordered(world, lambda one: (one["start"][:4], chance.random()))
    result = run(wire, landing, lambda one: one.read_organization())
    assert (result.verdict, result.proven, result.problem) == (UNPROVEN, (), "ids_not_ascending")
    assert len(wire.targets) <= MAX_REPEATED_READS * (len(truth) // 10 + 1) + 1
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
def test_a_bad_record_is_kept_aside_and_only_an_unreadable_id_costs_the_proof(
    tmp_path: Path, world: World, fault: Fault, verdict: Verdict, problem: str | None
) -> None:
    user_id = busy_user(world)
    landing = create(tmp_path)
    work: Work = lambda one: one.read_user_entries([user_id])  # noqa: E731
    (result,) = run(Wire(simulate(world, fault)), landing, work)
    assert (result.verdict, result.problem) == (verdict, problem)
    rejected = landed_records(landing, rejected=True)
    total = len(world.entries(user_id))
    assert len(rejected) == (total if fault.kind == "wrong_types" else 1)
    assert len(rejected) + len(landed_records(landing)) == total


def test_an_unproven_or_complete_scope_is_not_read_again_and_a_failed_one_is(
    tmp_path: Path, world: World
) -> None:
    landing = create(tmp_path)
    first, second = (one["id"] for one in world.users()[:2])
    faults = (
        Fault("bad_record", path=f"users/{first}/ooo", field="id"),
        Fault("500", path=f"users/{second}/ooo", times=2),
    )
    world.add_entry(first, "2026-03-01T00:00:00.000Z", "2026-03-01T23:59:59.999Z")
    wire = Wire(simulate(world, *faults))
    work: Work = lambda one: one.read_user_entries([first, second])  # noqa: E731
    assert verdicts(run(wire, landing, work)) == {first: UNPROVEN, second: FAILED}
    wire.targets.clear()
    again = reopen(landing)
    assert verdicts(run(wire, again, work)) == {first: UNPROVEN, second: COMPLETE}
    assert all(f"users/{second}/" in path for path in wire.targets)


def test_facts_of_every_scope_are_told_and_landed(tmp_path: Path, world: World) -> None:
    landing = create(tmp_path)
    results = run(Wire(simulate(world)), landing, read_per_user)
    assert set(landing.results) == {USERS} | {one.scope for one in results}
    assert reopen(landing).results == landing.results


def test_someone_else_who_cancels_the_run_leaves_no_request_under_way(tmp_path: Path, world: World) -> None:
    landing = create(tmp_path, page_size=5)
    simulator = Simulator(world, limits=None, latency_seconds=1.0)

    async def work(extraction: Extraction) -> int:
        task = asyncio.create_task(extraction.read_organization(world.count_entries()))
        await asyncio.sleep(5.5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return extraction._client.rate_limiter.budget.in_flight

    assert run(Wire(simulator), landing, work) == 0
    assert len(reopen(landing).pages[ORGANIZATION]) >= 4


def test_the_first_error_is_remembered_for_a_run_that_read_nothing(tmp_path: Path, world: World) -> None:
    async def work(extraction: Extraction) -> CalcomError | None:
        await read_per_user(extraction)
        return extraction.first_error

    error = run(Wire(simulate(world), gone=r"users/\d+/ooo"), create(tmp_path), work)
    assert isinstance(error, TransportError)
