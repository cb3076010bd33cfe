"""An httpx client for the out-of-office surface of Cal.com's API v2: paced, retried, strictly read.

Every answer ends in one of three ways: validated records, or an `ApiError`, or a `TransportError` or
`ProtocolError`. Nothing that is not a whole, well-formed 200 ever reads as "no entries".
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self, TypeVar
from urllib.parse import urlencode

import httpx
from pydantic import ValidationError
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_exponential_jitter,
)

from calcom.credentials import Credential
from calcom.errors import (
    ApiError,
    CalcomError,
    ErrorKind,
    ProtocolError,
    TransportError,
    error_from_answer,
)
from calcom.models import (
    ENTRY_READER,
    MAX_PATH_ID,
    MEMBERSHIP_READER,
    TEAM_READER,
    USER_READER,
    Me,
    MeAnswer,
    RecordReader,
    Records,
)
from calcom.pacing import Pacer
from calcom.transport import open_transport

MAX_ENTRIES_TAKE = 250
MAX_USERS_TAKE = 1000
MAX_TEAMS_TAKE = 250
READ_TIMEOUT_SECONDS = 40.0
"""Above the 33 s that Cal.com's own slow 500 takes when its Redis is down."""

Direction = Literal["asc", "desc"]
_OK = 200
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Connection:
    """Where and how to reach Cal.com. `transport` replaces the network in tests and embeddings."""

    base_url: str
    credential: Credential
    max_attempts: int = 5
    read_timeout_seconds: float = READ_TIMEOUT_SECONDS
    max_connections: int = 4
    transport: httpx.AsyncBaseTransport | None = None
    is_proxied: bool = False
    """True leaves the way to httpx alone, which reads the environment's proxies."""
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Traffic:
    """What was sent and met: by a client, or for one scope."""

    requests: int = 0
    retries: int = 0
    throttled: int = 0


