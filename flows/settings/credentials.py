"""The one credential among the settings."""

from typing import Any

from pydantic import SecretStr

from calcom.credentials import AccessToken, ApiKey, Credential, PlatformClient
from flows.settings.errors import ConfigurationError

NO_CREDENTIAL: dict[str, Any] = dict.fromkeys(
    ("CALCOM_API_KEY", "CALCOM_ACCESS_TOKEN", "CALCOM_CLIENT_ID", "CALCOM_SECRET_KEY")
)
"""Every credential's variable, unset: for settings that have their own, whatever the environment holds."""


def choose_credential(
    *,
    api_key: SecretStr | None,
    access_token: SecretStr | None,
    client_id: str | None,
    secret_key: SecretStr | None,
) -> Credential:
    """The one that is given. Raises `ConfigurationError` if there is none, half of one, or several."""
    kinds: list[Credential] = []
    if api_key:
        kinds.append(ApiKey(api_key))
    if access_token:
        kinds.append(AccessToken(access_token))
    if client_id and secret_key:
        kinds.append(PlatformClient(client_id, secret_key))
    elif client_id or secret_key:
        given, missing = (
            ("CALCOM_CLIENT_ID", "CALCOM_SECRET_KEY")
            if client_id
            else ("CALCOM_SECRET_KEY", "CALCOM_CLIENT_ID")
        )
        message = f"{given} is set but {missing} is not; a platform client needs both"
        raise ConfigurationError(message)
    if len(kinds) != 1:
        found = "none is set" if not kinds else f"{len(kinds)} are set"
        message = (
            "expected exactly one credential: CALCOM_API_KEY, or CALCOM_ACCESS_TOKEN, or"
            f" CALCOM_CLIENT_ID with CALCOM_SECRET_KEY; {found}. Set one in the environment or in .env"
        )
        raise ConfigurationError(message)
    return kinds[0]
