"""The rate limiter: one budget per credential, read from Cal.com's headers and never exceeded.

Cal.com counts requests in fixed windows. A window opens with its first request. One request too many
causes an HTTP 429 response and a block, which has a length of its own. The rate limiter therefore sleeps
until the window ends, and sends the next request then. Every named limit counts. `Reset` is the number of
seconds left, rounded up, so `now + Reset` is never before the true end.

The state of a window is unknown at the start, after the end of a window and after a block. Then one request
is sent alone, and the others wait for its response. Other programs may use the same credential, so there
are never more requests in flight than the budget has left. Without rate headers (self-hosted servers)
there is no limit.

`Budget` is pure. `RateLimiter` adds the waiting, with an injected clock and sleep.
Source: Cal.com's `CustomThrottlerGuard`, measured. Requests during a block extend it and count in the next
window. Cal.com sends no `Retry-After`, but an edge server may.
"""

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from math import ceil, inf

from calcom.errors import WaitTooLongError

DEFAULT_BLOCK_SECONDS = 60.0
"""The length of a block after an HTTP 429 response without headers: Cal.com's default."""

USUAL_WINDOW_SECONDS = 60.0
"""The length of Cal.com's default window, assumed for a window that was already open."""

BLOCK_MARGIN_SECONDS = 1.0
"""Added to the reset of a block: Cal.com still responded with HTTP 429 when a reset of 1 s was nearly over."""

MAX_RESET_SECONDS = 86_400.0
"""The longest accepted reset. A larger number is not a number of seconds left; it is probably an epoch."""

MAX_WAIT_SECONDS = 900.0
"""The longest pause for one reset. Cal.com's default windows and blocks take 60 seconds."""

_HEADER = re.compile(r"x-ratelimit-(limit|remaining|reset)-(.+)", re.IGNORECASE)
_TOO_MANY_REQUESTS = 429

LOW_BUDGET = 10
"""The remaining requests at which the end of a window is reported, to be remembered across a kill."""


@dataclass
class Window:
    """One named limit: `limit` requests per `length` seconds, `remaining` of them left until `ends_at`.

    `ends_at` is infinite for a new window whose first response has not arrived.
    """

    limit: int
    remaining: int
    ends_at: float
    length: float = field(default=0.0, compare=False)
    """The longest reset that a response reported; the first response of a window reports its length."""


