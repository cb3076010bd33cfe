"""With the recorded organization, the simulator responds like Cal.com's own classes."""

import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from calcom.simulator import (
    CUSTOM_LIMITS_KEY,
    EXPIRED_KEY,
    MEMBER_KEY,
    NO_ADMIN_API_KEY,
    OTHER_ORGANIZATION_KEY,
    OWNER_KEY,
    Fault,
    Simulator,
    World,
    serve,
)
from tests.contract.conftest import Connect
from tests.support.recordings import RecordedExchange, load_exchanges, load_truth, load_users

CREDENTIALS = {
    "API key of an org 1 owner": f"Bearer {OWNER_KEY}",
    "unknown API key": "Bearer cal_unknown",
    "expired API key": f"Bearer {EXPIRED_KEY}",
    "not a cal_ key": "Bearer not-a-cal-key",
    "API key of a plain member of org 1": f"Bearer {MEMBER_KEY}",
    "API key of the owner of another org": f"Bearer {OTHER_ORGANIZATION_KEY}",
    "owner of an org without admin API": f"Bearer {NO_ADMIN_API_KEY}",
    "API key with custom limits": f"Bearer {CUSTOM_LIMITS_KEY}",
}
TRANSPORT_HEADERS = {"date", "connection", "keep-alive", "content-length", "etag"}

ERRORS = load_exchanges("errors/")
SUCCESSES = load_exchanges("org_ooo", "user_ooo", "users/")
SORTED = [exchange for exchange in SUCCESSES if "sort" in exchange.path_and_query]
UNSORTED = [exchange for exchange in SUCCESSES if "sort" not in exchange.path_and_query]


def replay(client: httpx.Client, url: str, exchange: RecordedExchange) -> httpx.Response:
    """Send the recorded request with the corresponding credential, and return the response."""
    headers = dict(exchange.request_headers)
    if "Authorization" in headers:
        owner = re.search("<redacted: (.+)>", headers["Authorization"])
        assert owner is not None
        headers["Authorization"] = CREDENTIALS[owner[1]]
    return client.request(exchange.method, f"{url}{exchange.path_and_query}", headers=headers)


def comparable(body: Any) -> Any:
    """Return the body without the parts that differ between two responses: the time and the member's id."""
    if not isinstance(body, dict) or "timestamp" not in body:
        return body
    error = {
        key: re.sub(r"user with id=\d+ does not", "user does not", value)
        if isinstance(value, str)
        else comparable_details(value)
        for key, value in body["error"].items()
    }
    return body | {"timestamp": "now", "error": error}


def comparable_details(details: dict[str, Any]) -> dict[str, Any]:
    """Return the details without the member's id, which Nest's own error body repeats."""
    if "message" not in details:
        return details
    message = re.sub(r"user with id=\d+ does not", "user does not", details["message"])
    return details | {"message": message}


def meaningful_headers(headers: httpx.Headers | dict[str, str]) -> set[str]:
    """Return the names of the headers that the application sends, in lower case."""
    return {name.lower() for name in headers} - TRANSPORT_HEADERS


@pytest.fixture(scope="module")
def throttled_url() -> Iterator[str]:
    """Return the URL of a simulator of the recorded organization, with the usual throttler."""
    with serve(Simulator(World.from_records(load_users(), load_truth()))) as server:
        yield server.url


@pytest.mark.parametrize("exchange", ERRORS, ids=str)
def test_an_error_has_the_recorded_status_body_and_headers(
    exchange: RecordedExchange, throttled_url: str, anonymous: httpx.Client
) -> None:
    response = replay(anonymous, throttled_url, exchange)
    assert response.status_code == exchange.status
    assert comparable(response.json()) == comparable(exchange.body)
    assert meaningful_headers(response.headers) == meaningful_headers(exchange.response_headers)


@pytest.mark.parametrize("exchange", UNSORTED, ids=str)
def test_an_unsorted_page_equals_the_recorded_one_byte_for_byte(
    exchange: RecordedExchange, recorded_url: str, anonymous: httpx.Client
) -> None:
    response = replay(anonymous, recorded_url, exchange)
    assert response.status_code == exchange.status
    assert comparable(response.json() if response.content else "") == comparable(exchange.body)
    if exchange.status in (200, 304):
        assert response.headers["ETag"] == exchange.response_headers["ETag"]


@pytest.mark.parametrize("exchange", SORTED, ids=str)
def test_a_sorted_page_has_the_recorded_length_order_and_keys(
    exchange: RecordedExchange, recorded_url: str, anonymous: httpx.Client
) -> None:
    records = replay(anonymous, recorded_url, exchange).json()["data"]
    column = "end" if "sortEnd" in exchange.path_and_query else "start"
    recorded = exchange.body["data"]
    assert [record[column] for record in records] == [record[column] for record in recorded]
    assert {key for record in records for key in record} == {key for record in recorded for key in record}


@pytest.mark.parametrize("order", ["", "&sortStart=asc", "&sortStart=desc", "&sortEnd=asc", "&sortEnd=desc"])
def test_a_sorted_scan_loses_rows_and_an_unsorted_one_does_not(
    order: str, recorded_url: str, anonymous: httpx.Client
) -> None:
    url, headers = f"{recorded_url}/v2/organizations/1/ooo", {"Authorization": OWNER_KEY}
    ids: list[int] = []
    for skip in range(0, 6251, 250):
        page = anonymous.get(f"{url}?take=250&skip={skip}{order}", headers=headers)
        ids.extend(record["id"] for record in page.json()["data"])
    assert len(ids) == len(load_truth())
    assert (len(set(ids)) < len(ids)) == bool(order)


def test_of_two_orders_only_sort_end_counts(recorded_url: str, anonymous: httpx.Client) -> None:
    url, headers = f"{recorded_url}/v2/organizations/1/ooo", {"Authorization": OWNER_KEY}
    both = anonymous.get(f"{url}?sortStart=asc&sortEnd=desc", headers=headers)
    assert both.content == anonymous.get(f"{url}?sortEnd=desc", headers=headers).content


@pytest.mark.parametrize("exchange", load_exchanges("outage/500"), ids=str)
def test_an_outage_has_the_recorded_status_body_and_headers(
    exchange: RecordedExchange, connect: Connect, small_world: World
) -> None:
    fault = Fault("500") if "redis" in exchange.name else Fault("500_prisma")
    client = connect(Simulator(small_world, faults=[fault]))
    response = client.get(exchange.path_and_query)
    assert response.status_code == exchange.status
    assert comparable(response.json()) == comparable(exchange.body)
    assert meaningful_headers(response.headers) == meaningful_headers(exchange.response_headers)


def test_a_world_of_records_returns_the_same_records() -> None:
    world = World.from_records(load_users(), load_truth())
    assert world.users() == load_users()
    assert world.entries() == load_truth()


def test_a_request_with_a_known_etag_is_counted_and_has_no_body(connect: Connect, small_world: World) -> None:
    client = connect(Simulator(small_world))
    first = client.get("/v2/organizations/1/ooo")
    again = client.get("/v2/organizations/1/ooo", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["X-RateLimit-Remaining-Default"] == "118"
