"""The rate_limiter spends the whole budget and not one request more, alone or beside others."""

import asyncio
import random
from math import inf

import httpx
import pytest
from pydantic import SecretStr

from calcom.client import CalcomClient
from calcom.credentials import ApiKey
from calcom.errors import ApiError, TransportError
from calcom.rate_limit import BLOCK_MARGIN_SECONDS, Budget, RateLimiter, Window, read_limits
from calcom.requester import Connection
from calcom.simulator import CUSTOM_LIMITS_KEY, OWNER_KEY, Limits, RateLimit, Simulator, World
from tests.support.fake_clock import run_virtually, virtual_now

EMPTY = World((), ())
LATENCY_SECONDS = 0.15


def rate_headers(limit: int, remaining: int, reset: float, name: str = "Default") -> dict[str, str]:
    return {
        f"X-RateLimit-Limit-{name}": str(limit),
        f"X-RateLimit-Remaining-{name}": str(remaining),
        f"X-RateLimit-Reset-{name}": str(reset),
    }


def budget_told(now: float, status: int, headers: dict[str, str]) -> Budget:
    budget = Budget()
    budget.note_sent()
    budget.note_answer(now, status, headers)
    return budget


# What a budget decides


def test_the_first_request_goes_alone_until_its_answer_says_what_is_left() -> None:
    budget = Budget()
    assert budget.seconds_to_wait(0) == 0
    budget.note_sent()
    assert budget.seconds_to_wait(0) is None
    budget.note_answer(1, 200, rate_headers(120, 119, 60))
    assert budget.seconds_to_wait(1) == 0


def test_a_spent_window_is_slept_out() -> None:
    assert budget_told(100, 200, rate_headers(120, 0, 42)).seconds_to_wait(110) == 32


def test_what_is_under_way_counts_as_spent_before_its_answer_comes() -> None:
    budget = budget_told(0, 200, rate_headers(120, 2, 60))
    budget.note_sent()
    budget.note_sent()
    assert budget.seconds_to_wait(0) == 60


def test_others_may_be_spending_so_no_more_is_under_way_than_is_left() -> None:
    budget = Budget(windows={"default": Window(limit=120, remaining=100, ends_at=60)}, in_flight=4)
    budget._is_probing = False
    budget.note_answer(1, 200, rate_headers(120, 3, 59))
    assert (budget.in_flight, budget.seconds_to_wait(1)) == (3, None)


def test_the_scarcest_of_several_named_limits_decides() -> None:
    headers = rate_headers(20, 0, 7, "Short") | rate_headers(600, 500, 50, "Long")
    assert budget_told(0, 200, headers).seconds_to_wait(0) == 7


def test_when_two_limits_are_spent_the_longer_is_slept_out() -> None:
    headers = rate_headers(20, 0, 7, "Short") | rate_headers(600, 0, 50, "Long")
    assert budget_told(0, 200, headers).seconds_to_wait(0) == 50


def test_a_spent_limit_holds_although_another_one_is_new_and_unknown() -> None:
    windows = {"short": Window(1, 0, inf), "long": Window(9, 0, 50)}
    assert Budget(windows=windows).seconds_to_wait(10) == 40


def test_a_new_window_is_opened_by_one_request_alone() -> None:
    budget = budget_told(0, 200, rate_headers(120, 0, 60))
    assert budget.seconds_to_wait(60) == 0
    budget.note_sent()
    assert budget.seconds_to_wait(60) is None
    budget.note_answer(61, 200, rate_headers(120, 119, 60))
    assert budget.windows["default"] == Window(120, 119, 121)


def test_without_headers_nothing_is_paced() -> None:
    budget = budget_told(0, 200, {})
    for _ in range(1_000):
        assert budget.seconds_to_wait(0) == 0
        budget.note_sent()


def test_a_429_blocks_for_its_whole_reset_and_a_margin() -> None:
    budget = budget_told(10, 429, rate_headers(120, 0, 60))
    assert budget.seconds_to_wait(10) == 60 + BLOCK_MARGIN_SECONDS


