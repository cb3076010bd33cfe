"""Settings: the environment (and a `.env` file), read here and nowhere else."""

import importlib.util
import logging
import os
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self
from urllib.request import getproxies

import httpx
from dotenv import dotenv_values
from pydantic import AfterValidator, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from calcom.client import MAX_ENTRIES_TAKE
from calcom.credentials import AccessToken, ApiKey, Credential, PlatformClient
from calcom.requester import Connection
from flows.errors import ConfigurationError
from flows.modes import Share
from warehouse.generation import Layout
from warehouse.objects import SCHEMES
from warehouse.publish import PublicationPolicy
from warehouse.snapshot import Guards

MAX_PORT = 65_535
MIN_KEY_LENGTH = 32


class Notes(StrEnum):
    """What becomes of the entries' notes, which can be health data."""

    CORE = "core"
    """Kept in the warehouse, never published."""
    PUBLISH = "publish"
    """Kept and published."""
    DROP = "drop"
    """Never stored, not even in the landing."""


def _api_url(value: str) -> str:
    url = value.strip().rstrip("/").removesuffix("/v2").rstrip("/")
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL()
    is_known = parsed.scheme in ("https", "http") and parsed.host and (parsed.port or 1) <= MAX_PORT
    if not is_known or parsed.userinfo:
        message = "expected a URL such as https://api.cal.com"
        raise ValueError(message)
    return url


def _data_dir(value: Path) -> Path:
    folder = value.expanduser()
    if found := sorted(set(str(folder)) & set("*?[]\\")):
        message = f"expected a path without {' '.join(found)}, which DuckDB and Polars take for patterns"
        raise ValueError(message)
    return folder


RENAMED = {"OOO_CONCURRENCY": "OOO_MAX_CONCURRENCY"}
"""Settings by the name they had; the old name is still read where the new one is not set."""

_log = logging.getLogger("ooo.settings")


class _FormerNames(PydanticBaseSettingsSource):
    """Reads the names that settings had before, from the environment and then from `.env`, and says so."""

    def __init__(self, settings_cls: type[BaseSettings], *sources: EnvSettingsSource) -> None:
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


def _publish_url(value: str) -> str:
    url = value.strip().rstrip("/")
    scheme, _, rest = url.partition("://")
    if scheme not in SCHEMES or not rest or set(rest) & set("@?#*[]"):
        message = (
            "expected a URL such as s3://bucket/prefix, gs://…, az://… or file:///…, without credentials:"
            " those come from variables such as AWS_ACCESS_KEY_ID"
        )
        raise ValueError(message)
    return url


def _delta(value: bool) -> bool:  # noqa: FBT001 - a setting's validator
    if value and importlib.util.find_spec("deltalake") is None:
        message = "Delta Lake is not installed; install calcom-ooo-warehouse[delta], or unset it"
        raise ValueError(message)
    return value


