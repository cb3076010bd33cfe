"""The three kinds of credential that Cal.com's API v2 accepts, as request headers.

Source: Cal.com's `api-auth.strategy.ts`. An API key starts with `cal_`. Any other bearer token is the
access token of an OAuth client or of a managed user. A platform client sends its id and its secret in
two headers of their own.
"""

from dataclasses import dataclass

from pydantic import SecretStr

from calcom.errors import CredentialError


@dataclass(frozen=True)
class ApiKey:
    """An API key (`cal_…`) of an admin or owner of the organization: 120 requests per minute."""

    key: SecretStr

    def headers(self) -> dict[str, str]:
        """Return the headers that carry the credential; raise `CredentialError` if no header can."""
        return {"Authorization": f"Bearer {_header_value(self.key, 'API key')}"}


@dataclass(frozen=True)
class AccessToken:
    """An access token of OAuth (30 minutes) or of a managed user (60 minutes): 500 requests per minute."""

    token: SecretStr

    def headers(self) -> dict[str, str]:
        """Return the headers that carry the credential; raise `CredentialError` if no header can."""
        return {"Authorization": f"Bearer {_header_value(self.token, 'access token')}"}


@dataclass(frozen=True)
class PlatformClient:
    """A platform's OAuth client, which acts as the platform's owner: 500 requests per minute."""

    client_id: str
    secret_key: SecretStr

    def headers(self) -> dict[str, str]:
        """Return the headers that carry the credential; raise `CredentialError` if no header can."""
        return {
            "x-cal-client-id": _header_value(SecretStr(self.client_id), "client id"),
            "x-cal-secret-key": _header_value(self.secret_key, "secret key"),
        }


Credential = ApiKey | AccessToken | PlatformClient


def _header_value(secret: SecretStr, name: str) -> str:
    """Return the secret without surrounding blanks.

    The check comes before the request, because the error of httpx would quote the secret.
    """
    value = secret.get_secret_value().strip()
    if not value or not (value.isascii() and value.isprintable()) or " " in value:
        message = (
            f"the {name} is empty or contains a space or a character that is not printable ASCII;"
            " copy it again, without quotes"
        )
        raise CredentialError(message)
    return value