def test_a_429_without_headers_blocks_for_a_minute() -> None:
    assert budget_told(10, 429, {}).seconds_to_wait(10) == 60 + BLOCK_MARGIN_SECONDS


@pytest.mark.parametrize(("status", "waited"), [(429, 90 + BLOCK_MARGIN_SECONDS), (503, 90)])
def test_a_retry_after_is_obeyed_where_one_is_sent(status: int, waited: float) -> None:
    assert budget_told(0, status, {"retry-after": "90"}).seconds_to_wait(0) == waited


@pytest.mark.parametrize("value", ["", "soon", "nan", "inf", "-5", "1e9", "Sun, 01 Mar 2026 06:00:00 GMT"])
def test_a_retry_after_that_is_no_number_of_seconds_is_ignored(value: str) -> None:
    assert budget_told(0, 200, {"retry-after": value}).seconds_to_wait(0) == 0
    assert budget_told(0, 429, {"retry-after": value}).seconds_to_wait(0) == 61


@pytest.mark.parametrize(
    "headers",
    [
        rate_headers(120, 0, 1_767_225_600),  # an epoch
        rate_headers(120, 0, inf),
        rate_headers(0, 0, 60),
        {"X-RateLimit-Remaining-Default": "0"},
        {"X-RateLimit-Limit": "120", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "60"},
        rate_headers(120, 0, 60) | {"X-RateLimit-Limit-Default": "many"},
    ],
)
def test_headers_that_state_no_limit_are_ignored(headers: dict[str, str]) -> None:
    assert read_limits(headers) == {}


def test_a_lost_request_is_no_longer_under_way_and_counts_as_spent() -> None:
    budget = budget_told(0, 200, rate_headers(120, 50, 60))
    budget.note_sent()
    budget.note_lost()
    assert (budget.in_flight, budget.windows["default"].remaining) == (0, 49)


# What a budget foresees


def test_what_fits_the_window_costs_no_waiting() -> None:
    budget = budget_told(0, 200, rate_headers(120, 119, 60))
    assert (budget.seconds_for(0, 5), budget.seconds_for(119, 5)) == (0, 0)


@pytest.mark.parametrize(
    ("requests", "seconds"), [(120, 50), (239, 50), (240, 110), (359, 110), (360, 170), (1_200, 590)]
)
def test_each_window_more_costs_its_length_and_the_first_what_is_left_of_it(
    requests: int, seconds: float
) -> None:
    assert budget_told(0, 200, rate_headers(120, 119, 60)).seconds_for(requests, 10) == seconds


def test_the_slowest_of_several_limits_decides_how_long_it_takes() -> None:
    headers = rate_headers(20, 19, 10, "Short") | rate_headers(60, 59, 60, "Long")
    budget = budget_told(0, 200, headers)
    assert [budget.seconds_for(requests, 0) for requests in (19, 39, 59, 60, 119)] == [0, 10, 20, 60, 60]


def test_a_block_is_waited_out_before_the_windows_that_follow_it() -> None:
    budget = budget_told(0, 200, rate_headers(120, 100, 60))
    budget.note_sent()
    budget.note_answer(10, 429, rate_headers(120, 0, 60))
    block = 60 + BLOCK_MARGIN_SECONDS
    assert [budget.seconds_for(requests, 10) for requests in (0, 120, 121, 241)] == [
        block,
        block,
        block + 60,
        block + 120,
    ]


def test_a_block_of_unknown_limits_is_all_that_is_foreseen() -> None:
    assert budget_told(0, 503, {"retry-after": "30"}).seconds_for(1_000, 10) == 20


def test_a_window_that_is_over_counts_as_a_new_one() -> None:
    budget = budget_told(0, 200, rate_headers(120, 3, 60))
    assert (budget.seconds_for(120, 60), budget.seconds_for(121, 60)) == (0, 60)
    assert budget.seconds_to_wait(60) == 0
    budget.note_sent()  # its answer is not there yet
    assert (budget.seconds_for(119, 60), budget.seconds_for(120, 60)) == (0, 60)


