"""Credentials from Prefect's Secret blocks, and the settings of a flow run."""

from typing import Any, cast

import prefect.runtime.deployment
from prefect.blocks.system import Secret

from flows.settings import NO_CREDENTIAL, Settings, load_settings
from flows.settings.errors import ConfigurationError


def load_flow_settings(credential_block: str | None = None) -> Settings:
    """Return the worker's settings, with the credential of a Secret block if one is named.

    Raises `ConfigurationError` under a deployment without an absolute `OOO_DATA_DIR`: a worker may start
    each run in a fresh folder, and a warehouse in it would be lost with it.
    """
    settings = load_settings(**_credential_in(credential_block))
    _require_durable_folder(settings)
    return settings


def _require_durable_folder(settings: Settings) -> None:
    """Raise `ConfigurationError` if the data folder of a deployed run would not be there for the next run."""
    if prefect.runtime.deployment.id and not settings.data_dir.is_absolute():
        message = (
            f"OOO_DATA_DIR is {settings.data_dir}, expected an absolute path: a worker can start each run in"
            " a fresh folder. Set it in the worker's environment, such as OOO_DATA_DIR=/var/lib/ooo"
        )
        raise ConfigurationError(message)


def read_block(name: str) -> Any:
    """Return the value of the Secret block. Raise `ConfigurationError` if no block has that name."""
    try:
        return cast("Secret[Any]", Secret.load(name)).get()
    except ValueError as error:
        message = f"no Secret block {name!r}; create it on Prefect's page under Blocks, of type Secret"
        raise ConfigurationError(message) from error


def _credential_in(name: str | None) -> dict[str, Any]:
    """Return the settings for a block's value: an API key, or `{"client_id": …, "secret_key": …}`.

    An access token is sent in the same header as an API key. All credentials of the environment are unset. An empty
    name, which Prefect's page sends for a field that was cleared, means no block.
    """
    if not name or name.isspace():
        return {}
    value = read_block(name)
    if isinstance(value, str):
        return NO_CREDENTIAL | {"CALCOM_API_KEY": value}
    if isinstance(value, dict) and value.keys() == {"client_id", "secret_key"}:
        return NO_CREDENTIAL | {
            "CALCOM_CLIENT_ID": value["client_id"],
            "CALCOM_SECRET_KEY": value["secret_key"],
        }
    message = (
        f"the Secret block {name!r} holds a {type(value).__name__}; expected an API key or access token as"
        ' text, or {"client_id": "…", "secret_key": "…"} of a platform client'
    )
    raise ConfigurationError(message)
