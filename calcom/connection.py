"""The settings of a connection to Cal.com, and the counts and facts of the requests that it sends."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

import httpx

from calcom.credentials import Credential
from calcom.rate_limit import MAX_WAIT_SECONDS

READ_TIMEOUT_SECONDS = 40.0
"""Longer than the 33 seconds after which Cal.com responds with HTTP 500 while its Redis is down."""

MAX_RESPONSE_MB = 16
"""The bound of one response. Cal.com's largest page, 1000 users, has about 1 MB.

Parsing needs up to 14 times the bytes of a response: one string with an emoji has four bytes per character in Python.
"""


@dataclass(frozen=True)
class Connection:
    """The address of Cal.com, the credential, and the settings of a connection."""

    base_url: str
    credential: Credential
    max_attempts: int = 5
    """Attempts per request, the first one included."""
    read_timeout_seconds: float = READ_TIMEOUT_SECONDS
    max_connections: int = 8
    max_response_mb: int = MAX_RESPONSE_MB
    """The bound of the body of one response, compressed and decompressed, in megabytes."""
    max_wait_seconds: float = MAX_WAIT_SECONDS
    """The bound of the pause for one reset of the rate limit."""
    transport: httpx.AsyncBaseTransport | None = None
    """Replaces the network, in tests and in programs that embed the client."""
    is_proxied: bool = False
    """True sends the requests through the proxies that the environment names."""
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Traffic:
    """The number of requests, of retries among them and of HTTP 429 responses: of a client or a scope."""

    requests: int = 0
    retries: int = 0
    throttled: int = 0


@dataclass(frozen=True)
class SentRequest:
    """One request that was sent, as a log may show it: its path has no ids, and its query is left out."""

    method: str
    path: str
    status: int | None
    """None without a response."""
    milliseconds: float
    request_id: str | None
    """Cal.com's id of the request, redacted."""
    is_retry: bool

    @property
    def is_throttled(self) -> bool:
        """Return True for an HTTP 429 response."""
        return self.status == httpx.codes.TOO_MANY_REQUESTS