def test_without_limits_nothing_is_foreseen() -> None:
    assert (Budget().seconds_for(10_000, 0), budget_told(0, 200, {}).seconds_for(10_000, 0)) == (0, 0)


@pytest.mark.parametrize("requests", [25, 61, 100])
def test_what_is_foreseen_is_what_it_takes(requests: int) -> None:
    async def run() -> tuple[float, float]:
        client = connect(simulate(limits=scaled(30)))
        await client.fetch_users(1)
        foreseen, begun = client.rate_limiter.seconds_for(requests), virtual_now()
        await spend(client, requests, 4)
        return foreseen, virtual_now() - begun

    foreseen, seconds = run_virtually(run())
    assert foreseen <= seconds <= foreseen + 6


# What a client spends


def scaled(limit: int) -> Limits:
    """The rule as it is, 60 seconds and a block of 60, with fewer requests for the tests' sake."""
    return Limits(api_key=(RateLimit(limit=limit),))


def connect(
    simulator: Simulator, key: str = OWNER_KEY, transport: httpx.AsyncBaseTransport | None = None
) -> CalcomClient:
    """A client in virtual time."""
    return CalcomClient(
        Connection(
            base_url="http://simulator",
            credential=ApiKey(SecretStr(key)),
            transport=transport or httpx.ASGITransport(simulator),
            clock=virtual_now,
            sleep=asyncio.sleep,
        )
    )


def someone_else(simulator: Simulator) -> httpx.AsyncClient:
    """Another program with the same credential, which paces nothing."""
    headers = {"Authorization": f"Bearer {OWNER_KEY}"}
    transport = httpx.ASGITransport(simulator)
    return httpx.AsyncClient(transport=transport, base_url="http://simulator", headers=headers)


def simulate(**settings: object) -> Simulator:
    return Simulator(EMPTY, clock=virtual_now, latency_seconds=LATENCY_SECONDS, **settings)  # type: ignore[arg-type]


async def spend(client: CalcomClient, requests: int, concurrency: int) -> None:
    """Send so many requests, that many side by side."""
    todo = iter(range(requests))

    async def work() -> None:
        for _ in todo:
            await client.fetch_users(1)

    async with client, asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())


def refused(simulator: Simulator) -> int:
    return sum(request.status == 429 for request in simulator.requests)


@pytest.mark.parametrize("concurrency", [1, 4, 8])
def test_a_fresh_window_gives_no_429_and_next_to_all_that_the_limit_allows(concurrency: int) -> None:
    async def run() -> tuple[int, float]:
        simulator = simulate(limits=scaled(30))
        await spend(connect(simulator), 4 * 30 + 1, concurrency)
        return refused(simulator), virtual_now()

    refusals, seconds = run_virtually(run())
    assert refusals == 0
    # The last request opens the fifth window, so four whole windows came before it.
    assert 4 * 30 / seconds >= 0.95 * 30 / 60


def test_the_limit_of_an_api_key_is_kept_and_next_to_all_of_it_is_used() -> None:
    async def run() -> tuple[int, float]:
        simulator = simulate()
        await spend(connect(simulator), 241, 4)
        return refused(simulator), virtual_now()

    refusals, seconds = run_virtually(run())
    assert refusals == 0
    assert 240 / seconds >= 0.95 * 120 / 60


def test_a_limit_beyond_reach_is_not_waited_for() -> None:
    async def run() -> float:
        await spend(connect(simulate(limits=Limits(api_key=(RateLimit(limit=10_000),)))), 160, 8)
        return virtual_now()

    assert run_virtually(run()) <= (160 / 8 + 2) * LATENCY_SECONDS


@pytest.mark.parametrize("concurrency", [1, 8])
def test_several_named_limits_are_all_kept(concurrency: int) -> None:
    async def run() -> tuple[int, float]:
        simulator = Simulator(EMPTY, clock=virtual_now, latency_seconds=LATENCY_SECONDS)
        await spend(connect(simulator, CUSTOM_LIMITS_KEY), 121, concurrency)
        return refused(simulator), virtual_now()

    refusals, seconds = run_virtually(run())
    assert refusals == 0
    assert 120 / seconds >= 0.95 * 60 / 60


