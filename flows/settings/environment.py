"""Read the variables of this process: from the environment, from `.env`, and under former names of settings."""

import importlib.util
import logging
import os
import re
import stat
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

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

SECOND_SPELLINGS = {"OOO_PSEUDONYMIZE": "OOO_PSEUDONYMISE"}
"""The setting of each second spelling of a name. Both spellings work; different values of both are an error."""

PREFIXES = ("OOO_", "CALCOM_")
"""Variables with these prefixes belong to this program: an unknown one is an error."""

OTHER_VARIABLES = "OOO_OTHER_VARIABLES"
"""The setting that lists further variables with the prefixes, which belong to the user's own programs."""

FLEET_CREDENTIALS = ("CALCOM_API_KEY_", "CALCOM_ACCESS_TOKEN_", "CALCOM_SECRET_KEY_")
"""The beginnings of names such as CALCOM_API_KEY_ACME, the credentials of a fleet. They are always accepted, so that
each machine of a fleet can have the credentials of all organizations."""

_READ_ELSEWHERE = ("OOO_GIT_REPOSITORY", "OOO_GIT_BRANCH", "OOO_DATABASE")
"""Variables that prefect.yaml and the starters in examples/ name."""

_READ_BY_TESTS = ("OOO_TEST_", "OOO_HYPOTHESIS_")
"""The prefixes of variables that the project's tests read."""

_accepted_variables: set[str] = set()
"""Variables that a file of organizations refers to, in capital letters."""

NO_CREDENTIAL: dict[str, Any] = dict.fromkeys(
    ("CALCOM_API_KEY", "CALCOM_ACCESS_TOKEN", "CALCOM_CLIENT_ID", "CALCOM_SECRET_KEY")
)
"""Unsets the variable of every credential, for settings that have a credential of their own."""

_ENV_FILE_ENCODING = "utf-8-sig"
"""UTF-8; a byte order mark at the start of the file is not a part of the first name."""

_STORAGE_PREFIXES = ("AWS_", "AZURE_", "GOOGLE_")
_SECRET_WORDS = ("KEY", "TOKEN", "SECRET")

_log = logging.getLogger("ooo.settings")


class EnvironmentSettings(BaseSettings):
    """The base class of settings: the environment first, then `.env`, then the former names in both."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding=_ENV_FILE_ENCODING,
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
        """Read from `sources`. An earlier source takes precedence."""
        super().__init__(settings_cls)
        self._sources = sources

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return no value: `__call__` reads all fields together."""
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
            for spelling, present in SECOND_SPELLINGS.items():
                if value := source.env_vars.get(spelling.lower()):
                    values.setdefault(present, value)
        return values


def load(settings_type: type[SettingsType], **overrides: Any) -> SettingsType:
    """Return the settings of this process, with `overrides` by variable name.

    Variables of object storage in `.env` are added to the environment, where the storage libraries read them.
    Raises `ConfigurationError` with every variable that is wrong or unknown, without the value of a secret.
    """
    env_file = overrides.get("_env_file", settings_type.model_config.get("env_file"))
    for spelling, present in SECOND_SPELLINGS.items():
        if spelling in overrides:
            overrides.setdefault(present, overrides.pop(spelling))
    try:
        variables = _read_env_file(env_file)
        known = [str(field.alias) for field in settings_type.model_fields.values()]
        _raise_if_unknown((*variables, *os.environ, *overrides), known, _other_variables(variables))
        _raise_if_spelled_differently(variables, overrides)
        _export_storage_variables(variables)
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
    accept_variables([name])
    value = os.environ.get(name) or _read_env_file(".env").get(name)
    if not value:
        message = f"{name} is not set; set it in the environment or in .env, or correct the name"
        raise ConfigurationError(message)
    return SecretStr(value)


def accept_variables(names: Iterable[str]) -> None:
    """Accept variables that a file of organizations refers to as `env:NAME`, for all later settings."""
    _accepted_variables.update(name.upper() for name in names)


def _read_env_file(env_file: Any) -> Mapping[str, str | None]:
    return dotenv_values(env_file, encoding=_ENV_FILE_ENCODING) if env_file else {}


