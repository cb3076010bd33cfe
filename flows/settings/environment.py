"""Where settings come from: the environment, `.env`, and the names that settings had before."""

import logging
import os
from typing import Any

from dotenv import dotenv_values
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource

from flows.settings.errors import ConfigurationError

RENAMED = {"OOO_CONCURRENCY": "OOO_MAX_CONCURRENCY"}
"""Settings by the name they had; the old name is still read where the new one is not set."""

_log = logging.getLogger("ooo.settings")


class FormerNames(PydanticBaseSettingsSource):
    """Reads the names that settings had before, from the environment and then from `.env`, and says so."""

    def __init__(self, settings_cls: type[BaseSettings], *sources: EnvSettingsSource) -> None:
        """`sources` are those that are asked for the former names, the first that knows one first."""
        super().__init__(settings_cls)
        self._sources = sources

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """No field is read one by one."""
        del field, field_name
        return None, "", False

    def __call__(self) -> dict[str, Any]:
        """The values under their present names."""
        found: dict[str, Any] = {}
        for source in self._sources:
            for old, new in RENAMED.items():
                value = source.env_vars.get(old.lower())
                if value and new not in found:
                    found[new] = value
                    _log.warning("%s is now called %s; the old name still works, for now", old, new)
        return found


def share_storage_variables(env_file: Any) -> None:
    """Variables of object storage in `.env` are in the environment, where its libraries look for them."""
    for name, value in dotenv_values(env_file).items() if env_file else ():
        if name.startswith(("AWS_", "AZURE_", "GOOGLE_")) and value:
            os.environ.setdefault(name, value)


def read_secret_variable(name: str) -> SecretStr:
    """What the environment or `.env` has under `name`. `ConfigurationError` if neither has it."""
    value = os.environ.get(name) or dotenv_values(".env", encoding="utf-8").get(name)
    if not value:
        message = f"{name} is not set; set it in the environment or in .env, or correct the name"
        raise ConfigurationError(message)
    return SecretStr(value)
