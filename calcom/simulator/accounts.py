"""The callers of the simulator: authentication and rate limits, as Cal.com implements them.

The throttler and the authentication identify a request separately. The throttler prefers the Authorization
header; the authentication prefers the id and secret of a client.

The throttler follows CustomThrottlerGuard and its Redis script (nestjs-throttler-storage-redis). These rules
are confirmed by measurement:

* A window opens with the first request and has a fixed length.
* The request that exceeds the limit starts a block, which is counted from that request.
* Requests during a block count in the window, or open the next one. If they exceed the limit of the window
  that is open at the end of the block, a new block starts.
* A key may have several named limits. A request is refused only if all of them are blocked.
"""

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from calcom.simulator.errors import RefusalError, token_expired, unauthorized

OWNER_KEY = "cal_simulator_owner"
MEMBER_KEY = "cal_simulator_member"
EXPIRED_KEY = "cal_simulator_expired"
OTHER_ORGANIZATION_KEY = "cal_simulator_other_org"
NO_ADMIN_API_KEY = "cal_simulator_no_admin_api"
CUSTOM_LIMITS_KEY = "cal_simulator_custom_limits"
ACCESS_TOKEN = "simulator-access-token"  # noqa: S105 (an invented credential)
EXPIRED_TOKEN = "simulator-expired-token"  # noqa: S105 (an invented credential)
CLIENT_ID = "simulator-client"
CLIENT_SECRET = "simulator-secret"  # noqa: S105 (an invented credential)

Clock = Callable[[], float]

_NO_CREDENTIAL = (
    "ApiAuthStrategy - No authentication method provided. Either pass an API key as 'Bearer' header"
    " or OAuth client credentials as 'x-cal-secret-key' and 'x-cal-client-id' headers"
)


@dataclass(frozen=True, slots=True)
class RateLimit:
    """At most `limit` requests per window of `ttl_seconds`; one more request blocks the caller."""

    name: str = "Default"
    limit: int = 120
    ttl_seconds: float = 60.0
    block_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of each kind of caller.

    An API key and an anonymous address have 120 requests per minute, any other token and an OAuth client
    have 500. `custom` has the limits of single API keys, by key.
    """

    api_key: Sequence[RateLimit] = (RateLimit(),)
    token: Sequence[RateLimit] = (RateLimit(limit=500),)
    custom: Mapping[str, Sequence[RateLimit]] = field(default_factory=dict)


DEFAULT_LIMITS = Limits(
    custom={
        CUSTOM_LIMITS_KEY: (
            RateLimit("Short", limit=20, ttl_seconds=10),
            RateLimit("Long", limit=60, ttl_seconds=60),
        )
    }
)


@dataclass(frozen=True, slots=True)
class Account:
    """The user behind a credential, with the organization and the role in it."""

    kind: str
    user_id: int
    organization_id: int
    is_admin: bool = True


@dataclass(frozen=True, slots=True)
class Credentials:
    """Every credential of the simulator, with its account or with the error that refuses it."""

    keys: Mapping[str, Account | RefusalError]
    tokens: Mapping[str, Account | RefusalError]
    client: Account
    limits: Limits = field(default_factory=Limits)

    def kind(self, headers: Mapping[str, str]) -> str:
        """Return a name for the credential of a request, for logs and tests; never the secret itself."""
        if headers.get("x-cal-client-id") and headers.get("x-cal-secret-key"):
            return "client"
        token = _bearer_token(headers)
        account = self.keys.get(token) or self.tokens.get(token)
        if isinstance(account, Account):
            return account.kind
        return "refused" if token else "none"

    def tracker(self, headers: Mapping[str, str], address: str) -> tuple[str, Sequence[RateLimit]]:
        """Return the throttler's name for the caller, and the limits; raise 401 for an unknown `cal_` key."""
        token, client_id = _bearer_token(headers), headers.get("x-cal-client-id")
        if token.startswith("cal_"):
            if token not in self.keys:
                raise unauthorized("CustomThrottlerGuard - Invalid API Key")
            return _digest("key", token), self.limits.custom.get(token, self.limits.api_key)
        if token:
            return _digest("token", token), self.limits.token
        if client_id:
            return _digest("client", client_id), self.limits.token
        return _digest("address", address), self.limits.api_key

    def authenticate(self, headers: Mapping[str, str], path_client_id: str | None) -> Account:
        """Return the account of the request; raise 401, or 498 for the expired token of a managed user."""
        client_id = path_client_id or headers.get("x-cal-client-id")
        secret = headers.get("x-cal-secret-key")
        if client_id and secret:
            return self._authenticate_client(client_id, secret)
        token = _bearer_token(headers)
        if not token:
            raise unauthorized(_NO_CREDENTIAL)
        if token.startswith("cal_"):
            invalid = unauthorized("ApiAuthStrategy - api key - Your api key is not valid")
            account = self.keys.get(token, invalid)
        else:
            account = self.tokens.get(token, unauthorized("Invalid Access Token."))
        if isinstance(account, RefusalError):
            raise account
        return account

    def _authenticate_client(self, client_id: str, secret: str) -> Account:
        if client_id != CLIENT_ID:
            raise unauthorized(f"ApiAuthStrategy - Client with ID {client_id} not found")
        if secret != CLIENT_SECRET:
            raise unauthorized("ApiAuthStrategy - Invalid client secret")
        return self.client


