"""Every response becomes records or the right error, after a bounded number of attempts and without secrets."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from calcom.client import CalcomClient
from calcom.connection import Connection, SentRequest, Traffic
from calcom.credentials import AccessToken, ApiKey, Credential, PlatformClient
from calcom.errors import (
    ApiError,
    CalcomError,
    CredentialError,
    ErrorKind,
    ProtocolError,
    TransportError,
)
from calcom.records import Records
from calcom.requester import MAX_BACKOFF_SECONDS, backoff_seconds
from calcom.simulator import (
    ACCESS_TOKEN,
    CLIENT_ID,
    CLIENT_SECRET,
    EXPIRED_KEY,
    EXPIRED_TOKEN,
    MEMBER_KEY,
    OWNER_KEY,
    Fault,
    Simulator,
    World,
    serve,
)
from tests.support.fake_clock import run_virtually, virtual_now
from tests.support.recordings import RecordedExchange, load_exchanges

ATTEMPTS = 3
OWNER = ApiKey(SecretStr(OWNER_KEY))
OOO = "/v2/organizations/1/ooo"
RETRIED = {429, 500, 502}

Call = Callable[[CalcomClient], Awaitable[Any]]


def fetch_page(client: CalcomClient) -> Awaitable[Records]:
    return client.fetch_organization_entries(1)


class Server:
    """A server that responds to every request in the same way, and stores the requests."""

    def __init__(self, respond: Callable[[httpx.Request], httpx.Response]) -> None:
        """`respond` may raise an error of httpx."""
        self.requests: list[httpx.Request] = []
        self._respond = respond

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Store the request and return the response."""
        self.requests.append(request)
        return self._respond(request)


def connection_to(server: Server | Simulator, credential: Credential = OWNER) -> Connection:
    """Return a connection to the server in virtual time."""
    is_mock = isinstance(server, Server)
    return Connection(
        base_url="http://api.example",
        credential=credential,
        max_attempts=ATTEMPTS,
        transport=httpx.MockTransport(server) if is_mock else httpx.ASGITransport(server),
        clock=virtual_now,
        sleep=asyncio.sleep,
    )


def call(
    server: Server | Simulator, do: Call = fetch_page, credential: Credential = OWNER
) -> tuple[Any, Traffic]:
    """Return the result of `do`, or the error that it raised, and the traffic of the client."""

    async def run() -> tuple[Any, Traffic]:
        async with CalcomClient(connection_to(server, credential)) as client:
            try:
                return await do(client), client.traffic
            except CalcomError as error:
                return error, client.traffic

    return run_virtually(run())


def always(status: int = 200, **response: Any) -> Server:
    return Server(lambda _: httpx.Response(status, **response))


def raising(error: Exception) -> Server:
    def respond(request: httpx.Request) -> httpx.Response:
        if isinstance(error, httpx.RequestError):
            error.request = request
        raise error

    return Server(respond)


# Errors


@pytest.mark.parametrize(
    "exchange", [exchange for exchange in load_exchanges() if exchange.status >= 400], ids=str
)
def test_a_recorded_error_response_is_raised_with_its_facts_and_retried_only_if_transient(
    exchange: RecordedExchange,
) -> None:
    server = always(exchange.status, json=exchange.body, headers={"x-request-id": "r-9"})
    error, traffic = call(server)
    assert isinstance(error, ApiError)
    assert (error.status, error.request_id, error.path) == (exchange.status, "r-9", OOO)
    assert error.code == exchange.body.get("error", {}).get("code")
    attempts = ATTEMPTS if exchange.status in RETRIED else 1
    assert len(server.requests) == traffic.requests == attempts
    assert traffic.retries == attempts - 1
    assert traffic.throttled == (attempts if exchange.status == 429 else 0)


FAULTS = [
    (Fault("500", times=9), ApiError, ErrorKind.SERVER),
    (Fault("500_prisma", times=9), ApiError, ErrorKind.SERVER),
    (Fault("502_html", times=9), ApiError, ErrorKind.SERVER),
    (Fault("429", times=9), ApiError, ErrorKind.THROTTLED),
    (Fault("truncated_json", times=9), ProtocolError, None),
    (Fault("empty_200_html", times=9), ProtocolError, None),
]


@pytest.mark.parametrize(
    ("fault", "error_type", "kind"), FAULTS, ids=lambda value: getattr(value, "kind", "")
)
def test_a_permanent_fault_raises_its_error_after_the_last_attempt(
    fault: Fault, error_type: type[CalcomError], kind: ErrorKind | None
) -> None:
    error, traffic = call(Simulator(World.generate(people=4, years=1), faults=[fault], clock=virtual_now))
    assert isinstance(error, error_type)
    assert getattr(error, "kind", None) is kind
    assert (traffic.requests, traffic.retries) == (ATTEMPTS, ATTEMPTS - 1)