class CalcomClient:
    """Reads users, teams and out-of-office entries, one page a call, in the server's order."""

    def __init__(self, connection: Connection, *, on_wait: Callable[[float], None] | None = None) -> None:
        """Open no socket yet; `on_wait` hears of every pause that the rate limit imposes, in seconds."""
        self.traffic = Traffic()
        self.pacer = Pacer(clock=connection.clock, sleep=connection.sleep, on_wait=on_wait)
        self._connection = connection
        credential = connection.credential.headers()
        self._secrets = [value.removeprefix("Bearer ").encode() for value in credential.values()]
        self._url = httpx.URL(connection.base_url.rstrip("/"))
        self._headers = httpx.Headers(
            {
                "Accept": "application/json",
                "Accept-Encoding": "gzip, deflate",
                "Connection": "keep-alive",
                "User-Agent": "calcom-ooo-warehouse",
                **connection.headers,
                **credential,
            }
        )
        timeout = httpx.Timeout(connection.read_timeout_seconds, connect=10.0)
        self._extensions = {"timeout": timeout.as_dict()}
        self._transport = connection.transport or open_transport(
            is_encrypted=self._url.scheme == "https",
            is_proxied=connection.is_proxied,
            max_connections=connection.max_connections,
        )

    async def __aenter__(self) -> Self:
        """Return the client itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def fetch_me(self) -> Me:
        """The caller and its main organization. Source: `GET /v2/me`."""
        path = "/v2/me"

        def read(body: bytes, request_id: str | None) -> Me:
            try:
                return MeAnswer.model_validate_json(body).data
            except ValidationError as error:
                problems = "; ".join(
                    f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['type']}"
                    for one in error.errors(include_input=False, include_url=False)
                )
                expected = "the caller's id and organizationId"
                raise ProtocolError(
                    path=path, expected=expected, found=problems, request_id=request_id
                ) from None

        return await self._fetch(path, {}, read)

    async def fetch_users(
        self,
        organization_id: int,
        *,
        skip: int = 0,
        take: int = MAX_USERS_TAKE,
        traffic: Traffic | None = None,
    ) -> Records:
        """One page of the organization's users, ascending by id. `take` is 1 to 1000.

        `traffic` (here and below) counts what this call sends and meets, besides the client's own.
        """
        path = f"/v2/organizations/{_path_id(organization_id)}/users"
        return await self._fetch_page(path, USER_READER, _page(skip, take, MAX_USERS_TAKE), traffic)

    async def fetch_teams(
        self,
        organization_id: int,
        *,
        skip: int = 0,
        take: int = MAX_TEAMS_TAKE,
        traffic: Traffic | None = None,
    ) -> Records:
        """One page of the organization's teams, ascending by id. `take` is 1 to 250."""
        path = f"/v2/organizations/{_path_id(organization_id)}/teams"
        return await self._fetch_page(path, TEAM_READER, _page(skip, take, MAX_TEAMS_TAKE), traffic)

    async def fetch_team_memberships(
        self,
        organization_id: int,
        team_id: int,
        *,
        skip: int = 0,
        take: int = MAX_TEAMS_TAKE,
        traffic: Traffic | None = None,
    ) -> Records:
        """One page of a team's memberships, pending ones too, ascending by id. `take` is 1 to 250."""
        path = f"/v2/organizations/{_path_id(organization_id)}/teams/{_path_id(team_id)}/memberships"
        return await self._fetch_page(path, MEMBERSHIP_READER, _page(skip, take, MAX_TEAMS_TAKE), traffic)

    async def fetch_organization_entries(  # noqa: PLR0913 - the endpoint's own parameters
        self,
        organization_id: int,
        *,
        skip: int = 0,
        take: int = MAX_ENTRIES_TAKE,
        sort_start: Direction | None = None,
        sort_end: Direction | None = None,
        email: str | None = None,
        traffic: Traffic | None = None,
    ) -> Records:
        """One page of the whole organization's entries; ascending by id unless a sort is asked for.

        `sort_start` and `sort_end` are for an ordered look only: sorted pages have no tie-breaker and
        lose rows from page to page. With both, Cal.com obeys `sort_end` alone.
        """
        path = f"/v2/organizations/{_path_id(organization_id)}/ooo"
        query = _page(skip, take, MAX_ENTRIES_TAKE) | _sorting(sort_start, sort_end)
        query |= {"email": email} if email else {}
        return await self._fetch_page(path, ENTRY_READER, query, traffic)

    async def fetch_user_entries(  # noqa: PLR0913 - the endpoint's own parameters
        self,
        organization_id: int,
        user_id: int,
        *,
        skip: int = 0,
        take: int = MAX_ENTRIES_TAKE,
        sort_start: Direction | None = None,
        sort_end: Direction | None = None,
        traffic: Traffic | None = None,
    ) -> Records:
        """One page of one user's entries; ascending by id unless a sort is asked for (see above)."""
        path = f"/v2/organizations/{_path_id(organization_id)}/users/{_path_id(user_id)}/ooo"
        query = _page(skip, take, MAX_ENTRIES_TAKE) | _sorting(sort_start, sort_end)
        return await self._fetch_page(path, ENTRY_READER, query, traffic)

    async def _fetch_page(
        self,
        path: str,
        reader: RecordReader,
        query: Mapping[str, str | int],
        traffic: Traffic | None,
    ) -> Records:
        def read(body: bytes, request_id: str | None) -> Records:
            records = reader.read(body, path=path, request_id=request_id)
            if len(records.ids) > int(query["take"]):
                raise ProtocolError(
                    path=path,
                    expected=f"at most {query['take']} records",
                    found=f"{len(records.ids)} records",
                    request_id=request_id,
                )
            return records

        return await self._fetch(path, query, read, traffic)

    async def _fetch(
        self,
        path: str,
        query: Mapping[str, str | int],
        read: Callable[[bytes, str | None], _Answer],
        traffic: Traffic | None = None,
    ) -> _Answer:
        """What `read` makes of a whole 200, in bounded attempts at what may pass."""
        tallies = [self.traffic, traffic or Traffic()]
        try:
            return await self._attempt(path, query, read, tallies)
        except CalcomError as error:
            failure: CalcomError | None = error
        backoff = wait_exponential_jitter(multiplier=0.5, max=30.0, jitter=0.5)

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            return 0.0 if _is_throttled(error) else backoff(state)  # the pacer sleeps a 429's reset

        def note_retry(_: RetryCallState) -> None:
            for tally in tallies:
                tally.retries += 1

        # Its first attempt is the one that failed: what is read at once, nearly everything, costs no loop.
        async for attempt in AsyncRetrying(
            stop=stop_after_attempt(self._connection.max_attempts),
            wait=wait,
            retry=retry_if_exception(is_transient),
            sleep=self._connection.sleep,
            before_sleep=note_retry,
            reraise=True,
        ):
            with attempt:
                if failure is not None:
                    first, failure = failure, None
                    raise first
                answer = await self._attempt(path, query, read, tallies)
        return answer

    async def _attempt(
        self,
        path: str,
        query: Mapping[str, str | int],
        read: Callable[[bytes, str | None], _Answer],
        tallies: Sequence[Traffic],
    ) -> _Answer:
        await self.pacer.send_when_due()
        for tally in tallies:
            tally.requests += 1
        try:
            return read(*await self._send(path, query))
        except ApiError as error:
            for tally in tallies:
                tally.throttled += _is_throttled(error)
            raise

    async def _send(self, path: str, query: Mapping[str, str | int]) -> tuple[bytes, str | None]:
        try:
            # httpx bounds each read; a body that dribbles in for ever needs a bound on the whole.
            async with asyncio.timeout(self._connection.read_timeout_seconds):
                answer = await self._ask(path, query)
        except (httpx.TransportError, TimeoutError) as error:
            self.pacer.note_lost()
            cause = f"{type(error).__name__} {error}".strip()
            raise TransportError(host=self._url.netloc.decode(), path=path, cause=cause) from error
        except httpx.HTTPError as error:
            self.pacer.note_lost()
            raise ProtocolError(
                path=path, expected="a readable body", found=f"{type(error).__name__} {error}"
            ) from error
        except BaseException:
            self.pacer.note_lost()
            raise
        self.pacer.note_answer(answer.status_code, answer.headers)
        request_id = answer.headers.get("x-request-id")
        if answer.status_code == _OK:
            return answer.content, request_id
        raise self._error_from(answer, path, request_id)

    async def _ask(self, path: str, query: Mapping[str, str | int]) -> httpx.Response:
        """The whole answer. Straight from the transport: a client's cookies and redirects are not wanted."""
        url = f"{self._url}{path}?{urlencode(query)}" if query else f"{self._url}{path}"
        request = httpx.Request("GET", url, headers=self._headers, extensions=self._extensions)
        answer = await self._transport.handle_async_request(request)
        try:
            await answer.aread()
        finally:
            await answer.aclose()
        return answer

    def _error_from(self, answer: httpx.Response, path: str, request_id: str | None) -> CalcomError:
        if answer.status_code < 400:  # noqa: PLR2004 - a redirect, or a 2xx that no page has
            target = answer.headers.get("location", "").partition("?")[0]
            found = f"status {answer.status_code}" + (f" to {target}" if target else "")
            return ProtocolError(path=path, expected="status 200", found=found, request_id=request_id)
        body = answer.content
        for secret in self._secrets:  # a server may quote what it refuses
            body = body.replace(secret, "…".encode())
        return error_from_answer(status=answer.status_code, path=path, request_id=request_id, body=body)


