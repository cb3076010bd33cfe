"""The three kinds of credential that Cal.com's API v2 takes, as request headers.

Source: Cal.com's `api-auth.strategy.ts`: an API key starts with `cal_`; any other bearer token is an
OAuth or managed-user access token; a platform client sends its id and secret as headers of their own.
"""

from dataclasses import dataclass

from pydantic import SecretStr


@dataclass(frozen=True)
class ApiKey:
    """An API key (`cal_…`) of an organization's admin or owner: 120 requests a minute."""

    key: SecretStr

    def headers(self) -> dict[str, str]:
        """The headers that carry this credential."""
        return {"Authorization": f"Bearer {self.key.get_secret_value()}"}


@dataclass(frozen=True)
class AccessToken:
    """An OAuth access token (30 minutes) or a managed user's (60): 500 requests a minute."""

    token: SecretStr

    def headers(self) -> dict[str, str]:
        """The headers that carry this credential."""
        return {"Authorization": f"Bearer {self.token.get_secret_value()}"}


@dataclass(frozen=True)
class PlatformClient:
    """A platform's OAuth client, acting as the platform organization's owner: 500 requests a minute."""

    client_id: str
    secret_key: SecretStr

    def headers(self) -> dict[str, str]:
        """The headers that carry this credential."""
        return {
            "x-cal-client-id": self.client_id,
            "x-cal-secret-key": self.secret_key.get_secret_value(),
        }


Credential = ApiKey | AccessToken | PlatformClient
