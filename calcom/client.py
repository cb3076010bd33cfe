"""An httpx client for the out-of-office surface of Cal.com's API v2: paced, retried, strictly read.

Every answer ends in one of three ways: validated records, or an `ApiError`, or a `TransportError` or
`ProtocolError`. Nothing that is not a whole, well-formed 200 ever reads as "no entries".
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Literal, Self

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
    USER_READER,
    Me,
    MeAnswer,
    RecordReader,
    Records,
)
from calcom.pacing import Pacer

MAX_ENTRIES_TAKE = 250
MAX_USERS_TAKE = 1000
READ_TIMEOUT_SECONDS = 40.0
"""Above the 33 s that Cal.com's own slow 500 takes when its Redis is down."""

Direction = Literal["asc", "desc"]
_OK = 200


@dataclass(frozen=True)
class Connection:
    """Where and how to reach Cal.com. `transport` replaces the network in tests and embeddings."""

    base_url: str
    credential: Credential
    max_attempts: int = 5
    read_timeout_seconds: float = READ_TIMEOUT_SECONDS
    max_connections: int = 4
    transport: httpx.AsyncBaseTransport | None = None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Traffic:
    """What a client has sent and met."""

    requests: int = 0
    retries: int = 0
    throttled: int = 0


class CalcomClient:
    """Reads users and out-of-office entries, one page a call, in the server's order."""

    def __init__(
        self, connection: Connection, *, on_wait: Callable[[float], None] | None = None
    ) -> None:
        """Open no socket yet; `on_wait` hears of every pause that the rate limit imposes, in seconds."""
        self.traffic = Traffic()
        self.pacer = Pacer(clock=connection.clock, sleep=connection.sleep, on_wait=on_wait)
        self._connection = connection
        self._http = httpx.AsyncClient(
            base_url=connection.base_url.rstrip("/"),
            headers={
                "Accept": "application/json",
                "User-Agent": "calcom-ooo-warehouse",
                **connection.headers,
                **connection.credential.headers(),
            },
            timeout=httpx.Timeout(connection.read_timeout_seconds, connect=10.0),
            limits=httpx.Limits(
                max_connections=connection.max_connections,
                max_keepalive_connections=connection.max_connections,
            ),
            transport=connection.transport,
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
        await self._http.aclose()

    async def fetch_me(self) -> Me:
        """The caller and its main organization. Source: `GET /v2/me`."""
        path = "/v2/me"
        body, request_id = await self._get(path, {})
        try:
            return MeAnswer.model_validate_json(body).data
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['type']}"
                for one in error.errors(include_input=False, include_url=False)
            )
            raise ProtocolError(
                path=path,
                expected="the caller's id and organizationId",
                found=problems,
                request_id=request_id,
            ) from None

    async def fetch_users(
        self, organization_id: int, *, skip: int = 0, take: int = MAX_USERS_TAKE
    ) -> Records:
        """One page of the organization's users, ascending by id. `take` is 1 to 1000."""
        path = f"/v2/organizations/{_path_id(organization_id)}/users"
        return await self._fetch_page(path, USER_READER, _page(skip, take, MAX_USERS_TAKE))

    async def fetch_organization_entries(  # noqa: PLR0913 - the endpoint's own parameters
        self,
        organization_id: int,
        *,
        skip: int = 0,
        take: int = MAX_ENTRIES_TAKE,
        sort_start: Direction | None = None,
        sort_end: Direction | None = None,
        email: str | None = None,
    ) -> Records:
        """One page of the whole organization's entries; ascending by id unless a sort is asked for.

        `sort_start` and `sort_end` are for an ordered look only: sorted pages have no tie-breaker and
        lose rows from page to page. With both, Cal.com obeys `sort_end` alone.
        """
        path = f"/v2/organizations/{_path_id(organization_id)}/ooo"
        query = _page(skip, take, MAX_ENTRIES_TAKE) | _sorting(sort_start, sort_end)
        return await self._fetch_page(path, ENTRY_READER, query | ({"email": email} if email else {}))

    async def fetch_user_entries(  # noqa: PLR0913 - the endpoint's own parameters
        self,
        organization_id: int,
        user_id: int,
        *,
        skip: int = 0,
        take: int = MAX_ENTRIES_TAKE,
        sort_start: Direction | None = None,
        sort_end: Direction | None = None,
    ) -> Records:
        """One page of one user's entries; ascending by id unless a sort is asked for (see above)."""
        path = f"/v2/organizations/{_path_id(organization_id)}/users/{_path_id(user_id)}/ooo"
        query = _page(skip, take, MAX_ENTRIES_TAKE) | _sorting(sort_start, sort_end)
        return await self._fetch_page(path, ENTRY_READER, query)

    async def _fetch_page(
        self, path: str, reader: RecordReader, query: Mapping[str, str | int]
    ) -> Records:
        async for attempt in self._attempts():
            with attempt:
                body, request_id = await self._send(path, query)
                records = reader.read(body, path=path, request_id=request_id)
                if len(records.ids) > int(query["take"]):
                    raise ProtocolError(
                        path=path,
                        expected=f"at most {query['take']} records",
                        found=f"{len(records.ids)} records",
                        request_id=request_id,
                    )
        return records

    async def _get(self, path: str, query: Mapping[str, str | int]) -> tuple[bytes, str | None]:
        async for attempt in self._attempts():
            with attempt:
                answer = await self._send(path, query)
        return answer

    def _attempts(self) -> AsyncRetrying:
        """Bounded attempts at what may pass: no answer, a 5xx, a page cut short, a 429."""
        backoff = wait_exponential_jitter(multiplier=0.5, max=30.0, jitter=0.5)

        def wait(state: RetryCallState) -> float:
            self.traffic.retries += 1
            error = state.outcome.exception() if state.outcome else None
            return 0.0 if _is_throttled(error) else backoff(state)  # the pacer sleeps a 429's reset

        return AsyncRetrying(
            stop=stop_after_attempt(self._connection.max_attempts),
            wait=wait,
            retry=retry_if_exception(is_transient),
            sleep=self._connection.sleep,
            reraise=True,
        )

    async def _send(self, path: str, query: Mapping[str, str | int]) -> tuple[bytes, str | None]:
        await self.pacer.send_when_due()
        self.traffic.requests += 1
        try:
            answer = await self._http.get(path, params=dict(query))
        except httpx.TransportError as error:
            self.pacer.note_lost()
            host = self._http.base_url.netloc.decode()
            cause = f"{type(error).__name__} {error}".strip()
            raise TransportError(host=host, path=path, cause=cause) from error
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

    def _error_from(self, answer: httpx.Response, path: str, request_id: str | None) -> CalcomError:
        if answer.status_code < 400:  # noqa: PLR2004 - a redirect, or a 2xx that no page has
            location = answer.headers.get("location")
            found = f"status {answer.status_code}" + (f" to {location}" if location else "")
            return ProtocolError(path=path, expected="status 200", found=found, request_id=request_id)
        error = error_from_answer(
            status=answer.status_code, path=path, request_id=request_id, body=answer.content
        )
        self.traffic.throttled += _is_throttled(error)
        return error


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
        message = f"an id in a path must be an integer from 1 to {MAX_PATH_ID}, found {value!r}"
        raise ValueError(message)
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