def simulator_credentials(
    *, api_key: str, owner_id: int, member_id: int, organization_id: int, limits: Limits
) -> Credentials:
    """Return the credentials of the simulated organization and of two other organizations.

    The organization with the next id has an owner of its own; the one after it has no admin API.
    """
    owner = Account("owner_key", owner_id, organization_id)
    other_owner = Account("other_org_key", 0, organization_id + 1)
    keys: dict[str, Account | RefusalError] = {
        api_key: owner,
        MEMBER_KEY: Account("member_key", member_id, organization_id, is_admin=False),
        EXPIRED_KEY: unauthorized("ApiAuthStrategy - api key - Your api key is expired"),
        OTHER_ORGANIZATION_KEY: other_owner,
        NO_ADMIN_API_KEY: Account("no_admin_api_key", 0, organization_id + 2),
        CUSTOM_LIMITS_KEY: Account("custom_limits_key", owner_id, organization_id),
    }
    tokens: dict[str, Account | RefusalError] = {
        ACCESS_TOKEN: Account("access_token", owner_id, organization_id),
        EXPIRED_TOKEN: token_expired(),
    }
    return Credentials(keys, tokens, Account("client", owner_id, organization_id), limits)


def _bearer_token(headers: Mapping[str, str]) -> str:
    """Return the Authorization header without the word Bearer, which Cal.com does not require."""
    return headers.get("authorization", "").replace("Bearer ", "", 1)


def _digest(kind: str, value: str) -> str:
    """Return a hash of the value: Cal.com hashes trackers, so that a dump of Redis has no key."""
    return f"{kind}_{hashlib.sha256(value.encode()).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Hit:
    """The result of counting one request."""

    is_blocked: bool
    headers: dict[str, str]


@dataclass(slots=True)
class _Counter:
    """One limit of one caller; instants in whole milliseconds, as Redis stores them."""

    hits: int = 0
    window_ends_ms: int | None = None
    blocked_until_ms: int | None = None


class Throttler:
    """Counts the requests of every caller against its limits, by an injected clock."""

    def __init__(self, clock: Clock) -> None:
        """Start without any counted request."""
        self._clock = clock
        self._counters: dict[tuple[str, str], _Counter] = {}

    def hit(self, tracker: str, limits: Sequence[RateLimit]) -> Hit:
        """Count one request of a caller; the caller is blocked if every one of its limits is."""
        now_ms = int(self._clock() * 1000)
        headers: dict[str, str] = {}
        blocked = []
        for limit in limits:
            counter = self._counters.setdefault((tracker, limit.name), _Counter())
            blocked.append(_increment(counter, limit, now_ms))
            headers |= _headers(counter, limit, now_ms)
        return Hit(is_blocked=all(blocked), headers=headers)


def refused_headers(reset_seconds: float) -> dict[str, str]:
    """Return the headers of a caller with the default limit that is blocked for `reset_seconds`."""
    return _rate_headers(RateLimit(), 0, int(reset_seconds * 1000))


def _increment(counter: _Counter, limit: RateLimit, now_ms: int) -> bool:
    """Count a request, start a window or a block if due, and return True while blocked."""
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
    """Return the headers after a counted request: of the window, or of the block if there is one."""
    if counter.blocked_until_ms is not None:
        return _rate_headers(limit, 0, counter.blocked_until_ms - now_ms)
    remaining = max(0, limit.limit - counter.hits)
    return _rate_headers(limit, remaining, (counter.window_ends_ms or now_ms) - now_ms)


def _rate_headers(limit: RateLimit, remaining: int, reset_ms: int) -> dict[str, str]:
    """Return the three headers of one limit; Reset is the number of seconds left, rounded up."""
    return {
        f"X-RateLimit-Limit-{limit.name}": str(limit.limit),
        f"X-RateLimit-Remaining-{limit.name}": str(remaining),
        f"X-RateLimit-Reset-{limit.name}": str(math.ceil(reset_ms / 1000)),
    }
