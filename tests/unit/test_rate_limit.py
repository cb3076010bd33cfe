"""The rate limiter uses the whole budget and never exceeds it, alone or beside other programs."""

import asyncio
import random
from math import inf

import httpx
import pytest
from pydantic import SecretStr

from calcom.client import CalcomClient
from calcom.connection import Connection
from calcom.credentials import ApiKey
from calcom.errors import ApiError, TransportError, WaitTooLongError
from calcom.rate_limit import BLOCK_MARGIN_SECONDS, Budget, RateLimiter, Window, read_limits
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


def budget_after(now: float, status: int, headers: dict[str, str]) -> Budget:
    budget = Budget()
    budget.record_sent()
    budget.record_response(now, status, headers)
    return budget


# The decision of a budget


def test_the_first_request_is_sent_alone_until_its_response_reports_the_budget() -> None:
    budget = Budget()
    assert budget.seconds_to_wait(0) == 0
    budget.record_sent()
    assert budget.seconds_to_wait(0) is None
    budget.record_response(1, 200, rate_headers(120, 119, 60))
    assert budget.seconds_to_wait(1) == 0


def test_requests_wait_for_the_end_of_a_spent_window() -> None:
    assert budget_after(100, 200, rate_headers(120, 0, 42)).seconds_to_wait(110) == 32


def test_requests_in_flight_count_as_spent_before_their_responses_arrive() -> None:
    budget = budget_after(0, 200, rate_headers(120, 2, 60))
    budget.record_sent()
    budget.record_sent()
    assert budget.seconds_to_wait(0) == 60


def test_no_more_requests_are_in_flight_than_the_budget_has_left() -> None:
    budget = budget_after(0, 200, rate_headers(120, 100, 60))
    for _ in range(4):
        budget.record_sent()
    budget.record_response(1, 200, rate_headers(120, 3, 59))
    assert (budget.in_flight, budget.seconds_to_wait(1)) == (3, None)


def test_the_named_limit_with_the_least_left_decides() -> None:
    headers = rate_headers(20, 0, 7, "Short") | rate_headers(600, 500, 50, "Long")
    assert budget_after(0, 200, headers).seconds_to_wait(0) == 7


def test_of_two_spent_limits_the_later_end_is_waited_for() -> None:
    headers = rate_headers(20, 0, 7, "Short") | rate_headers(600, 0, 50, "Long")
    assert budget_after(0, 200, headers).seconds_to_wait(0) == 50


def test_a_spent_limit_applies_although_another_window_is_new_and_unknown() -> None:
    windows = {"short": Window(1, 0, inf), "long": Window(9, 0, 50)}
    assert Budget(windows=windows).seconds_to_wait(10) == 40


def test_one_request_alone_opens_a_new_window() -> None:
    budget = budget_after(0, 200, rate_headers(120, 0, 60))
    assert budget.seconds_to_wait(60) == 0
    budget.record_sent()
    assert budget.seconds_to_wait(60) is None
    budget.record_response(61, 200, rate_headers(120, 119, 60))
    assert budget.windows["default"] == Window(120, 119, 121)


def test_without_rate_headers_there_is_no_limit() -> None:
    budget = budget_after(0, 200, {})
    for _ in range(1_000):
        assert budget.seconds_to_wait(0) == 0
        budget.record_sent()


def test_a_429_blocks_for_its_whole_reset_plus_a_margin() -> None:
    budget = budget_after(10, 429, rate_headers(120, 0, 60))
    assert budget.seconds_to_wait(10) == 60 + BLOCK_MARGIN_SECONDS


def test_a_429_without_headers_blocks_for_a_minute() -> None:
    assert budget_after(10, 429, {}).seconds_to_wait(10) == 60 + BLOCK_MARGIN_SECONDS


@pytest.mark.parametrize(("status", "waited"), [(429, 90 + BLOCK_MARGIN_SECONDS), (503, 90)])
def test_a_retry_after_header_delays_the_next_request(status: int, waited: float) -> None:
    assert budget_after(0, status, {"retry-after": "90"}).seconds_to_wait(0) == waited