@pytest.mark.parametrize("concurrency", [1, 4, 8])
def test_joining_a_window_that_others_half_used_costs_no_429(concurrency: int) -> None:
    async def run() -> int:
        simulator = simulate(limits=scaled(30))
        async with someone_else(simulator) as other:
            for _ in range(15):
                await other.get("/v2/me")
        await spend(connect(simulator), 40, concurrency)
        return refused(simulator)

    assert run_virtually(run()) == 0


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("every_seconds", [3.0, 21.0])
def test_someone_who_keeps_using_the_window_costs_at_most_one_429(
    concurrency: int, every_seconds: float
) -> None:
    """Nobody can foresee who takes the last request of a window; a block made longer would show twice."""

    async def run() -> tuple[int, int]:
        simulator = simulate(limits=scaled(30))
        client = connect(simulator)

        async def use_slowly() -> None:
            async with someone_else(simulator) as other:
                while True:
                    await other.get("/v2/me")
                    await asyncio.sleep(every_seconds)

        other = asyncio.create_task(use_slowly())
        await asyncio.sleep(5)
        await spend(client, 40, concurrency)
        other.cancel()
        await asyncio.gather(other, return_exceptions=True)
        return client.traffic.throttled, client.traffic.retries

    throttled, retries = run_virtually(run())
    assert throttled <= 1
    assert retries == throttled


def test_a_block_that_someone_else_caused_is_waited_out_once() -> None:
    async def run() -> tuple[int, float]:
        simulator = simulate()
        async with someone_else(simulator) as other:
            for _ in range(121):
                await other.get("/v2/me")
        client, begun = connect(simulator), virtual_now()
        await spend(client, 20, 8)
        return client.traffic.throttled, virtual_now() - begun

    throttled, seconds = run_virtually(run())
    assert throttled == 1
    assert 60 < seconds < 63


@pytest.mark.parametrize("concurrency", [1, 4, 8])
def test_nothing_is_sent_while_blocked_so_no_block_is_ever_extended(concurrency: int) -> None:
    """Someone else spends the window twice; the simulator's log has nothing of ours within a block."""
    log: list[tuple[float, int]] = []  # when each request was answered, and how

    async def run() -> int:
        simulator = simulate(limits=scaled(30))

        async def serve(request: httpx.Request) -> httpx.Response:
            answer = await served.handle_async_request(request)
            await answer.aread()
            log.append((virtual_now(), answer.status_code))
            return answer

        async def exceed() -> None:
            async with other:
                for seconds in (2.0, 90.0):
                    await asyncio.sleep(seconds)
                    while (await other.get("/v2/me")).status_code != httpx.codes.TOO_MANY_REQUESTS:
                        pass
                    blocked_at.append(virtual_now())

        served, blocked_at = httpx.ASGITransport(simulator), list[float]()
        other = someone_else(simulator)
        client = connect(simulator, transport=httpx.MockTransport(serve))
        await asyncio.gather(exceed(), spend(client, 150, concurrency))
        blocks = [(at, at + 60) for at in blocked_at]
        # What was under way when the block began is refused; afterwards nothing is sent until it ends.
        first_refusals = [
            min(at for at, status in log if status == 429 and at >= begin) for begin, _ in blocks
        ]
        for (_, end), told_at in zip(blocks, first_refusals, strict=True):
            assert not [at for at, _ in log if told_at + LATENCY_SECONDS < at < end]
        return refused(simulator) - len(blocks)

    ours = run_virtually(run())
    assert 2 <= ours <= 2 * concurrency
    assert sum(status == 429 for _, status in log) == ours


