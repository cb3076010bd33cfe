"""The throttler counts and blocks requests as measured on Cal.com's own."""

import httpx
import pytest

from calcom.simulator import (
    ACCESS_TOKEN,
    CLIENT_ID,
    CLIENT_SECRET,
    CUSTOM_LIMITS_KEY,
    EXPIRED_TOKEN,
    OWNER_KEY,
    Limits,
    RateLimit,
    Simulator,
    World,
)
from calcom.simulator.accounts import Throttler
from tests.contract.conftest import Connect

LISTING = "/v2/organizations/1/ooo?take=2"


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        """Start at any time, because only differences count."""
        self.now = 1000.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now


def rate(response: httpx.Response, name: str = "Default") -> tuple[int, int, int]:
    """Return the limit, the remaining requests and the seconds until the reset."""
    limit, remaining, reset = (
        int(response.headers[f"X-RateLimit-{fact}-{name}"]) for fact in ("Limit", "Remaining", "Reset")
    )
    return limit, remaining, reset


def test_the_recorded_block_is_reproduced_to_the_second(connect: Connect, small_world: World) -> None:
    """The times and headers are those of tests/recordings/README.md and of the exchanges throttle/*."""
    clock = Clock()
    client = connect(Simulator(small_world, clock=clock))
    assert rate(client.get(LISTING)) == (120, 119, 60)
    for _ in range(118):
        assert client.get(LISTING).status_code == 200
    clock.now += 9.0
    assert rate(client.get(LISTING)) == (120, 0, 51)
    clock.now += 0.1
    refused_at = clock.now
    for path in (LISTING, "/v2/organizations/1/users?take=1", "/v2/organizations/1/ooo?take=251"):
        response = client.get(path)
        assert (response.status_code, rate(response)) == (429, (120, 0, 60))
        assert "Retry-After" not in response.headers
    other_key = client.get(LISTING, headers={"Authorization": CUSTOM_LIMITS_KEY})
    assert other_key.status_code == 200
    unknown_route = client.get("/v2/organizations/1/nope")
    assert unknown_route.status_code == 404
    assert not [name for name in unknown_route.headers if "ratelimit" in name]
    for seconds, reset in ((15.1, 45), (58.1, 2), (58.7, 2), (59.3, 1), (59.9, 1)):
        clock.now = refused_at + seconds
        response = client.get(LISTING)
        assert (response.status_code, rate(response)) == (429, (120, 0, reset))
    clock.now = refused_at + 60.6
    response = client.get(LISTING)
    assert (response.status_code, rate(response)) == (200, (120, 115, 58))


def test_five_requests_per_second_during_a_block_renew_it_and_one_per_second_does_not() -> None:
    for interval, expected in ((0.2, [0, 60, 120]), (1.0, [0])):
        assert block_starts(interval) == pytest.approx(expected, abs=interval)


def block_starts(interval: float) -> list[float]:
    """Return the starts of the blocks, in seconds from the first, for requests at the interval."""
    clock, limit = Clock(), [RateLimit()]
    throttler = Throttler(clock)
    throttler.hit("key", limit)
    clock.now += 30
    for _ in range(119):
        throttler.hit("key", limit)
    first, starts = clock.now, [0.0]
    while clock.now < first + 150:
        hit = throttler.hit("key", limit)
        is_new = hit.headers["X-RateLimit-Reset-Default"] == "60"
        if hit.is_blocked and is_new and clock.now - first - starts[-1] > 1:
            starts.append(clock.now - first)
        clock.now += interval
    return starts


def test_a_window_opens_at_the_first_request_and_does_not_slide(connect: Connect, small_world: World) -> None:
    clock = Clock()
    client = connect(Simulator(small_world, clock=clock))
    client.get(LISTING)
    clock.now += 59.9
    assert rate(client.get(LISTING)) == (120, 118, 1)
    clock.now += 0.2
    assert rate(client.get(LISTING)) == (120, 119, 60)


def test_a_key_with_several_limits_is_refused_only_when_all_are_exceeded(
    connect: Connect, small_world: World
) -> None:
    client = connect(Simulator(small_world, clock=Clock()))
    client.headers["Authorization"] = CUSTOM_LIMITS_KEY
    responses = [client.get(LISTING) for _ in range(61)]
    assert [response.status_code for response in responses] == [200] * 60 + [429]
    assert rate(responses[0], "Short") == (20, 19, 10)
    assert rate(responses[0], "Long") == (60, 59, 60)
    assert rate(responses[20], "Short") == (20, 0, 60)
    assert rate(responses[20], "Long") == (60, 39, 60)


@pytest.mark.parametrize(
    ("headers", "status", "limit"),
    [
        ({"Authorization": OWNER_KEY}, 200, 120),
        ({"Authorization": f"Bearer {ACCESS_TOKEN}"}, 200, 500),
        ({"Authorization": f"Bearer {EXPIRED_TOKEN}"}, 498, 500),
        ({"x-cal-client-id": CLIENT_ID, "x-cal-secret-key": CLIENT_SECRET}, 200, 500),
        ({"x-cal-client-id": CLIENT_ID, "x-cal-secret-key": "wrong"}, 401, 500),
        ({}, 401, 120),
    ],
)
def test_each_kind_of_caller_has_its_own_limit(
    headers: dict[str, str], status: int, limit: int, connect: Connect, small_world: World
) -> None:
    client = connect(Simulator(small_world))
    del client.headers["Authorization"]
    response = client.get(LISTING, headers=headers)
    assert (response.status_code, rate(response)) == (status, (limit, limit - 1, 60))


def test_client_headers_take_precedence_over_a_bearer_token(connect: Connect, small_world: World) -> None:
    simulator = Simulator(small_world)
    headers = {"x-cal-client-id": CLIENT_ID, "x-cal-secret-key": CLIENT_SECRET}
    headers["Authorization"] = f"Bearer {EXPIRED_TOKEN}"
    assert connect(simulator).get(LISTING, headers=headers).status_code == 200
    assert [request.credential for request in simulator.requests] == ["client"]


def test_a_simulator_without_limits_never_refuses_and_sends_no_rate_headers(
    connect: Connect, small_world: World
) -> None:
    client = connect(Simulator(small_world, limits=None))
    responses = [client.get(LISTING) for _ in range(130)]
    assert {response.status_code for response in responses} == {200}
    assert not [name for name in responses[-1].headers if "ratelimit" in name]


def test_a_test_can_set_the_limits(connect: Connect, small_world: World) -> None:
    limits = Limits(api_key=[RateLimit(limit=2, ttl_seconds=5, block_seconds=3)])
    client = connect(Simulator(small_world, limits=limits, clock=Clock()))
    responses = [client.get(LISTING) for _ in range(3)]
    assert [response.status_code for response in responses] == [200, 200, 429]
    assert rate(responses[-1]) == (2, 0, 3)
