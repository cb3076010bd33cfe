"""Pacing: one budget for a credential, read from Cal.com's headers, spent before it runs out.

Cal.com counts requests in fixed windows that open with their first request, and answers a request too
many with 429 and a block of its own length. So the rate_limiter never sends the request too many: it sleeps
until the window ends. Every named limit counts. `Reset` is seconds left, rounded up, so `now + Reset`
is never before the true end. While a window's state is unknown (at the start, after a window or a
block ends) one request goes ahead alone and the rest wait for what its answer says; near the end of a
budget that others share, no more requests are in flight than the budget has left. Without headers
(self-hosted servers) nothing is paced.

`Budget` is pure; `RateLimiter` is the thin asynchronous edge with an injected clock and sleep.
Source: Cal.com's `CustomThrottlerGuard`, measured: polling while blocked extends the block, there is no
`Retry-After` (obeyed where an edge server sends one), and calls made while blocked count afterwards.
"""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from math import ceil

UNSTATED_BLOCK_SECONDS = 60.0
"""How long a 429 blocks when its headers do not say: Cal.com's default."""

USUAL_WINDOW_SECONDS = 60.0
"""The length of Cal.com's default window, for one that was joined midway."""

BLOCK_MARGIN_SECONDS = 1.0
"""Slept on top of a block's reset: 429 was still seen just before a reset that said 1."""

MAX_RESET_SECONDS = 86_400.0
"""A longer reset is no number of seconds left (an epoch, most likely), and nobody waits for it."""

_HEADER = re.compile(r"x-ratelimit-(limit|remaining|reset)-(.+)", re.IGNORECASE)
_TOO_MANY = 429


@dataclass
class Window:
    """One named limit: `limit` requests in `length` seconds, `remaining` of them left until `ends_at`."""

    limit: int
    remaining: int
    ends_at: float
    length: float = field(default=0.0, compare=False)
    """The longest reset that was stated, which a window's first answer does."""


@dataclass
class Budget:
    """What may be sent and when, from what was sent and answered. Times are a monotonic clock's seconds."""

    windows: dict[str, Window] = field(default_factory=dict)
    in_flight: int = 0
    blocked_until: float = 0.0
    _is_probing: bool = True

    def seconds_to_wait(self, now: float) -> float | None:
        """0 to send now, seconds to sleep, or None to wait for an answer that is under way."""
        if now < self.blocked_until:
            return self.blocked_until - now
        for window in self.windows.values():
            if now >= window.ends_at:
                window.remaining, window.ends_at = window.limit, float("inf")
                self._is_probing = True
        ends = [one.ends_at for one in self.windows.values() if one.remaining <= 0]
        if known_ends := [end for end in ends if end != float("inf")]:
            return max(known_ends) - now
        most = min((one.remaining for one in self.windows.values()), default=self.in_flight + 1)
        if self.in_flight and (self._is_probing or self.in_flight >= most):
            return None
        return 0.0

    def seconds_for(self, requests: int, now: float) -> float:
        """Seconds that the limits will impose on `requests` more requests, as far as is known."""
        begins_in = max(self.blocked_until - now, 0.0)
        waits = [begins_in]
        for window in self.windows.values():
            left, ends_in = max(window.remaining, 0), window.ends_at - now
            if ends_in <= begins_in:  # over by then: the first request opens a new one
                left, ends_in = window.limit, begins_in + window.length
            elif ends_in == float("inf"):
                ends_in = window.length
            if requests > left:
                waits.append(ends_in + (ceil((requests - left) / window.limit) - 1) * window.length)
        return max(waits)

    def requests_left(self) -> tuple[int, int] | None:
        """(remaining, limit) of the window that has least left; None where no limit is stated."""
        scarcest = min(self.windows.values(), key=lambda one: one.remaining, default=None)
        return None if scarcest is None else (max(scarcest.remaining, 0), scarcest.limit)

    def note_sent(self) -> None:
        """A request has left."""
        self.in_flight += 1
        for window in self.windows.values():
            window.remaining -= 1

    def note_lost(self) -> None:
        """A request ended without an answer; it is counted as spent."""
        self.in_flight -= 1

    def note_answer(self, now: float, status: int, headers: Mapping[str, str]) -> None:
        """An answer has come: take over what its headers say of every named limit."""
        self.in_flight -= 1
        stated = read_limits(headers)
        for name, (limit, remaining, reset) in stated.items():
            self._take_over(name, Window(limit, remaining, now + reset, reset), now)
        asked = _retry_after(headers)
        if status == _TOO_MANY:
            resets = [reset for _, _, reset in stated.values()] + ([] if asked is None else [asked])
            self._block(now + max(resets, default=UNSTATED_BLOCK_SECONDS) + BLOCK_MARGIN_SECONDS)
        elif asked:
            self._block(now + asked)
        elif stated or not self.windows:
            self._is_probing = False

    def _take_over(self, name: str, told: Window, now: float) -> None:
        known = self.windows.get(name)
        if known is None and told.remaining < told.limit - 1:
            told.length = max(told.length, USUAL_WINDOW_SECONDS)  # joined midway: its length is not known yet
        told.length = max(told.length, known.length if known else 0.0)
        if known is None or known.ends_at == float("inf") or now >= known.ends_at:
            told.remaining -= self.in_flight
            self.windows[name] = told
            return
        known.limit, known.length = told.limit, told.length
        known.remaining = min(known.remaining, told.remaining)
        known.ends_at = min(known.ends_at, told.ends_at)

    def _block(self, until: float) -> None:
        """Nothing is sent before `until`; afterwards every window is new, as far as anyone knows."""
        self.blocked_until = max(self.blocked_until, until)
        for window in self.windows.values():
            window.remaining, window.ends_at = window.limit, self.blocked_until
        self._is_probing = True


