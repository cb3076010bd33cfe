"""What is sent to Cal.com: bounded attempts, paced, and whatever comes back as a body or as one error."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import urlencode

import httpx

from calcom.credentials import Credential
from calcom.errors import (
    ApiError,
    CalcomError,
    ErrorKind,
    ProtocolError,
    TransportError,
    error_from_answer,
    is_transient,
)
from calcom.rate_limit import RateLimiter
from calcom.transport import open_transport

READ_TIMEOUT_SECONDS = 40.0
"""Above the 33 s that Cal.com's own slow 500 takes when its Redis is down."""

_OK = 200
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Connection:
    """Where and how to reach Cal.com. `transport` replaces the network in tests and embeddings."""

    base_url: str
    credential: Credential
    max_attempts: int = 5
    read_timeout_seconds: float = READ_TIMEOUT_SECONDS
    max_connections: int = 8
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


class Requester:
    """Sends GET requests over one connection, within the one budget of its credential."""

    def __init__(self, connection: Connection, *, on_wait: Callable[[float], None] | None = None) -> None:
        """Open no socket yet; `on_wait` hears of every pause that the rate limit imposes, in seconds."""
        self.traffic = Traffic()
        self.rate_limiter = RateLimiter(clock=connection.clock, sleep=connection.sleep, on_wait=on_wait)
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

    async def close(self) -> None:
        """Close the connections."""
        await self._transport.aclose()

    async def fetch(
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
        import tenacity  # noqa: PLC0415 - a run without a failure does without

        backoff = tenacity.wait_exponential_jitter(multiplier=0.5, max=30.0, jitter=0.5)

        def wait(state: tenacity.RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            return 0.0 if _is_throttled(error) else backoff(state)  # the rate_limiter sleeps a 429's reset

        def note_retry(_: tenacity.RetryCallState) -> None:
            for tally in tallies:
                tally.retries += 1

        # Its first attempt is the one that failed: what is read at once, nearly everything, costs no loop.
        async for attempt in tenacity.AsyncRetrying(
            stop=tenacity.stop_after_attempt(self._connection.max_attempts),
            wait=wait,
            retry=tenacity.retry_if_exception(is_transient),
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
        await self.rate_limiter.send_when_due()
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
            self.rate_limiter.note_lost()
            cause = f"{type(error).__name__} {error}".strip()
            raise TransportError(host=self._url.netloc.decode(), path=path, cause=cause) from error
        except httpx.HTTPError as error:
            self.rate_limiter.note_lost()
            raise ProtocolError(
                path=path, expected="a readable body", found=f"{type(error).__name__} {error}"
            ) from error
        except BaseException:
            self.rate_limiter.note_lost()
            raise
        self.rate_limiter.note_answer(answer.status_code, answer.headers)
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


def _is_throttled(error: BaseException | None) -> bool:
    return isinstance(error, ApiError) and error.kind is ErrorKind.THROTTLED