@pytest.mark.parametrize("value", ["", "soon", "nan", "inf", "-5", "1e9", "Sun, 01 Mar 2026 06:00:00 GMT"])
def test_a_retry_after_that_is_not_a_number_of_seconds_is_ignored(value: str) -> None:
    assert budget_after(0, 200, {"retry-after": value}).seconds_to_wait(0) == 0
    assert budget_after(0, 429, {"retry-after": value}).seconds_to_wait(0) == 61


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        ("Sun, 01 Mar 2026 06:01:30 GMT", 90),
        ("Mon, 02 Mar 2026 06:00:00 GMT", 86_400),
        ("Sun, 01 Mar 2026 05:59:59 GMT", 0),
    ],
)
def test_a_retry_after_that_is_an_http_date_is_compared_with_the_servers_own_date(
    retry_after: str, seconds: float
) -> None:
    headers = {"date": "Sun, 01 Mar 2026 06:00:00 GMT", "retry-after": retry_after}
    assert budget_after(0, 503, headers).seconds_to_wait(0) == seconds


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
def test_incomplete_or_impossible_rate_headers_are_ignored(headers: dict[str, str]) -> None:
    assert read_limits(headers) == {}


def test_a_lost_request_is_no_longer_in_flight_and_counts_as_spent() -> None:
    budget = budget_after(0, 200, rate_headers(120, 50, 60))
    budget.record_sent()
    budget.record_lost()
    assert (budget.in_flight, budget.windows["default"].remaining) == (0, 49)


# The estimate of a budget


def test_requests_that_fit_into_the_window_need_no_waiting() -> None:
    budget = budget_after(0, 200, rate_headers(120, 119, 60))
    assert (budget.seconds_for(0, 5), budget.seconds_for(119, 5)) == (0, 0)


@pytest.mark.parametrize(
    ("requests", "seconds"), [(120, 50), (239, 50), (240, 110), (359, 110), (360, 170), (1_200, 590)]
)
def test_each_further_window_costs_its_length_and_the_open_one_its_remaining_time(
    requests: int, seconds: float
) -> None:
    assert budget_after(0, 200, rate_headers(120, 119, 60)).seconds_for(requests, 10) == seconds


def test_the_slowest_of_several_limits_decides_the_estimate() -> None:
    headers = rate_headers(20, 19, 10, "Short") | rate_headers(60, 59, 60, "Long")
    budget = budget_after(0, 200, headers)
    assert [budget.seconds_for(requests, 0) for requests in (19, 39, 59, 60, 119)] == [0, 10, 20, 60, 60]


def test_the_estimate_includes_a_block_and_the_windows_after_it() -> None:
    budget = budget_after(0, 200, rate_headers(120, 100, 60))
    budget.record_sent()
    budget.record_response(10, 429, rate_headers(120, 0, 60))
    block = 60 + BLOCK_MARGIN_SECONDS
    assert [budget.seconds_for(requests, 10) for requests in (0, 120, 121, 241)] == [
        block,
        block,
        block + 60,
        block + 120,
    ]


def test_without_known_limits_the_estimate_is_the_rest_of_the_block() -> None:
    assert budget_after(0, 503, {"retry-after": "30"}).seconds_for(1_000, 10) == 20


def test_the_estimate_counts_a_window_that_is_over_as_a_new_one() -> None:
    budget = budget_after(0, 200, rate_headers(120, 3, 60))
    assert (budget.seconds_for(120, 60), budget.seconds_for(121, 60)) == (0, 60)
    assert budget.seconds_to_wait(60) == 0
    budget.record_sent()  # its response has not arrived yet
    assert (budget.seconds_for(119, 60), budget.seconds_for(120, 60)) == (0, 60)


def test_without_limits_the_estimate_is_zero() -> None:
    assert (Budget().seconds_for(10_000, 0), budget_after(0, 200, {}).seconds_for(10_000, 0)) == (0, 0)


@pytest.mark.parametrize("requests", [25, 61, 100])
def test_the_estimate_agrees_with_the_time_that_the_requests_take(requests: int) -> None:
    async def run() -> tuple[float, float]:
        client = connect(simulate(limits=limit_of(30)))
        await client.fetch_users(1)
        estimate, begun = client.rate_limiter.seconds_for(requests), virtual_now()
        await spend(client, requests, 4)
        return estimate, virtual_now() - begun

    estimate, seconds = run_virtually(run())
    assert estimate <= seconds <= estimate + 6


