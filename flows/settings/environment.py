"""Read the variables of this process: from the environment, from `.env`, and under former names of settings."""

import logging
import os
from typing import Any, TypeVar
from urllib.request import getproxies

from dotenv import dotenv_values
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from flows.settings.errors import ConfigurationError

RENAMED = {"OOO_CONCURRENCY": "OOO_MAX_CONCURRENCY"}
"""The present name of each renamed setting, by its former name, which is read if the present name is not set."""

NO_CREDENTIAL: dict[str, Any] = dict.fromkeys(
    ("CALCOM_API_KEY", "CALCOM_ACCESS_TOKEN", "CALCOM_CLIENT_ID", "CALCOM_SECRET_KEY")
)
"""Unsets the variable of every credential, for settings that have a credential of their own."""

_STORAGE_PREFIXES = ("AWS_", "AZURE_", "GOOGLE_")
_SECRET_WORDS = ("KEY", "TOKEN", "SECRET")

_log = logging.getLogger("ooo.settings")


class EnvironmentSettings(BaseSettings):
    """The base class of settings: the environment first, then `.env`, then the former names in both."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources of values, in descending order of precedence."""
        del file_secret_settings
        sources = [
            source for source in (env_settings, dotenv_settings) if isinstance(source, EnvSettingsSource)
        ]
        return init_settings, env_settings, dotenv_settings, FormerNames(settings_cls, *sources)


SettingsType = TypeVar("SettingsType", bound=EnvironmentSettings)


class FormerNames(PydanticBaseSettingsSource):
    """Reads settings under their former names and logs a warning for each that it finds."""

    def __init__(self, settings_cls: type[BaseSettings], *sources: EnvSettingsSource) -> None:
        """Read from `sources`, of which an earlier one takes precedence."""
        super().__init__(settings_cls)
        self._sources = sources

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return no value: `__call__` reads all fields at once."""
        del field, field_name
        return None, "", False

    def __call__(self) -> dict[str, Any]:
        """Return the values by the present names of their settings."""
        values: dict[str, Any] = {}
        for source in self._sources:
            for former, present in RENAMED.items():
                value = source.env_vars.get(former.lower())
                if value and present not in values:
                    values[present] = value
                    _log.warning(
                        "%s is now called %s; rename it, the former name still works", former, present
                    )
        return values


def load(settings_type: type[SettingsType], **overrides: Any) -> SettingsType:
    """Return the settings of this process, with `overrides` by variable name.

    Variables of object storage in `.env` are added to the environment, where the storage libraries read them.
    Raises `ConfigurationError` with every variable that is wrong, without the value of a secret.
    """
    try:
        _export_storage_variables(overrides.get("_env_file", settings_type.model_config.get("env_file")))
        return settings_type(**overrides)
    except (UnicodeDecodeError, OSError) as error:
        message = f"can't read .env: expected UTF-8 text, found {type(error).__name__}: {error}"
        raise ConfigurationError(message) from None
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, problem['loc'])) or 'settings'}: {problem['msg']}"
            + ("" if _is_secret(problem) else f", found {problem['input']!r}")
            for problem in error.errors(include_url=False)
        ]
        message = "; ".join(problems) + ". Correct it in the environment or in .env"
        raise ConfigurationError(message) from None


def read_secret_variable(name: str) -> SecretStr:
    """Return the value of a variable of the environment or of `.env`. Raise `ConfigurationError` without one."""
    value = os.environ.get(name) or dotenv_values(".env", encoding="utf-8").get(name)
    if not value:
        message = f"{name} is not set; set it in the environment or in .env, or correct the name"
        raise ConfigurationError(message)
    return SecretStr(value)


def has_proxy() -> bool:
    """Return True if the environment names a proxy for HTTP requests."""
    return bool(getproxies().keys() - {"no"})


def _export_storage_variables(env_file: Any) -> None:
    for name, value in dotenv_values(env_file).items() if env_file else ():
        if name.startswith(_STORAGE_PREFIXES) and value:
            os.environ.setdefault(name, value)


def _is_secret(problem: Any) -> bool:
    return bool(
        not problem["loc"]
        or set("@?") & set(str(problem["input"]))  # a URL with a password, or with a token in its query
        or any(word in str(problem["loc"]).upper() for word in _SECRET_WORDS)
    )