@pytest.mark.parametrize(
    "fault", [replace(fault, times=1) for fault, _, _ in FAULTS], ids=lambda fault: fault.kind
)
def test_a_transient_fault_is_retried_with_success(fault: Fault) -> None:
    world = World.generate(people=4, years=1)
    records, traffic = call(Simulator(world, faults=[fault], clock=virtual_now))
    assert records.accepted == world.entries()[:250]
    assert (traffic.requests, traffic.retries) == (2, 1)


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0)])
def test_the_pause_before_a_retry_doubles_with_each_attempt(attempt: int, seconds: float) -> None:
    assert all(seconds <= backoff_seconds(attempt) <= seconds + 0.5 for _ in range(100))


def test_the_pause_before_a_retry_is_bounded() -> None:
    assert {backoff_seconds(attempt) for attempt in (7, 10, 999)} == {MAX_BACKOFF_SECONDS}


def test_transient_failures_are_retried_after_growing_pauses() -> None:
    async def run() -> float:
        async with CalcomClient(connection_to(raising(httpx.ReadError("reset")))) as client:
            with pytest.raises(TransportError):
                await fetch_page(client)
            return virtual_now()

    assert 0.5 + 1.0 <= run_virtually(run()) <= 1.0 + 1.5


def test_a_403_of_an_edge_server_is_not_retried() -> None:
    error, traffic = call(Simulator(World((), ()), faults=[Fault("403_html")]))
    assert (error.kind, error.code, traffic.requests) == (ErrorKind.FORBIDDEN, None, 1)


@pytest.mark.parametrize(
    ("fault", "rejected"),
    [(Fault("wrong_types"), 3), (Fault("bad_record"), 1), (Fault("bad_record", field="id"), 1)],
)
def test_invalid_records_are_rejected_without_a_second_request(fault: Fault, rejected: int) -> None:
    simulator = Simulator(World.generate(people=4, years=1), faults=[fault])
    records, traffic = call(simulator, lambda client: client.fetch_organization_entries(1, take=3))
    assert (len(records.rejected), len(records.ids), traffic.requests) == (rejected, 3, 1)


@pytest.mark.parametrize("fault", [Fault("timeout", times=9), Fault("reset", times=9)])
def test_a_missing_response_over_a_real_socket_is_a_transport_error(fault: Fault) -> None:
    async def no_pause(_: float) -> None:
        return

    async def run(url: str) -> None:
        connection = Connection(url, OWNER, max_attempts=2, read_timeout_seconds=0.05, sleep=no_pause)
        async with CalcomClient(connection) as client:
            with pytest.raises(TransportError, match=r"no answer from 127\.0\.0\.1"):
                await fetch_page(client)
            assert client.traffic.requests == 2

    with serve(Simulator(World.generate(people=4, years=1), faults=[fault])) as server:
        asyncio.run(run(server.url))


def test_a_slow_body_is_read_completely() -> None:
    world = World.generate(people=4, years=1)
    records, _ = call(Simulator(world, faults=[Fault("slow_body", seconds=20)]))
    assert records.accepted == world.entries()[:250]


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("All connection attempts failed"),
        httpx.ConnectTimeout(""),
        httpx.ReadTimeout("slow"),
        httpx.ReadError("reset"),
        httpx.RemoteProtocolError("peer closed connection without sending complete message body"),
        httpx.PoolTimeout(""),
    ],
)
def test_every_failure_of_the_network_is_a_transport_error_that_names_the_host(
    error: httpx.TransportError,
) -> None:
    raised, traffic = call(raising(error))
    assert isinstance(raised, TransportError)
    assert (raised.host, raised.path) == ("api.example", OOO)
    assert type(error).__name__ in raised.cause
    assert traffic.requests == ATTEMPTS


@pytest.mark.parametrize("status", [201, 204, 301, 302, 304, 307])
def test_a_status_other_than_200_below_400_is_a_protocol_error(status: int) -> None:
    location = "https://app.example/login?token=abc"
    error, _ = call(always(status, headers={"location": location}))
    assert isinstance(error, ProtocolError)
    assert f"status {status}" in error.observed
    assert "token" not in str(error)


