"""The settings: each with its variable, its default, its bounds and its meaning."""

from datetime import timedelta
from pathlib import Path
from typing import Self
from urllib.request import getproxies

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from calcom.client import MAX_ENTRIES_TAKE
from calcom.credentials import Credential
from calcom.requester import Connection
from flows.settings.credentials import choose_credential
from flows.settings.permissions import FilePermissions
from flows.settings.sources import FormerNames
from flows.settings.values import ApiUrl, DataDir, Delta, Notes, PageSize, PublishUrl
from warehouse.load.snapshot import Guards
from warehouse.publish.generation import Layout
from warehouse.publish.publication import PublicationPolicy

MIN_KEY_LENGTH = 32


class Settings(BaseSettings):
    """Everything that can be set, by the name of its variable."""

    model_config = SettingsConfigDict(
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
    )

    api_url: ApiUrl = Field(
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
    data_dir: DataDir = Field(Path("data"), alias="OOO_DATA_DIR", description="where all files go")
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
    file_permissions: FilePermissions = Field(
        FilePermissions.OWNER,
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
    page_size: PageSize = Field(
        MAX_ENTRIES_TAKE,
        alias="OOO_PAGE_SIZE",
        ge=1,
        le=MAX_ENTRIES_TAKE,
        description="rows a request; 1 is read as 2, because pages overlap by a row",
    )
    max_concurrency: int = Field(
        8, alias="OOO_MAX_CONCURRENCY", ge=1, le=64, description="requests under way at once, at most"
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
    publish_url: PublishUrl | None = Field(
        None,
        alias="OOO_PUBLISH_URL",
        description="where to publish in object storage too: s3://bucket/prefix, gs://…, az://… or file:///…;"
        " credentials as for the clouds' own tools (AWS_ACCESS_KEY_ID, AWS_ENDPOINT_URL, …)",
    )
    has_delta: Delta = Field(
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
        " if not set, 180 MB and as much again for every further million entries",
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
        return init_settings, env_settings, dotenv_settings, FormerNames(settings_cls, *by_name)

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
        return choose_credential(
            api_key=self.api_key,
            access_token=self.access_token,
            client_id=self.client_id,
            secret_key=self.secret_key,
        )

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