class Settings(BaseSettings):
    """Everything that can be set, by the name of its variable."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
    )

    api_url: Annotated[str, AfterValidator(_api_url)] = Field(
        "https://api.cal.com",
        alias="CALCOM_API_URL",
        description="Cal.com's API; https://api.cal.eu for EU accounts, or a self-hosted one",
    )
    organization_id: int | None = Field(
        None, alias="CALCOM_ORG_ID", ge=1, le=2**31 - 1, description="found through /v2/me if not set"
    )
    api_key: SecretStr | None = Field(None, alias="CALCOM_API_KEY", description="an API key, cal_…")
    access_token: SecretStr | None = Field(
        None, alias="CALCOM_ACCESS_TOKEN", description="an OAuth access token"
    )
    client_id: str | None = Field(
        None, alias="CALCOM_CLIENT_ID", description="a platform client's id, with its secret key"
    )
    secret_key: SecretStr | None = Field(
        None, alias="CALCOM_SECRET_KEY", description="a platform client's secret key"
    )
    data_dir: Annotated[Path, AfterValidator(_data_dir)] = Field(
        Path("data"), alias="OOO_DATA_DIR", description="where all files go"
    )
    notes: Notes = Field(
        Notes.CORE, alias="OOO_NOTES", description="core (kept, not published), publish or drop"
    )
    pseudonymises: bool = Field(
        False,  # noqa: FBT003 - the setting's default
        alias="OOO_PSEUDONYMISE",
        description="true: a pseudonym stands for each person in what is published, with no name or address",
    )
    pseudonym_key: SecretStr | None = Field(
        None,
        alias="OOO_PSEUDONYM_KEY",
        min_length=MIN_KEY_LENGTH,
        description="the secret that pseudonyms are made with, at least 32 characters; keep it",
    )
    min_group_size: int = Field(
        1,
        alias="OOO_MIN_GROUP_SIZE",
        ge=1,
        description="named queries and their exports suppress groups with fewer people; 1 suppresses none",
    )
    share: Share = Field(
        Share.OWNER,
        alias="OOO_SHARE",
        description="owner, or group: who may read what is published; the rest is the owner's alone",
    )
    reads_teams: bool = Field(
        default=False,
        alias="OOO_TEAMS",
        description="true reads teams and their members too, for one request, and one more a team",
    )
    publishes_bradford: bool = Field(
        default=False,
        alias="OOO_BRADFORD",
        description="true publishes the macro `bradford_factor`, a score of each person's sick leave; without"
        " it the macro is not there at all. Ask your works council and your lawyers first",
    )
    page_size: Annotated[int, AfterValidator(lambda rows: max(rows, 2))] = Field(
        MAX_ENTRIES_TAKE,
        alias="OOO_PAGE_SIZE",
        ge=1,
        le=MAX_ENTRIES_TAKE,
        description="rows a request; 1 is read as 2, because pages overlap by a row",
    )
    max_concurrency: int = Field(
        4, alias="OOO_MAX_CONCURRENCY", ge=1, le=64, description="requests under way at once, at most"
    )
    max_attempts: int = Field(
        5, alias="OOO_MAX_ATTEMPTS", ge=1, le=20, description="tries of one request, at most"
    )
    read_timeout_seconds: float = Field(
        40.0,
        alias="OOO_READ_TIMEOUT_SECONDS",
        gt=0,
        le=3600,
        description="how long an answer may take; Cal.com's slowest 500 takes 33 s",
    )
    exchange_url: str | None = Field(
        None,
        alias="OOO_EXCHANGE_URL",
        pattern=r"^(s3|gs|az|file)://.+",
        description="where a fleet's machines leave what they read for the loader: s3://bucket/prefix, gs://,"
        " az:// or file:///shared/folder; if not set, exchange/ under OOO_DATA_DIR",
    )
    fleet_concurrency: int = Field(
        4,
        alias="OOO_FLEET_CONCURRENCY",
        ge=1,
        le=64,
        description="organizations that `ooo fleet sync` reads at once",
    )
    dask_address: str | None = Field(
        None,
        alias="OOO_DASK_ADDRESS",
        description="the Dask scheduler for flows/fleet_dask.py, tcp://host:8786; if not set, a cluster of"
        " this machine's own",
    )
    retry_seconds: float = Field(
        60.0,
        alias="OOO_RETRY_SECONDS",
        ge=0,
        le=86_400,
        description="in Prefect, how long after Cal.com was unavailable a task tries again, at first;"
        " then 4 and 16 times as long",
    )
    resume_hours: float = Field(
        6.0,
        alias="OOO_RESUME_HOURS",
        ge=0,
        le=8760,
        description="how old a killed run may be and still resume",
    )
    keep_landings: int = Field(3, alias="OOO_KEEP_LANDINGS", ge=1, description="runs kept as landed")
    keep_generations: int = Field(
        5, alias="OOO_KEEP_GENERATIONS", ge=1, description="publications kept under exports/generations"
    )
    layout: Layout = Field(
        Layout.FLAT,
        alias="OOO_LAYOUT",
        description="flat (one Parquet file a table) or partitioned (tables of days by year and month, too)",
    )
    publish_url: Annotated[str, AfterValidator(_publish_url)] | None = Field(
        None,
        alias="OOO_PUBLISH_URL",
        description="where to publish in object storage too: s3://bucket/prefix, gs://…, az://… or file:///…;"
        " credentials as for the clouds' own tools (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, …)",
    )
    has_delta: Annotated[bool, AfterValidator(_delta)] = Field(
        False,  # noqa: FBT003 - the default
        alias="OOO_DELTA",
        description="true to publish Delta Lake tables too; needs the extra `delta`",
    )
    max_deleted_share: float = Field(
        0.20, alias="OOO_MAX_DELETED_SHARE", ge=0, le=1, description="of the live entries, in one run"
    )
    max_deleted_rows: int = Field(
        50, alias="OOO_MAX_DELETED_ROWS", ge=0, description="fewer are never a mass delete"
    )
    max_quarantined_share: float = Field(
        0.05, alias="OOO_MAX_QUARANTINED_SHARE", ge=0, le=1, description="of the entries read, in one run"
    )
    max_quarantined_rows: int = Field(
        50, alias="OOO_MAX_QUARANTINED_ROWS", ge=0, description="fewer never stop a run"
    )
    calendars: Path | None = Field(
        None,
        alias="OOO_CALENDARS",
        description="a TOML file of work calendars, see docs/calendars.md;"
        " if not set, everyone works from Monday to Friday",
    )
    memory_limit: str | None = Field(
        None,
        alias="OOO_MEMORY_LIMIT",
        pattern=r"^\d+(\.\d+)? ?[KMGT]i?B$",
        description="DuckDB's memory, such as 2GB, beyond which it spills to disk;"
        " if not set, 200 MB and as much again for every further million entries",
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
        """What is given, the environment, `.env`, and last the names that settings had before."""
        del file_secret_settings
        by_name = [one for one in (env_settings, dotenv_settings) if isinstance(one, EnvSettingsSource)]
        return init_settings, env_settings, dotenv_settings, _FormerNames(settings_cls, *by_name)

    @model_validator(mode="after")
    def _check_pseudonyms(self) -> Self:
        if self.pseudonymises and self.pseudonym_key is None:
            message = (
                "OOO_PSEUDONYMISE is true, but OOO_PSEUDONYM_KEY is not set; expected a secret of at least"
                f" {MIN_KEY_LENGTH} characters, such as `openssl rand -hex 32` gives"
            )
            raise ValueError(message)
        if self.pseudonymises and self.notes is Notes.PUBLISH:
            message = (
                "OOO_PSEUDONYMISE is true, but OOO_NOTES is publish: notes name people; expected core or drop"
            )
            raise ValueError(message)
        return self

    @property
    def resume_within(self) -> timedelta:
        """How old a landing may be and still be resumed."""
        return timedelta(hours=self.resume_hours)

    @property
    def keeps_notes(self) -> bool:
        """True if notes are stored anywhere at all."""
        return self.notes is not Notes.DROP

    def publication(self) -> PublicationPolicy:
        """How to publish."""
        return PublicationPolicy(
            layout=self.layout,
            keep_generations=self.keep_generations,
            has_delta=self.has_delta,
            url=self.publish_url,
            notes=self.notes.value,
        )

    def guards(self, *, allows_mass_delete: bool) -> Guards:
        """The guards that a load has to pass."""
        return Guards(
            max_deleted_share=self.max_deleted_share,
            max_deleted_rows=self.max_deleted_rows,
            allows_mass_delete=allows_mass_delete,
            max_quarantined_share=self.max_quarantined_share,
            max_quarantined_rows=self.max_quarantined_rows,
        )

    def credential(self) -> Credential:
        """The one credential. Raises `ConfigurationError` if there is none, half of one, or several."""
        kinds: list[Credential] = []
        if self.api_key:
            kinds.append(ApiKey(self.api_key))
        if self.access_token:
            kinds.append(AccessToken(self.access_token))
        if self.client_id and self.secret_key:
            kinds.append(PlatformClient(self.client_id, self.secret_key))
        elif self.client_id or self.secret_key:
            given, missing = (
                ("CALCOM_CLIENT_ID", "CALCOM_SECRET_KEY")
                if self.client_id
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

    def connection(self) -> Connection:
        """How to reach Cal.com with these settings."""
        return Connection(
            base_url=self.api_url,
            credential=self.credential(),
            max_attempts=self.max_attempts,
            read_timeout_seconds=self.read_timeout_seconds,
            max_connections=self.max_concurrency,
            is_proxied=bool(getproxies().keys() - {"no"}),
        )


def load_settings(**overrides: Any) -> Settings:
    """The settings of this process. Raises `ConfigurationError` naming every variable that is wrong."""
    try:
        _share_storage_variables(overrides.get("_env_file", Settings.model_config.get("env_file")))
        return Settings(**overrides)
    except (UnicodeDecodeError, OSError) as error:
        message = f"can't read .env: expected UTF-8 text, found {type(error).__name__}: {error}"
        raise ConfigurationError(message) from None
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, one['loc'])) or 'settings'}: {one['msg']}"
            + ("" if _is_secret(one) else f", found {one['input']!r}")
            for one in error.errors(include_url=False)
        ]
        message = "; ".join(problems) + ". Correct it in the environment or in .env"
        raise ConfigurationError(message) from None


def _share_storage_variables(env_file: Any) -> None:
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


def _is_secret(problem: Any) -> bool:
    return bool(
        not problem["loc"]
        or set("@?") & set(str(problem["input"]))  # a URL with a password, or with a token in its query
        or any(word in str(problem["loc"]).upper() for word in ("KEY", "TOKEN", "SECRET"))
    )