# The bound of a pause


def wait_after(status: int, headers: dict[str, str], max_wait_seconds: float) -> float:
    """Return the seconds that the request after a response waits."""

    async def run() -> float:
        limiter = RateLimiter(
            clock=virtual_now, sleep=asyncio.sleep, jitter=lambda: 0.0, max_wait_seconds=max_wait_seconds
        )
        await limiter.acquire()
        limiter.record_response(status, headers)
        await limiter.acquire()
        return virtual_now()

    return run_virtually(run())


@pytest.mark.parametrize(
    ("status", "headers", "header"),
    [
        (503, {"retry-after": "61"}, "Retry-After"),
        (429, {"retry-after": "61"}, "Retry-After"),
        (429, rate_headers(120, 0, 61), "X-RateLimit-Reset-default"),
        (200, rate_headers(120, 0, 62), "X-RateLimit-Reset-default"),
        (200, rate_headers(9, 0, 5, "Short") | rate_headers(99, 0, 62, "Long"), "X-RateLimit-Reset-long"),
    ],
)
def test_a_pause_is_taken_up_to_its_bound_and_refused_beyond_it(
    status: int, headers: dict[str, str], header: str
) -> None:
    assert wait_after(status, headers, max_wait_seconds=62) in (61, 62)
    with pytest.raises(WaitTooLongError) as caught:
        wait_after(status, headers, max_wait_seconds=59)
    assert caught.value.header == header
    assert "OOO_MAX_WAIT_SECONDS" in str(caught.value)


def test_a_pause_that_an_earlier_run_recorded_is_bounded_too() -> None:
    async def run() -> None:
        limiter = RateLimiter(clock=virtual_now, sleep=asyncio.sleep)
        limiter.block_for(86_400)
        await limiter.acquire()

    with pytest.raises(WaitTooLongError, match="earlier run"):
        run_virtually(run())


# The requests of a client


def limit_of(limit: int) -> Limits:
    """Return Cal.com's limit of an API key with fewer requests per window, for shorter tests."""
    return Limits(api_key=(RateLimit(limit=limit),))


def connect(
    simulator: Simulator, key: str = OWNER_KEY, transport: httpx.AsyncBaseTransport | None = None
) -> CalcomClient:
    """Return a client in virtual time."""
    return CalcomClient(
        Connection(
            base_url="http://simulator",
            credential=ApiKey(SecretStr(key)),
            transport=transport or httpx.ASGITransport(simulator),
            clock=virtual_now,
            sleep=asyncio.sleep,
        )
    )


def connect_other_program(simulator: Simulator) -> httpx.AsyncClient:
    """Return a client with the same credential and without a rate limiter."""
    headers = {"Authorization": f"Bearer {OWNER_KEY}"}
    transport = httpx.ASGITransport(simulator)
    return httpx.AsyncClient(transport=transport, base_url="http://simulator", headers=headers)


def simulate(**settings: object) -> Simulator:
    return Simulator(EMPTY, clock=virtual_now, latency_seconds=LATENCY_SECONDS, **settings)  # type: ignore[arg-type]


async def spend(client: CalcomClient, requests: int, concurrency: int) -> None:
    """Send a number of requests, up to `concurrency` of them concurrently."""
    numbers = iter(range(requests))

    async def work() -> None:
        for _ in numbers:
            await client.fetch_users(1)

    async with client, asyncio.TaskGroup() as group:
        for _ in range(concurrency):
            group.create_task(work())


def count_refusals(simulator: Simulator) -> int:
    return sum(request.status == 429 for request in simulator.requests)


@pytest.mark.parametrize("concurrency", [1, 4, 8])
def test_a_client_alone_uses_nearly_the_whole_limit_without_a_429(concurrency: int) -> None:
    async def run() -> tuple[int, float]:
        simulator = simulate(limits=limit_of(30))
        await spend(connect(simulator), 4 * 30 + 1, concurrency)
        return count_refusals(simulator), virtual_now()

    refusals, seconds = run_virtually(run())
    assert refusals == 0
    # The last request opens the fifth window, so four whole windows came before it.
    assert 4 * 30 / seconds >= 0.95 * 30 / 60