def is_transient(error: BaseException) -> bool:
    """True for what another attempt may mend; never for a refused credential or a bad request."""
    if isinstance(error, ApiError):
        return error.kind in (ErrorKind.SERVER, ErrorKind.THROTTLED)
    return isinstance(error, TransportError | ProtocolError)


def _is_throttled(error: BaseException | None) -> bool:
    return isinstance(error, ApiError) and error.kind is ErrorKind.THROTTLED


def _path_id(value: int) -> str:
    # Cal.com answers an id that is no 32-bit integer with a 500, which would look like an outage.
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_PATH_ID:
        raise ProtocolError(
            path="/v2/organizations/…",
            expected=f"an id from 1 to {MAX_PATH_ID}, as paths can have",
            found=repr(value),
        )
    return str(value)


def _page(skip: int, take: int, max_take: int) -> dict[str, str | int]:
    if not 1 <= take <= max_take:
        message = f"take must be from 1 to {max_take}, found {take}"
        raise ValueError(message)
    if skip < 0:
        message = f"skip must be 0 or more, found {skip}"
        raise ValueError(message)
    return {"take": take, "skip": skip}


def _sorting(sort_start: Direction | None, sort_end: Direction | None) -> dict[str, str | int]:
    asked: dict[str, str | int] = {}
    if sort_start:
        asked["sortStart"] = sort_start
    if sort_end:
        asked["sortEnd"] = sort_end
    return asked