@dataclass
class Budget:
    """The requests that may be sent, from the requests sent and the responses received so far.

    All times are seconds of a monotonic clock.
    """

    windows: dict[str, Window] = field(default_factory=dict)
    in_flight: int = 0
    blocked_until: float = 0.0
    blocked_by: str = ""
    """The source of `blocked_until`: the name of a header, or a description."""
    _is_probing: bool = True
    """True while the state of a window is unknown, so that only one request may be in flight."""

    def seconds_to_wait(self, now: float) -> float | None:
        """Return 0 to send now, a number of seconds to sleep, or None to wait for a response in flight."""
        if now < self.blocked_until:
            return self.blocked_until - now
        for window in self.windows.values():
            if now >= window.ends_at:
                window.remaining, window.ends_at = window.limit, inf
                self._is_probing = True
        ends = [window.ends_at for window in self.windows.values() if window.remaining <= 0]
        if known_ends := [end for end in ends if end != inf]:
            return max(known_ends) - now
        most = min((window.remaining for window in self.windows.values()), default=self.in_flight + 1)
        if self.in_flight and (self._is_probing or self.in_flight >= most):
            return None
        return 0.0

    def seconds_for(self, requests: int, now: float) -> float:
        """Return the seconds of waiting that the known limits require for `requests` more requests."""
        starts_in = max(self.blocked_until - now, 0.0)
        waits = [starts_in]
        for window in self.windows.values():
            left, ends_in = max(window.remaining, 0), window.ends_at - now
            if ends_in <= starts_in:  # the window is over by then: the first request opens a new one
                left, ends_in = window.limit, starts_in + window.length
            elif ends_in == inf:
                ends_in = window.length
            if requests > left:
                waits.append(ends_in + (ceil((requests - left) / window.limit) - 1) * window.length)
        return max(waits)

    def requests_left(self) -> tuple[int, int] | None:
        """Return (remaining, limit) of the window with the least left; None without a known limit."""
        scarcest = min(self.windows.values(), key=lambda window: window.remaining, default=None)
        return None if scarcest is None else (max(scarcest.remaining, 0), scarcest.limit)

    def seconds_until_allowed(self, now: float, reserve: int) -> float | None:
        """Return the seconds until the reset of the windows with at most `reserve` requests left; else None."""
        low = [window.ends_at for window in self.windows.values() if window.remaining <= reserve]
        ends = [end for end in (*low, self.blocked_until) if now < end < inf]
        return max(ends) - now if ends else None

    def find_cause(self, now: float) -> str:
        """Return the source of the present wait: the name of a header, or a description."""
        if now < self.blocked_until:
            return self.blocked_by
        ends = {name: window.ends_at for name, window in self.windows.items() if window.remaining <= 0}
        name = max((name for name in ends if ends[name] != inf), key=lambda name: ends[name], default="…")
        return f"X-RateLimit-Reset-{name}"

    def block(self, until: float, cause: str) -> None:
        """Send no request before `until`, and expect new windows after it. `cause` names the source."""
        if until > self.blocked_until:
            self.blocked_until, self.blocked_by = until, cause
        for window in self.windows.values():
            window.remaining, window.ends_at = window.limit, self.blocked_until
        self._is_probing = True

    def record_sent(self) -> None:
        """Count a request that is sent now."""
        self.in_flight += 1
        for window in self.windows.values():
            window.remaining -= 1

    def record_lost(self) -> None:
        """Record that a request ended without a response; the request stays counted as spent."""
        self.in_flight -= 1

    def record_response(self, now: float, status: int, headers: Mapping[str, str]) -> None:
        """Update the windows, and the block if there is one, from the status and headers of a response."""
        self.in_flight -= 1
        limits = read_limits(headers)
        for name, (limit, remaining, reset) in limits.items():
            self._merge_window(name, Window(limit, remaining, now + reset, reset), now)
        retry_after = read_retry_after(headers)
        if status == _TOO_MANY_REQUESTS:
            resets = {f"X-RateLimit-Reset-{name}": reset for name, (_, _, reset) in limits.items()}
            resets |= {} if retry_after is None else {"Retry-After": retry_after}
            resets = resets or {"HTTP 429 without a reset": DEFAULT_BLOCK_SECONDS}
            cause = max(resets, key=lambda name: resets[name])
            self.block(now + resets[cause] + BLOCK_MARGIN_SECONDS, cause)
        elif retry_after:
            self.block(now + retry_after, "Retry-After")
        elif limits or not self.windows:
            self._is_probing = False

    def _merge_window(self, name: str, reported: Window, now: float) -> None:
        """Replace a window that is new or over by the reported one; else keep the stricter numbers."""
        known = self.windows.get(name)
        if known is None and reported.remaining < reported.limit - 1:
            # The window was already open, so its reset is shorter than its length.
            reported.length = max(reported.length, USUAL_WINDOW_SECONDS)
        reported.length = max(reported.length, known.length if known else 0.0)
        if known is None or known.ends_at == inf or now >= known.ends_at:
            reported.remaining -= self.in_flight
            self.windows[name] = reported
            return
        known.limit, known.length = reported.limit, reported.length
        known.remaining = min(known.remaining, reported.remaining)
        known.ends_at = min(known.ends_at, reported.ends_at)


