"""Who may call the simulator, and how Cal.com tells one caller from another.

The throttler and the authentication look at a request separately. The throttler takes the
Authorization header first; the authentication takes a client's id and secret first.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from calcom.simulator.errors import RefusalError, token_expired, unauthorized
from calcom.simulator.limits import Limits, RateLimit

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

KEY_WITH_CUSTOM_LIMITS = {
    CUSTOM_LIMITS_KEY: (
        RateLimit("Short", limit=20, ttl_seconds=10),
        RateLimit("Long", limit=60, ttl_seconds=60),
    )
}

_NO_CREDENTIAL = (
    "ApiAuthStrategy - No authentication method provided. Either pass an API key as 'Bearer' header"
    " or OAuth client credentials as 'x-cal-secret-key' and 'x-cal-client-id' headers"
)


@dataclass(frozen=True, slots=True)
class Account:
    """The user behind a credential, with its role in its organization."""

    kind: str
    user_id: int
    organization_id: int
    is_admin: bool = True


@dataclass(frozen=True, slots=True)
class Credentials:
    """Every credential the simulator knows: an account, or the error it is refused with."""

    keys: Mapping[str, Account | RefusalError]
    tokens: Mapping[str, Account | RefusalError]
    client: Account
    limits: Limits = field(default_factory=Limits)

    def kind(self, headers: Mapping[str, str]) -> str:
        """A name for what the request presents, for logs and tests; never the secret itself."""
        if _has_client(headers):
            return "client"
        token = _bearer_token(headers)
        account = self.keys.get(token) or self.tokens.get(token)
        if isinstance(account, Account):
            return account.kind
        return "refused" if token else "none"

    def tracker(self, headers: Mapping[str, str], address: str) -> tuple[str, Sequence[RateLimit]]:
        """Whom the throttler counts and against what; raises 401 for an unknown `cal_` key."""
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
        """The account of the request; raises 401, or 498 for an expired managed token."""
        client_id = path_client_id or headers.get("x-cal-client-id")
        secret = headers.get("x-cal-secret-key")
        if client_id and secret:
            return self._authenticate_client(client_id, secret)
        token = _bearer_token(headers)
        if not token:
            raise unauthorized(_NO_CREDENTIAL)
        if token.startswith("cal_"):
            invalid = unauthorized("ApiAuthStrategy - api key - Your api key is not valid")
            found = self.keys.get(token, invalid)
        else:
            found = self.tokens.get(token, unauthorized("Invalid Access Token."))
        if isinstance(found, RefusalError):
            raise found
        return found

    def _authenticate_client(self, client_id: str, secret: str) -> Account:
        if client_id != CLIENT_ID:
            raise unauthorized(f"ApiAuthStrategy - Client with ID {client_id} not found")
        if secret != CLIENT_SECRET:
            raise unauthorized("ApiAuthStrategy - Invalid client secret")
        return self.client


def simulator_credentials(
    *, api_key: str, owner_id: int, member_id: int, organization_id: int, limits: Limits
) -> Credentials:
    """The credentials of a simulated organization, and of the two organizations beside it.

    The organization numbered one higher is a stranger's; the one two higher has no admin API.
    """
    owner = Account("owner_key", owner_id, organization_id)
    stranger = Account("other_org_key", 0, organization_id + 1)
    keys: dict[str, Account | RefusalError] = {
        api_key: owner,
        MEMBER_KEY: Account("member_key", member_id, organization_id, is_admin=False),
        EXPIRED_KEY: unauthorized("ApiAuthStrategy - api key - Your api key is expired"),
        OTHER_ORGANIZATION_KEY: stranger,
        NO_ADMIN_API_KEY: Account("no_admin_api_key", 0, organization_id + 2),
        CUSTOM_LIMITS_KEY: Account("custom_limits_key", owner_id, organization_id),
    }
    tokens: dict[str, Account | RefusalError] = {
        ACCESS_TOKEN: Account("access_token", owner_id, organization_id),
        EXPIRED_TOKEN: token_expired(),
    }
    return Credentials(keys, tokens, Account("client", owner_id, organization_id), limits)


def _bearer_token(headers: Mapping[str, str]) -> str:
    """The Authorization header with the word Bearer cut out; Cal.com does not require the word."""
    return headers.get("authorization", "").replace("Bearer ", "", 1)


def _has_client(headers: Mapping[str, str]) -> bool:
    return bool(headers.get("x-cal-client-id") and headers.get("x-cal-secret-key"))


def _digest(kind: str, value: str) -> str:
    """Cal.com stores trackers hashed, so that a dump of Redis holds no key."""
    return f"{kind}_{hashlib.sha256(value.encode()).hexdigest()}"