def answering(answers: list[httpx.Response | Exception]) -> httpx.MockTransport:
    """A wire that gives these answers and then empty pages."""
    left = iter(answers)

    async def answer(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(LATENCY_SECONDS)
        given = next(left, None)
        if isinstance(given, Exception):
            raise given
        return given or httpx.Response(200, json={"status": "success", "data": []})

    return httpx.MockTransport(answer)


def test_an_edge_429_in_html_is_waited_for_a_minute() -> None:
    async def run() -> float:
        wire = answering([httpx.Response(429, html="<html>slow down</html>")])
        await spend(connect(simulate(), transport=wire), 1, 1)
        return virtual_now()

    assert 60 < run_virtually(run()) < 62


def test_a_server_without_rate_headers_is_not_paced() -> None:
    async def run() -> float:
        await spend(connect(simulate(limits=None)), 160, 8)
        return virtual_now()

    assert run_virtually(run()) <= (160 / 8 + 2) * LATENCY_SECONDS


def test_lost_requests_neither_deadlock_the_others_nor_stay_under_way() -> None:
    async def run() -> tuple[int, int]:
        wire = answering([httpx.ReadError("reset")] * 12)
        client = connect(simulate(), transport=wire)
        await spend(client, 40, 4)
        return client.rate_limiter.budget.in_flight, client.traffic.retries

    assert run_virtually(run()) == (0, 12)


def test_requests_that_keep_failing_are_not_under_way_afterwards() -> None:
    async def run() -> int:
        client = connect(simulate(), transport=answering([httpx.ConnectError("refused")] * 99))
        async with client:
            with pytest.raises(TransportError):
                await client.fetch_users(1)
        return client.rate_limiter.budget.in_flight

    assert run_virtually(run()) == 0


@pytest.mark.parametrize("cancelled_after", [0.0, LATENCY_SECONDS / 2, 30.0])
def test_who_gives_up_waiting_leaves_the_way_free_for_the_others(cancelled_after: float) -> None:
    async def run() -> int:
        simulator = simulate(limits=Limits(api_key=(RateLimit(limit=5),)))
        client = connect(simulator)
        chance = random.Random(1)
        tasks = [asyncio.create_task(client.fetch_users(1)) for _ in range(20)]
        await asyncio.sleep(cancelled_after)
        for task in chance.sample(tasks, 8):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(not task.cancelled() and task.exception() is None for task in tasks) >= 12
        await client.fetch_users(1)
        await client.close()
        assert refused(simulator) == 0
        return client.rate_limiter.budget.in_flight

    assert run_virtually(run()) == 0


def test_one_pause_of_many_waiting_requests_counts_and_is_heard_of_once() -> None:
    heard: list[float] = []

    async def run() -> float:
        simulator = simulate(limits=Limits(api_key=(RateLimit(limit=10),)))
        client = CalcomClient(
            Connection(
                base_url="http://simulator",
                credential=ApiKey(SecretStr(OWNER_KEY)),
                transport=httpx.ASGITransport(simulator),
                clock=virtual_now,
                sleep=asyncio.sleep,
            ),
            on_wait=heard.append,
        )
        await spend(client, 11, 8)
        return client.rate_limiter.waited_seconds

    waited = run_virtually(run())
    assert len(heard) == 1
    assert waited == heard[0]
    assert 58 < waited < 62


def test_a_429_that_never_ends_is_given_up_after_bounded_attempts() -> None:
    async def run() -> float:
        wire = answering([httpx.Response(429, headers=rate_headers(120, 0, 60))] * 99)
        client = connect(simulate(), transport=wire)
        async with client:
            with pytest.raises(ApiError, match="429"):
                await client.fetch_users(1)
        return virtual_now()

    assert 4 * 61 <= run_virtually(run()) <= 4 * 62


def test_the_jitter_is_added_to_every_pause() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    clock = [0.0]
    rate_limiter = RateLimiter(clock=lambda: clock[0], sleep=sleep, jitter=lambda: 0.125)
    rate_limiter.budget.note_sent()
    rate_limiter.note_answer(200, rate_headers(120, 0, 10))
    asyncio.run(rate_limiter.send_when_due())
    assert slept == [10.125]