def _other_variables(variables: Mapping[str, str | None]) -> set[str]:
    """Return the names that OOO_OTHER_VARIABLES lists, in capital letters."""
    names = os.environ.get(OTHER_VARIABLES) or variables.get(OTHER_VARIABLES) or ""
    return {name.strip().upper() for name in names.split(",")}


def _raise_if_unknown(names: Iterable[str], settings: Iterable[str], others: set[str]) -> None:
    """Raise `ConfigurationError` with each of `names` that has a prefix of this program and is not known."""
    known = {*settings, *RENAMED, *SECOND_SPELLINGS}
    accepted = {*known, *_READ_ELSEWHERE, *_accepted_variables, *others}
    unknown = {
        name: name.upper()
        for name in dict.fromkeys(names)
        if name.upper().startswith(PREFIXES)
        and name.upper() not in accepted
        and not name.upper().startswith((*_READ_BY_TESTS, *FLEET_CREDENTIALS))
    }
    if unknown:
        problems = []
        for name, capitals in unknown.items():
            nearest = get_close_matches(capitals, sorted(known), n=1, cutoff=0.6)
            hint = "".join(f"; did you mean {SECOND_SPELLINGS.get(near, near)}?" for near in nearest)
            problems.append(f"unknown setting {name}{hint or '.'}")
        message = (
            f"{' '.join(problems)} Correct it in the environment or in .env; if it belongs to another program,"
            f" list its name in {OTHER_VARIABLES}"
        )
        raise ConfigurationError(message)


def _raise_if_spelled_differently(variables: Mapping[str, str | None], overrides: Mapping[str, Any]) -> None:
    """Raise `ConfigurationError` if both spellings of a setting are set, with different values."""
    merged = {name.upper(): value for name, value in (*variables.items(), *os.environ.items()) if value}
    for spelling, present in SECOND_SPELLINGS.items():
        values = [merged[name].strip().lower() for name in (spelling, present) if name in merged]
        if present not in overrides and len(set(values)) > 1:
            message = (
                f"{present} and {spelling} are the same setting, but have different values; expected one of them."
                " Remove one from the environment or from .env"
            )
            raise ConfigurationError(message)


def find_exposed_env_file(env_file: str = ".env") -> str | None:
    """Return a warning if other users can read or change the `.env` file, else None."""
    try:
        facts = Path(env_file).stat()
    except OSError:
        return None
    can = [word for word, bits in (("read", 0o044), ("change", 0o022)) if facts.st_mode & bits]
    if can and stat.S_ISREG(facts.st_mode):
        path = Path(env_file).absolute()
        return f"other users can {' and '.join(can)} {path}, which can hold credentials; run `chmod 600 {env_file}`"
    return None


def read_opentelemetry() -> dict[str, str]:
    """Return the standard variables of OpenTelemetry (OTEL_…) that the environment has."""
    return {name: value for name, value in os.environ.items() if name.startswith("OTEL_") and value.strip()}


def has_opentelemetry_exporter() -> bool:
    """Return True if the environment names an exporter of OpenTelemetry, and its SDK is installed."""
    variables = read_opentelemetry()
    if variables.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return False
    exporters = r"OTEL_(EXPORTER_OTLP_.*ENDPOINT|(TRACES|METRICS)_EXPORTER)"
    return any(re.fullmatch(exporters, name) for name in variables) and (
        importlib.util.find_spec("opentelemetry") is not None
        and importlib.util.find_spec("opentelemetry.sdk") is not None
    )


def _export_storage_variables(variables: Mapping[str, str | None]) -> None:
    for name, value in variables.items():
        if name.startswith(_STORAGE_PREFIXES) and value:
            os.environ.setdefault(name, value)


def _is_secret(problem: Any) -> bool:
    return bool(
        not problem["loc"]
        or set("@?#") & set(str(problem["input"]))  # a URL with a password, or with a token in its query
        or any(word in str(problem["loc"]).upper() for word in _SECRET_WORDS)
    )