def read_limits(headers: Mapping[str, str]) -> dict[str, tuple[int, int, float]]:
    """(limit, remaining, seconds until reset) of every named limit that the headers state whole."""
    found: dict[str, dict[str, str]] = {}
    for key, value in headers.items():
        if match := _HEADER.fullmatch(key):
            found.setdefault(match[2].lower(), {})[match[1].lower()] = value
    limits = {}
    for name, fields in found.items():
        try:
            numbers = int(fields["limit"]), int(fields["remaining"]), float(fields["reset"])
        except (KeyError, ValueError):
            continue
        if numbers[0] > 0 and 0 <= numbers[2] <= MAX_RESET_SECONDS:
            limits[name] = numbers
    return limits


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds, where they are sent as such; an HTTP date is left to the reset of the block."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 <= seconds <= MAX_RESET_SECONDS else None


class RateLimiter:
    """Lets requests through when the budget says so, whoever asks."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]],
        jitter: Callable[[], float] | None = None,
        on_wait: Callable[[float], None] | None = None,
    ) -> None:
        """`jitter` gives the seconds added to each wait (default: 0.05 to 0.25)."""
        self.budget = Budget()
        self.waited_seconds = 0.0
        self._clock, self._sleep = clock, sleep
        self._jitter = jitter or (lambda: random.uniform(0.05, 0.25))  # noqa: S311
        self._on_wait = on_wait or (lambda _: None)
        self._pauses_until = float("-inf")
        self._answered = asyncio.Event()

    async def send_when_due(self) -> None:
        """Return when one request may be sent; the caller sends it and reports back."""
        while (seconds := self.budget.seconds_to_wait(self._clock())) != 0:
            if seconds is None:
                self._answered.clear()
                await self._answered.wait()
                continue
            await self._pause(seconds + self._jitter())
        self.budget.note_sent()

    async def _pause(self, seconds: float) -> None:
        """Sleep; of requests that wait side by side, one counts and is heard of."""
        now = self._clock()
        if now >= self._pauses_until:
            self._pauses_until = now + seconds
            self.waited_seconds += seconds
            self._on_wait(seconds)
        # What hears of the pause may take its time in it: it writes what was read.
        await self._sleep(max(now + seconds - self._clock(), 0.0))

    def seconds_for(self, requests: int) -> float:
        """Seconds that the limits will impose on `requests` more requests, as far as is known."""
        return self.budget.seconds_for(requests, self._clock())

    def requests_left(self) -> tuple[int, int] | None:
        """(remaining, limit) of the window that has least left; None where no limit is stated."""
        return self.budget.requests_left()

    def note_answer(self, status: int, headers: Mapping[str, str]) -> None:
        """Report the answer to a request that was let through."""
        self.budget.note_answer(self._clock(), status, headers)
        self._answered.set()

    def note_lost(self) -> None:
        """Report that a request that was let through got no answer."""
        self.budget.note_lost()
        self._answered.set()
