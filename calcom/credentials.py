"""The three kinds of credential that Cal.com's API v2 takes, as request headers.

Source: Cal.com's `api-auth.strategy.ts`: an API key starts with `cal_`; any other bearer token is an
OAuth or managed-user access token; a platform client sends its id and secret as headers of their own.
"""

from dataclasses import dataclass

from pydantic import SecretStr

from calcom.errors import CredentialError


@dataclass(frozen=True)
class ApiKey:
    """An API key (`cal_…`) of an organization's admin or owner: 120 requests a minute."""

    key: SecretStr

    def headers(self) -> dict[str, str]:
        """The headers that carry this credential."""
        return {"Authorization": f"Bearer {_sendable(self.key, 'API key')}"}


@dataclass(frozen=True)
class AccessToken:
    """An OAuth access token (30 minutes) or a managed user's (60): 500 requests a minute."""

    token: SecretStr

    def headers(self) -> dict[str, str]:
        """The headers that carry this credential."""
        return {"Authorization": f"Bearer {_sendable(self.token, 'access token')}"}


@dataclass(frozen=True)
class PlatformClient:
    """A platform's OAuth client, acting as the platform organization's owner: 500 requests a minute."""

    client_id: str
    secret_key: SecretStr

    def headers(self) -> dict[str, str]:
        """The headers that carry this credential."""
        return {
            "x-cal-client-id": _sendable(SecretStr(self.client_id), "client id"),
            "x-cal-secret-key": _sendable(self.secret_key, "secret key"),
        }


def _sendable(secret: SecretStr, name: str) -> str:
    """The secret without the blanks around it, if a header can hold it: httpx's own error would quote it."""
    value = secret.get_secret_value().strip()
    if not value or not (value.isascii() and value.isprintable()) or " " in value:
        message = f"the {name} is empty or holds a character that none has; copy it again, without quotes"
        raise CredentialError(message)
    return value


Credential = ApiKey | AccessToken | PlatformClient