def test_more_records_than_requested_are_a_protocol_error() -> None:
    body = json.dumps({"status": "success", "data": [{}, {}, {}]}).encode()
    error, _ = call(always(content=body), lambda client: client.fetch_users(1, take=2))
    assert isinstance(error, ProtocolError)
    assert (error.expected, error.observed) == ("at most 2 records", "3 records")


def test_a_page_of_teams_may_be_longer_than_requested_because_some_builds_ignore_take() -> None:
    teams = [{"id": team_id, "name": "Sales"} for team_id in (5, 6, 7)]
    records, traffic = call(
        always(json={"status": "success", "data": teams}), lambda c: c.fetch_teams(1, take=2)
    )
    assert (records.ids, traffic.requests) == ([5, 6, 7], 1)


@pytest.mark.parametrize(
    ("headers", "content"),
    [({"content-encoding": "gzip"}, b"not gzip"), ({}, b"\xff\xfe"), ({}, b""), ({}, b"[]")],
)
def test_a_page_that_cannot_be_decoded_is_a_protocol_error(headers: dict[str, str], content: bytes) -> None:
    class Stream(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield content

    error, traffic = call(Server(lambda _: httpx.Response(200, headers=headers, stream=Stream())))
    assert isinstance(error, ProtocolError)
    assert traffic.requests == ATTEMPTS


@pytest.mark.parametrize(
    "content", [b"{", b"[]", b'{"status":"success","data":null}', b'{"status":"success","data":{"id":"1"}}']
)
def test_an_invalid_body_of_the_callers_own_data_is_a_protocol_error(content: bytes) -> None:
    error, traffic = call(always(content=content), lambda client: client.fetch_me())
    assert isinstance(error, ProtocolError)
    assert traffic.requests == ATTEMPTS


# Requests


@pytest.mark.parametrize(
    "credential",
    [OWNER, AccessToken(SecretStr(ACCESS_TOKEN)), PlatformClient(CLIENT_ID, SecretStr(CLIENT_SECRET))],
)
def test_every_kind_of_credential_is_accepted(credential: Credential) -> None:
    me, _ = call(Simulator(World.generate(people=4, years=1)), lambda client: client.fetch_me(), credential)
    assert me.organizationId == 1


@pytest.mark.parametrize(
    ("credential", "status", "kind"),
    [
        (ApiKey(SecretStr(EXPIRED_KEY)), 401, ErrorKind.CREDENTIALS),
        (ApiKey(SecretStr("cal_unknown")), 401, ErrorKind.CREDENTIALS),
        (AccessToken(SecretStr(EXPIRED_TOKEN)), 498, ErrorKind.CREDENTIALS),
        (ApiKey(SecretStr(MEMBER_KEY)), 403, ErrorKind.FORBIDDEN),
        (PlatformClient(CLIENT_ID, SecretStr("wrong")), 401, ErrorKind.CREDENTIALS),
    ],
)
def test_a_refused_credential_is_not_retried(credential: Credential, status: int, kind: ErrorKind) -> None:
    error, traffic = call(Simulator(World.generate(people=4, years=1)), credential=credential)
    assert (error.status, error.kind, traffic.requests) == (status, kind, 1)


def test_a_credential_is_sent_in_its_own_headers_without_surrounding_blanks() -> None:
    token = AccessToken(SecretStr(" abc\n"))
    assert token.headers() == {"Authorization": "Bearer abc"}
    client = PlatformClient("id", SecretStr("s"))
    assert client.headers() == {"x-cal-client-id": "id", "x-cal-secret-key": "s"}


@pytest.mark.parametrize("secret", ["", "  ", "cal_a\nb", "cal_ä", "cal_\u2026", "cal_a b", "cal_\x7f"])
def test_a_credential_that_cannot_be_a_header_is_refused_without_quoting_it(secret: str) -> None:
    with pytest.raises(CredentialError) as caught:
        CalcomClient(connection_to(always(), ApiKey(SecretStr(secret))))
    assert not secret.strip() or secret not in repr(caught.value) + str(caught.value)


@pytest.mark.parametrize(
    ("do", "path", "query"),
    [
        (fetch_page, OOO, {"take": "250", "skip": "0"}),
        (lambda c: c.fetch_users(1, skip=5), "/v2/organizations/1/users", {"take": "1000", "skip": "5"}),
        (
            lambda c: c.fetch_user_entries(1, 7, take=9),
            "/v2/organizations/1/users/7/ooo",
            {"take": "9", "skip": "0"},
        ),
        (
            lambda c: c.fetch_organization_entries(1, sort_start="asc", sort_end="desc"),
            OOO,
            {"take": "250", "skip": "0", "sortStart": "asc", "sortEnd": "desc"},
        ),
        (
            lambda c: c.fetch_organization_entries(1, email="a+b@acme.example"),
            OOO,
            {"take": "250", "skip": "0", "email": "a+b@acme.example"},
        ),
        (
            lambda c: c.fetch_user_entries(1, 7, sort_start="desc"),
            "/v2/organizations/1/users/7/ooo",
            {"take": "250", "skip": "0", "sortStart": "desc"},
        ),
    ],
)
def test_a_request_has_only_the_parameters_of_the_call(do: Call, path: str, query: dict[str, str]) -> None:
    server = always(json={"status": "success", "data": []})
    call(server, do)
    (request,) = server.requests
    assert request.url.path == path
    assert dict(request.url.params) == query
    assert b"+" not in request.url.query


@pytest.mark.parametrize(
    "do",
    [
        lambda c: c.fetch_users(0),
        lambda c: c.fetch_users(2**31),
        lambda c: c.fetch_users(True),  # noqa: FBT003 - the wrong type is the point
        lambda c: c.fetch_users("1"),
        lambda c: c.fetch_users(1, take=0),
        lambda c: c.fetch_users(1, take=1001),
        lambda c: c.fetch_users(1, skip=-1),
        lambda c: c.fetch_organization_entries(1, take=251),
        lambda c: c.fetch_user_entries(1, -7),
    ],
)
def test_an_argument_that_the_server_would_misinterpret_is_refused_before_a_request(do: Call) -> None:
    server = always()
    try:
        refused, _ = call(server, do)
    except ValueError as error:
        refused = error
    assert isinstance(refused, ValueError | ProtocolError)
    assert "found" in str(refused)
    assert server.requests == []


def test_the_traffic_of_a_call_is_counted_in_addition_to_the_clients() -> None:
    own = Traffic()
    simulator = Simulator(World((), ()), faults=[Fault("500", times=2)])
    _, traffic = call(simulator, lambda client: client.fetch_users(1, traffic=own))
    assert (own.requests, own.retries) == (traffic.requests, traffic.retries) == (3, 2)


# Secrets


@pytest.mark.parametrize(
    "credential",
    [
        ApiKey(SecretStr("cal_live_s3cr3t")),
        AccessToken(SecretStr("eyJ-s3cr3t")),
        PlatformClient("client", SecretStr("s3cr3t")),
    ],
)
def test_no_error_quotes_the_credential_even_if_the_server_does(credential: Credential) -> None:
    def quote(request: httpx.Request) -> httpx.Response:
        text = " ".join(request.headers.values())
        return httpx.Response(401, json={"error": {"code": "UnauthorizedException", "message": text}})

    error, _ = call(Server(quote), credential=credential)
    assert isinstance(error, ApiError)
    assert "s3cr3t" not in f"{error}{error!r}{error.detail}{credential}{credential!r}"


def test_additional_headers_are_sent_and_never_replace_the_credential() -> None:
    server = always(json={"status": "success", "data": []})
    connection = replace(
        connection_to(server),
        headers={"X-Trace": "1", "Authorization": "other"},
        base_url="http://api.example/",
    )

    async def run() -> None:
        async with CalcomClient(connection) as client:
            await fetch_page(client)

    run_virtually(run())
    assert server.requests[0].headers["authorization"] == f"Bearer {OWNER_KEY}"
    assert server.requests[0].headers["x-trace"] == "1"
    assert str(server.requests[0].url).startswith("http://api.example/v2/")


def test_each_request_is_reported_without_ids_and_secrets() -> None:
    statuses = iter((502, 200))

    def respond(_request: httpx.Request) -> httpx.Response:
        headers = {"x-request-id": f"id of ann@example.com with {OWNER_KEY}"}
        return httpx.Response(next(statuses), headers=headers, json={"status": "success", "data": []})

    reported: list[SentRequest] = []

    async def fetch() -> None:
        connection = Connection(
            "https://api.cal.com", OWNER, transport=httpx.MockTransport(respond), sleep=_return_at_once
        )
        async with CalcomClient(connection, on_request=reported.append) as client:
            await client.fetch_user_entries(7, 4711)

    asyncio.run(fetch())
    assert [(request.status, request.is_retry) for request in reported] == [(502, False), (200, True)]
    for request in reported:
        assert (request.method, request.path) == ("GET", "/v2/organizations/{id}/users/{id}/ooo")
        assert request.milliseconds >= 0
        assert request.request_id == "id of <e-mail> with …"


async def _return_at_once(_seconds: float) -> None:
    return
