"""The request throttler of Cal.com's API: fixed windows, blocks, and the headers that report them.

The rules are those of CustomThrottlerGuard and of the Redis script below it
(nestjs-throttler-storage-redis), confirmed by measurement:

* A window opens at the first hit and lasts its time to live; it does not slide.
* The hit that exceeds the limit starts a block, counted from that hit.
* Hits during a block still count in the window, or open the next one. A key that was hit more than
  the limit allows in the window that is open when the block lapses is blocked anew.
* A key may have several named limits; it is refused only when all of them are blocked.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `limit` requests in a window; one more and the caller is blocked."""

    name: str = "Default"
    limit: int = 120
    ttl_seconds: float = 60.0
    block_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Which limits a caller has, by what it presents.

    An API key and an anonymous address have 120 requests a minute, every other token and an OAuth
    client 500; `custom` gives the limits of single API keys, by key.
    """

    api_key: Sequence[RateLimit] = (RateLimit(),)
    token: Sequence[RateLimit] = (RateLimit(limit=500),)
    custom: Mapping[str, Sequence[RateLimit]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hit:
    """What one request did to a caller's limits."""

    is_blocked: bool
    headers: dict[str, str]


@dataclass(slots=True)
class _Counter:
    """One limit of one caller; instants in whole milliseconds, as Redis keeps them."""

    hits: int = 0
    window_ends_ms: int | None = None
    blocked_until_ms: int | None = None


class Throttler:
    """Counts the hits of every caller against its limits, by the injected clock."""

    def __init__(self, clock: Clock) -> None:
        """Start with no caller known."""
        self._clock = clock
        self._counters: dict[tuple[str, str], _Counter] = {}

    def hit(self, tracker: str, limits: Sequence[RateLimit]) -> Hit:
        """Count one request of a caller; it is refused when every one of its limits is blocked."""
        now_ms = int(self._clock() * 1000)
        headers: dict[str, str] = {}
        blocked = []
        for limit in limits:
            counter = self._counters.setdefault((tracker, limit.name), _Counter())
            blocked.append(_increment(counter, limit, now_ms))
            headers |= _headers(counter, limit, now_ms)
        return Hit(is_blocked=all(blocked), headers=headers)


def refused_headers(reset_seconds: float) -> dict[str, str]:
    """The headers of a caller with the default limit that is blocked for that long."""
    return _rate_headers(RateLimit(), 0, int(reset_seconds * 1000))


def _increment(counter: _Counter, limit: RateLimit, now_ms: int) -> bool:
    """Count a hit, open or renew the window and the block; True while blocked."""
    if counter.window_ends_ms is None or now_ms >= counter.window_ends_ms:
        counter.hits = 0
        counter.window_ends_ms = now_ms + int(limit.ttl_seconds * 1000)
    counter.hits += 1
    if counter.blocked_until_ms is not None and now_ms >= counter.blocked_until_ms:
        counter.blocked_until_ms = None
    if counter.blocked_until_ms is None and counter.hits > limit.limit:
        counter.blocked_until_ms = now_ms + int(limit.block_seconds * 1000)
    return counter.blocked_until_ms is not None


def _headers(counter: _Counter, limit: RateLimit, now_ms: int) -> dict[str, str]:
    """What a counted hit reports: the window, or the block when there is one."""
    if counter.blocked_until_ms is not None:
        return _rate_headers(limit, 0, counter.blocked_until_ms - now_ms)
    remaining = max(0, limit.limit - counter.hits)
    return _rate_headers(limit, remaining, (counter.window_ends_ms or now_ms) - now_ms)


def _rate_headers(limit: RateLimit, remaining: int, reset_ms: int) -> dict[str, str]:
    """The three headers of one limit; Reset is in seconds from now, rounded up."""
    return {
        f"X-RateLimit-Limit-{limit.name}": str(limit.limit),
        f"X-RateLimit-Remaining-{limit.name}": str(remaining),
        f"X-RateLimit-Reset-{limit.name}": str(math.ceil(reset_ms / 1000)),
    }