def read_limits(headers: Mapping[str, str]) -> dict[str, tuple[int, int, float]]:
    """Return (limit, remaining, seconds until the reset) of each named limit with all three headers."""
    fields: dict[str, dict[str, str]] = {}
    for key, value in headers.items():
        if match := _HEADER.fullmatch(key):
            fields.setdefault(match[2].lower(), {})[match[1].lower()] = value
    limits = {}
    for name, texts in fields.items():
        try:
            limit, remaining, reset = int(texts["limit"]), int(texts["remaining"]), float(texts["reset"])
        except (KeyError, ValueError):
            continue
        if limit > 0 and 0 <= reset <= MAX_RESET_SECONDS:
            limits[name] = limit, remaining, reset
    return limits


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of `Retry-After`, also from an HTTP date; None without the header or for an invalid one.

    An HTTP date is compared with the server's own `Date`, or with this machine's clock without it.
    """
    text = headers.get("retry-after", "")
    try:
        seconds = float(text)
    except ValueError:
        until = _read_http_date(text)
        if until is None:
            return None
        seconds = until - (_read_http_date(headers.get("date", "")) or time.time())
        return seconds if seconds > 0 else None
    return seconds if 0 <= seconds <= MAX_RESET_SECONDS else None


def _read_http_date(text: str) -> float | None:
    """Return an HTTP date in Unix time; None for any other text."""
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


class RateLimiter:
    """Delays each request until the budget allows it; all requests of a credential share one instance."""

    def __init__(  # noqa: PLR0913 - the hooks of one rate limiter
        self,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        jitter: Callable[[], float] | None = None,
        on_wait: Callable[[float], None] | None = None,
        on_low: Callable[[float], None] | None = None,
        max_wait_seconds: float = MAX_WAIT_SECONDS,
    ) -> None:
        """Start with an unknown budget.

        `max_wait_seconds` bounds the pause for one reset. `jitter` returns the seconds that are added to each
        pause (default: 0.05 to 0.25). `on_wait` is called before each pause with its length in seconds. `on_low`
        is called while at most `LOW_BUDGET` requests are left, with the seconds until the reset, so that the
        next process can wait for it.
        """
        self.budget = Budget()
        self.waited_seconds = 0.0
        self._clock, self._sleep = clock, sleep
        self._jitter = jitter or (lambda: random.uniform(0.05, 0.25))  # noqa: S311
        self._on_wait = on_wait or (lambda _: None)
        self._on_low = on_low
        self._max_wait_seconds = max_wait_seconds
        self._pause_ends_at = -inf
        self._response_arrived = asyncio.Event()

    async def acquire(self) -> None:
        """Wait until one request may be sent, and count it.

        The caller sends the request and then calls `record_response` or `record_lost`.
        Raise `WaitTooLongError` immediately if the pause would be longer than the bound.
        """
        while (seconds := self.budget.seconds_to_wait(self._clock())) != 0:
            if seconds is None:
                self._response_arrived.clear()
                await self._response_arrived.wait()
                continue
            if seconds > self._max_wait_seconds + BLOCK_MARGIN_SECONDS:
                cause = self.budget.find_cause(self._clock())
                raise WaitTooLongError(header=cause, seconds=seconds, max_seconds=self._max_wait_seconds)
            await self._pause(seconds + self._jitter())
        self.budget.record_sent()

    async def _pause(self, seconds: float) -> None:
        """Sleep; requests that wait at the same time count and report one pause."""
        now = self._clock()
        if now >= self._pause_ends_at:
            self._pause_ends_at = now + seconds
            self.waited_seconds += seconds
            self._on_wait(seconds)
        # `on_wait` may use part of the pause, for example to write the pages that were read.
        await self._sleep(max(now + seconds - self._clock(), 0.0))

    def seconds_for(self, requests: int) -> float:
        """Return the seconds of waiting that the known limits require for `requests` more requests."""
        return self.budget.seconds_for(requests, self._clock())

    def requests_left(self) -> tuple[int, int] | None:
        """Return (remaining, limit) of the window with the least left; None without a known limit."""
        return self.budget.requests_left()

    def block_for(self, seconds: float) -> None:
        """Send no request for the given time, because an earlier process has spent the budget."""
        self.budget.block(self._clock() + seconds, "the reset that an earlier run recorded")

    def record_response(self, status: int, headers: Mapping[str, str]) -> None:
        """Record the response to a request that `acquire` allowed."""
        now = self._clock()
        self.budget.record_response(now, status, headers)
        self._response_arrived.set()
        if self._on_low and (seconds := self.budget.seconds_until_allowed(now, LOW_BUDGET)) is not None:
            self._on_low(seconds)

    def record_lost(self) -> None:
        """Record that a request that `acquire` allowed ended without a response."""
        self.budget.record_lost()
        self._response_arrived.set()