def test_the_limit_of_an_api_key_is_respected_and_nearly_fully_used() -> None:
    async def run() -> tuple[int, float]:
        simulator = simulate()
        await spend(connect(simulator), 241, 4)
        return count_refusals(simulator), virtual_now()

    refusals, seconds = run_virtually(run())
    assert refusals == 0
    assert 240 / seconds >= 0.95 * 120 / 60


def test_a_limit_that_is_out_of_reach_delays_no_request() -> None:
    async def run() -> float:
        await spend(connect(simulate(limits=Limits(api_key=(RateLimit(limit=10_000),)))), 160, 8)
        return virtual_now()

    assert run_virtually(run()) <= (160 / 8 + 2) * LATENCY_SECONDS


@pytest.mark.parametrize("concurrency", [1, 8])
def test_several_named_limits_are_all_respected(concurrency: int) -> None:
    async def run() -> tuple[int, float]:
        simulator = Simulator(EMPTY, clock=virtual_now, latency_seconds=LATENCY_SECONDS)
        await spend(connect(simulator, CUSTOM_LIMITS_KEY), 121, concurrency)
        return count_refusals(simulator), virtual_now()

    refusals, seconds = run_virtually(run())
    assert refusals == 0
    assert 120 / seconds >= 0.95 * 60 / 60


@pytest.mark.parametrize("concurrency", [1, 4, 8])
def test_a_window_that_another_program_has_half_used_causes_no_429(concurrency: int) -> None:
    async def run() -> int:
        simulator = simulate(limits=limit_of(30))
        async with connect_other_program(simulator) as other:
            for _ in range(15):
                await other.get("/v2/me")
        await spend(connect(simulator), 40, concurrency)
        return count_refusals(simulator)

    assert run_virtually(run()) == 0


@pytest.mark.parametrize("concurrency", [1, 8])
@pytest.mark.parametrize("every_seconds", [3.0, 21.0])
def test_another_program_that_shares_the_window_causes_at_most_one_429(
    concurrency: int, every_seconds: float
) -> None:
    """The last request of a shared window cannot be foreseen. A second 429 would show an extended block."""

    async def run() -> tuple[int, int]:
        simulator = simulate(limits=limit_of(30))
        client = connect(simulator)

        async def use_slowly() -> None:
            async with connect_other_program(simulator) as other:
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


def test_a_block_caused_by_another_program_is_waited_out_once() -> None:
    async def run() -> tuple[int, float]:
        simulator = simulate()
        async with connect_other_program(simulator) as other:
            for _ in range(121):
                await other.get("/v2/me")
        client, begun = connect(simulator), virtual_now()
        await spend(client, 20, 8)
        return client.traffic.throttled, virtual_now() - begun

    throttled, seconds = run_virtually(run())
    assert throttled == 1
    assert 60 < seconds < 63


@pytest.mark.parametrize("concurrency", [1, 4, 8])
def test_no_request_is_sent_during_a_block_so_no_block_is_extended(concurrency: int) -> None:
    """Another program exceeds the limit twice; the log has no request of the client within a block."""
    log: list[tuple[float, int]] = []  # time and status of each response to the client

    async def run() -> int:
        simulator = simulate(limits=limit_of(30))

        async def serve(request: httpx.Request) -> httpx.Response:
            response = await served.handle_async_request(request)
            await response.aread()
            log.append((virtual_now(), response.status_code))
            return response

        async def exceed() -> None:
            async with other:
                for seconds in (2.0, 90.0):
                    await asyncio.sleep(seconds)
                    while (await other.get("/v2/me")).status_code != httpx.codes.TOO_MANY_REQUESTS:
                        pass
                    blocked_at.append(virtual_now())

        served, blocked_at = httpx.ASGITransport(simulator), list[float]()
        other = connect_other_program(simulator)
        client = connect(simulator, transport=httpx.MockTransport(serve))
        await asyncio.gather(exceed(), spend(client, 150, concurrency))
        blocks = [(at, at + 60) for at in blocked_at]
        # Requests in flight at the start of a block are refused. After that no request is sent until its end.
        first_refusals = [
            min(at for at, status in log if status == 429 and at >= begin) for begin, _ in blocks
        ]
        for (_, end), refused_at in zip(blocks, first_refusals, strict=True):
            assert not [at for at, _ in log if refused_at + LATENCY_SECONDS < at < end]
        return count_refusals(simulator) - len(blocks)

    refusals = run_virtually(run())
    assert 2 <= refusals <= 2 * concurrency
    assert sum(status == 429 for _, status in log) == refusals


def respond_with(results: list[httpx.Response | Exception]) -> httpx.MockTransport:
    """Return a transport that gives these responses or errors, and then empty pages."""
    remaining = iter(results)

    async def respond(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(LATENCY_SECONDS)
        result = next(remaining, None)
        if isinstance(result, Exception):
            raise result
        return result or httpx.Response(200, json={"status": "success", "data": []})

    return httpx.MockTransport(respond)


def test_a_429_in_html_from_an_edge_server_blocks_for_a_minute() -> None:
    async def run() -> float:
        transport = respond_with([httpx.Response(429, html="<html>slow down</html>")])
        await spend(connect(simulate(), transport=transport), 1, 1)
        return virtual_now()

    assert 60 < run_virtually(run()) < 62


def test_requests_to_a_server_without_rate_headers_are_not_delayed() -> None:
    async def run() -> float:
        await spend(connect(simulate(limits=None)), 160, 8)
        return virtual_now()

    assert run_virtually(run()) <= (160 / 8 + 2) * LATENCY_SECONDS


def test_lost_requests_neither_deadlock_other_requests_nor_stay_in_flight() -> None:
    async def run() -> tuple[int, int]:
        transport = respond_with([httpx.ReadError("reset")] * 12)
        client = connect(simulate(), transport=transport)
        await spend(client, 40, 4)
        return client.rate_limiter.budget.in_flight, client.traffic.retries

    assert run_virtually(run()) == (0, 12)


def test_requests_that_keep_failing_do_not_stay_in_flight() -> None:
    async def run() -> int:
        client = connect(simulate(), transport=respond_with([httpx.ConnectError("refused")] * 99))
        async with client:
            with pytest.raises(TransportError):
                await client.fetch_users(1)
        return client.rate_limiter.budget.in_flight

    assert run_virtually(run()) == 0


@pytest.mark.parametrize("cancelled_after", [0.0, LATENCY_SECONDS / 2, 30.0])
def test_cancelled_requests_do_not_block_the_other_requests(cancelled_after: float) -> None:
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
        assert count_refusals(simulator) == 0
        return client.rate_limiter.budget.in_flight

    assert run_virtually(run()) == 0


def test_a_pause_of_several_waiting_requests_is_counted_and_reported_once() -> None:
    pauses: list[float] = []

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
            on_wait=pauses.append,
        )
        await spend(client, 11, 8)
        return client.rate_limiter.waited_seconds

    waited = run_virtually(run())
    assert len(pauses) == 1
    assert waited == pauses[0]
    assert 58 < waited < 62


def test_a_429_that_never_ends_is_raised_after_the_last_attempt() -> None:
    async def run() -> float:
        transport = respond_with([httpx.Response(429, headers=rate_headers(120, 0, 60))] * 99)
        client = connect(simulate(), transport=transport)
        async with client:
            with pytest.raises(ApiError, match="429"):
                await client.fetch_users(1)
        return virtual_now()

    assert 4 * 61 <= run_virtually(run()) <= 4 * 62


def test_jitter_is_added_to_every_pause() -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock[0] += seconds

    clock = [0.0]
    rate_limiter = RateLimiter(clock=lambda: clock[0], sleep=sleep, jitter=lambda: 0.125)
    rate_limiter.budget.record_sent()
    rate_limiter.record_response(200, rate_headers(120, 0, 10))
    asyncio.run(rate_limiter.acquire())
    assert slept == [10.125]
