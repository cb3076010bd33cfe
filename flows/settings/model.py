"""The settings: the variable, the default, the bounds and the meaning of each.

A default that belongs to a class of another package is declared there and taken from there.
"""

import logging
from pathlib import Path
from typing import Any, Self

from pydantic import Field, SecretStr, model_validator

from calcom.client import MAX_ENTRIES_TAKE
from calcom.connection import Connection
from calcom.credentials import Credential
from calcom.strategy import MAX_AUTO_TEAMS
from flows.settings.environment import EnvironmentSettings, load
from flows.settings.proxies import correct_no_proxy, has_proxy
from flows.settings.values import (
    ApiUrl,
    DataDir,
    Delta,
    FilePermissions,
    LogFormat,
    Notes,
    PageSize,
    PublishUrl,
    ReadsTeams,
    ReportUrl,
    Teams,
    choose_credential,
    is_exposed,
)
from warehouse.load.guards import Guards
from warehouse.publish.feeds import FeedDetail, FeedPolicy
from warehouse.publish.generation import Layout
from warehouse.publish.publication import PublicationPolicy

MIN_KEY_LENGTH = 32

_log = logging.getLogger("ooo.settings")


class Settings(EnvironmentSettings):
    """All settings. The alias of a field is the name of its variable."""

    api_url: ApiUrl = Field(
        "https://api.cal.com",
        alias="CALCOM_API_URL",
        description="The URL of Cal.com's API. Accounts in the EU use https://api.cal.eu, and a self-hosted"
        " Cal.com has a URL of its own.",
    )
    organization_id: int | None = Field(
        None,
        alias="CALCOM_ORG_ID",
        ge=1,
        le=2**31 - 1,
        description="The id of the organization to read. If it is not set, the organization of the"
        " credential's owner is found through /v2/me.",
    )
    api_key: SecretStr | None = Field(
        None,
        alias="CALCOM_API_KEY",
        description="The API key (cal_…) of an admin or owner of the organization. If it is not set, one of the"
        " other credentials has to be.",
    )
    access_token: SecretStr | None = Field(
        None,
        alias="CALCOM_ACCESS_TOKEN",
        description="The OAuth access token of an admin or owner of the organization. If it is not set, one of"
        " the other credentials has to be.",
    )
    client_id: str | None = Field(
        None,
        alias="CALCOM_CLIENT_ID",
        description="The id of a platform OAuth client, which also needs CALCOM_SECRET_KEY. If it is not set, one"
        " of the other credentials has to be.",
    )
    secret_key: SecretStr | None = Field(
        None,
        alias="CALCOM_SECRET_KEY",
        description="The secret key of the platform OAuth client in CALCOM_CLIENT_ID. If it is not set, one of the"
        " other credentials has to be.",
    )
    allows_http: bool = Field(
        default=False,
        alias="OOO_ALLOW_HTTP",
        description="Set it to true to send the credential without encryption, to a CALCOM_API_URL that begins with"
        " http:// and is not on this machine. Each computer between the two can read the credential then.",
    )
    data_dir: DataDir = Field(
        Path("data"),
        alias="OOO_DATA_DIR",
        description="The folder of the warehouse, the landings and the published files. A deployment of Prefect"
        " needs an absolute path.",
    )
    notes: Notes = Field(
        Notes(PublicationPolicy.notes),
        alias="OOO_NOTES",
        description="The treatment of the entries' notes, which can be health data. With core they are stored but"
        " not published, with publish they are stored and published, and with drop they are never stored.",
    )
    pseudonymises: bool = Field(
        default=False,
        alias="OOO_PSEUDONYMISE",
        description="Set it to true to publish a pseudonym in place of each person's id, and no name or e-mail"
        " address. This needs OOO_PSEUDONYM_KEY.",
    )
    pseudonym_key: SecretStr | None = Field(
        None,
        alias="OOO_PSEUDONYM_KEY",
        min_length=MIN_KEY_LENGTH,
        description=f"The secret from which pseudonyms are computed, at least {MIN_KEY_LENGTH} characters long."
        " Keep it: another secret gives other pseudonyms. If it is not set, OOO_PSEUDONYMISE cannot be true.",
    )
    min_group_size: int = Field(
        1,
        alias="OOO_MIN_GROUP_SIZE",
        ge=1,
        description="The smallest number of people in a group that named queries and their exports show. The"
        " figures of smaller groups are suppressed; 1 suppresses none.",
    )
    file_permissions: FilePermissions = Field(
        FilePermissions.OWNER,
        alias="OOO_SHARE",
        description="The readers of the published files: owner is the user that runs the program, and group is"
        " also that user's group. All other files are always readable by the owner alone.",
    )
    teams: ReadsTeams = Field(
        Teams.AUTO,
        alias="OOO_TEAMS",
        description=f"Reads teams and their members. With auto they are read if the organization has at most"
        f" {MAX_AUTO_TEAMS} teams, and a failure to read them does not make the run partial. With true they are"
        " always read, and with false never. They cost one request for the list, one per team, and two checks.",
    )
    publishes_bradford: bool = Field(
        default=False,
        alias="OOO_BRADFORD",
        description="Set it to true to publish the macros `bradford_factor` and `rolling_bradford_factor`, a score"
        " of each person's sick leave; otherwise they do not exist. Consult your works council and your lawyers first.",
    )
    calendar_feeds: FeedDetail = Field(
        FeedPolicy.detail,
        alias="OOO_CALENDAR_FEEDS",
        description="The calendar feeds in exports/calendars/, to which calendar programs subscribe. With away, an"
        " event has the name of the absent person; with reasons, it also has the reason; with off, there are no"
        " feeds. With OOO_PSEUDONYMISE there are none. A team smaller than OOO_MIN_GROUP_SIZE has none.",
    )
    page_size: PageSize = Field(
        MAX_ENTRIES_TAKE,
        alias="OOO_PAGE_SIZE",
        ge=1,
        le=MAX_ENTRIES_TAKE,
        description=f"The number of rows per request, from 1 to {MAX_ENTRIES_TAKE}. The value 1 is raised to 2,"
        " because consecutive pages overlap by one row.",
    )
    max_concurrency: int = Field(
        Connection.max_connections,
        alias="OOO_MAX_CONCURRENCY",
        ge=1,
        le=64,
        description="The largest number of requests in progress at the same time, from 1 to 64.",
    )
    max_attempts: int = Field(
        Connection.max_attempts,
        alias="OOO_MAX_ATTEMPTS",
        ge=1,
        le=20,
        description="The largest number of attempts per request, from 1 to 20, the first one included.",
    )
    read_timeout_seconds: float = Field(
        Connection.read_timeout_seconds,
        alias="OOO_READ_TIMEOUT_SECONDS",
        gt=0,
        le=3600,
        description="The longest time to wait for a response, in seconds, at most 3600."
        " Cal.com's slowest responses of status 500 take 33 seconds.",
    )
    max_response_mb: int = Field(
        Connection.max_response_mb,
        alias="OOO_MAX_RESPONSE_MB",
        ge=1,
        le=1024,
        description="The largest response that is read, in megabytes, from 1 to 1024, compressed and decompressed."
        " A larger response fails without another attempt.",
    )
    max_wait_seconds: float = Field(
        Connection.max_wait_seconds,
        alias="OOO_MAX_WAIT_SECONDS",
        gt=0,
        le=86_400,
        description="The longest pause for one reset of the rate limit, in seconds, at most 86400. If Cal.com"
        " requires a longer pause, the request fails with exit code 12, and the pages that were read are kept.",
    )
    exchange_url: str | None = Field(
        None,
        alias="OOO_EXCHANGE_URL",
        pattern=r"^(s3|gs|az|file)://.+",
        description="The URL of the hand-off store, in which the machines of a fleet leave their landings for the"
        " loader: s3://bucket/prefix, gs://…, az://… or file:///shared/folder. If it is not set, the store is"
        " the folder exchange/ under OOO_DATA_DIR.",
    )
    fleet_concurrency: int = Field(
        4,
        alias="OOO_FLEET_CONCURRENCY",
        ge=1,
        le=64,
        description="The number of organizations that `ooo fleet sync` reads at the same time, from 1 to 64.",
    )
    dask_address: str | None = Field(
        None,
        alias="OOO_DASK_ADDRESS",
        description="The address of the Dask scheduler for flows/sync_fleet_on_dask.py, such as tcp://host:8786."
        " If it is not set, the flow starts a cluster on its own machine.",
    )
    retry_seconds: float = Field(
        60.0,
        alias="OOO_RETRY_SECONDS",
        ge=0,
        le=86_400,
        description="The number of seconds that a Prefect task waits before its first retry, from 0 to 86400, if"
        " Cal.com was unavailable. The second and third retries wait 4 and 16 times as long.",
    )
    resume_hours: float = Field(
        6.0,
        alias="OOO_RESUME_HOURS",
        ge=0,
        le=8760,
        description="The greatest age in hours, from 0 to 8760, at which a killed run is resumed. After that, a"
        " new run reads everything again.",
    )
    keep_landings: int = Field(
        3,
        alias="OOO_KEEP_LANDINGS",
        ge=1,
        description="The number of runs whose landings are kept. Older landings are removed.",
    )
    keep_generations: int = Field(
        PublicationPolicy.keep_generations,
        alias="OOO_KEEP_GENERATIONS",
        ge=1,
        description="The number of publications that are kept under exports/generations. Older publications are"
        " removed.",
    )
    layout: Layout = Field(
        PublicationPolicy.layout,
        alias="OOO_LAYOUT",
        description="The layout of the Parquet files: flat writes one file per table, and partitioned also writes"
        " the tables of days in folders by year and month.",
    )
    publish_url: PublishUrl | None = Field(
        PublicationPolicy.url,
        alias="OOO_PUBLISH_URL",
        description="The URL of an object store that receives the published files too: s3://bucket/prefix, gs://…,"
        " az://… or file:///…. Credentials come from the variables of the clouds' own tools, such as"
        " AWS_ACCESS_KEY_ID and AWS_ENDPOINT_URL. If it is not set, files are published to OOO_DATA_DIR alone.",
    )
    log_format: LogFormat = Field(
        LogFormat.TEXT,
        alias="OOO_LOG_FORMAT",
        description="The form of the lines about the progress of a run: text for a reader, or json for one JSON object"
        " per line. `--log-format` takes precedence, and flows of Prefect use this setting.",
    )
    report_url: ReportUrl | None = Field(
        None,
        alias="OOO_REPORT_URL",
        description="The URL of the report page on a web server, such as https://intranet.example.com/absences."
        " Prefect's page links to it. If it is not set, the link is the path of the file on the worker's machine.",
    )
    has_delta: Delta = Field(
        PublicationPolicy.has_delta,
        alias="OOO_DELTA",
        description="Set it to true to publish Delta Lake tables too. This needs the extra `delta`.",
    )
    organization_name: str | None = Field(
        None,
        alias="OOO_ORG_NAME",
        max_length=200,
        description="The display name of the organization in `dim_organizations` and on the report page. If it is not"
        " set, the id is shown.",
    )
    allows_new_host: bool = Field(
        Guards.allows_new_host,
        alias="OOO_ALLOW_NEW_HOST",
        description="Set it to true to accept, for one run, that an organization is read from another API host than"
        " before. The default false stops such a run before it reads.",
    )
    max_clock_skew_seconds: float = Field(
        600.0,
        alias="OOO_MAX_CLOCK_SKEW_SECONDS",
        gt=0,
        le=86_400,
        description="The run stops if this machine's clock differs from Cal.com's clock by more than this number of"
        " seconds, or if the newest snapshot is further in the future.",
    )
    max_deleted_share: float = Field(
        Guards.max_deleted_share,
        alias="OOO_MAX_DELETED_SHARE",
        ge=0,
        le=1,
        description="The run stops before the commit if it would delete more than this share of the live entries,"
        " from 0 to 1, and more than OOO_MAX_DELETED_ROWS entries.",
    )
    max_deleted_rows: int = Field(
        Guards.max_deleted_rows,
        alias="OOO_MAX_DELETED_ROWS",
        ge=0,
        description="The run stops before the commit if it would delete more than this number of entries, and"
        " more than the share OOO_MAX_DELETED_SHARE.",
    )
    max_quarantined_share: float = Field(
        Guards.max_quarantined_share,
        alias="OOO_MAX_QUARANTINED_SHARE",
        ge=0,
        le=1,
        description="The run stops before the commit if more than this share of the entries that it read, from 0"
        " to 1, fails validation, and more than OOO_MAX_QUARANTINED_ROWS entries.",
    )
    max_quarantined_rows: int = Field(
        Guards.max_quarantined_rows,
        alias="OOO_MAX_QUARANTINED_ROWS",
        ge=0,
        description="The run stops before the commit if more than this number of the entries that it read fails"
        " validation, and more than the share OOO_MAX_QUARANTINED_SHARE.",
    )
    calendars: Path | None = Field(
        None,
        alias="OOO_CALENDARS",
        description="The path of a TOML file of work calendars, which docs/calendars.md describes. If it is not"
        " set, every person works from Monday to Friday.",
    )
    memory_limit: str | None = Field(
        None,
        alias="OOO_MEMORY_LIMIT",
        pattern=r"^\d+(\.\d+)? ?[KMGT]i?B$",
        description="The largest amount of memory that DuckDB uses before it spills to disk, such as 2GB. If it is"
        " not set, the limit is 100 MB and another 80 MB per million entries, or 180 MB per million entries"
        " if that is more.",
    )

    query_seconds: float = Field(
        300.0,
        alias="OOO_QUERY_SECONDS",
        gt=0,
        le=86_400,
        description="The longest time that `ooo query` and `ooo export` let a query run, in seconds. A query that"
        " takes longer is interrupted.",
    )
    other_variables: str | None = Field(
        None,
        alias="OOO_OTHER_VARIABLES",
        description="The names of further variables that begin with OOO_ or CALCOM_ and belong to other programs,"
        " separated by commas. If it is not set, any name that is not in this table is an error, unless the file"
        " of `ooo fleet sync` refers to it. The credentials of a fleet, such as CALCOM_API_KEY_ACME, are always"
        " accepted.",
    )

    @model_validator(mode="after")
    def _check_encryption(self) -> Self:
        credentials = (self.api_key, self.access_token, self.client_id, self.secret_key)
        if is_exposed(self.api_url) and any(credentials) and not self.allows_http:
            message = (
                f"CALCOM_API_URL is {self.api_url}, which would send the credential without encryption; expected"
                " https://. Correct it, or accept the risk with OOO_ALLOW_HTTP=true"
            )
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _check_pseudonyms(self) -> Self:
        if self.pseudonymises and self.pseudonym_key is None:
            message = (
                "OOO_PSEUDONYMISE is true, but OOO_PSEUDONYM_KEY is not set; expected a secret of at least"
                f" {MIN_KEY_LENGTH} characters, such as `openssl rand -hex 32` prints"
            )
            raise ValueError(message)
        if self.pseudonymises and self.notes is Notes.PUBLISH:
            message = (
                "OOO_PSEUDONYMISE is true, but OOO_NOTES is publish: notes name people; expected core or drop"
            )
            raise ValueError(message)
        return self

    @property
    def most_teams(self) -> int | None:
        """Return the largest number of teams that is read, or None if there is no such number."""
        return MAX_AUTO_TEAMS if self.teams is Teams.AUTO else None

    @property
    def keeps_notes(self) -> bool:
        """Return True if notes are stored at all."""
        return self.notes is not Notes.DROP

    def publication(self) -> PublicationPolicy:
        """Return the settings of a publication."""
        return PublicationPolicy(
            layout=self.layout,
            keep_generations=self.keep_generations,
            has_delta=self.has_delta,
            url=self.publish_url,
            notes=self.notes.value,
            feeds=FeedPolicy(self.calendar_feeds, self.min_group_size),
        )

    def guards(self, *, allows_mass_delete: bool) -> Guards:
        """Return the limits that stop a load."""
        return Guards(
            max_deleted_share=self.max_deleted_share,
            max_deleted_rows=self.max_deleted_rows,
            allows_mass_delete=allows_mass_delete,
            max_quarantined_share=self.max_quarantined_share,
            max_quarantined_rows=self.max_quarantined_rows,
            allows_new_host=self.allows_new_host,
        )

    def credential(self) -> Credential:
        """Return the one credential. Raise `ConfigurationError` for none, half of one, or several."""
        return choose_credential(
            api_key=self.api_key,
            access_token=self.access_token,
            client_id=self.client_id,
            secret_key=self.secret_key,
        )

    def connection(self) -> Connection:
        """Return the settings of a connection to Cal.com. Raise as `credential`."""
        return Connection(
            base_url=self.api_url,
            credential=self.credential(),
            max_attempts=self.max_attempts,
            read_timeout_seconds=self.read_timeout_seconds,
            max_connections=self.max_concurrency,
            max_response_mb=self.max_response_mb,
            max_wait_seconds=self.max_wait_seconds,
            is_proxied=has_proxy(),
        )


def load_settings(**overrides: Any) -> Settings:
    """Return the settings of this process. Raise `ConfigurationError` with every variable that is wrong or unknown.

    A pseudonym key without its switch is logged as a warning.
    """
    settings = load(Settings, **overrides)
    if settings.pseudonym_key is not None and not settings.pseudonymises:
        _log.warning(
            "OOO_PSEUDONYM_KEY is set, but OOO_PSEUDONYMISE is not true: names and e-mail addresses are published;"
            " set OOO_PSEUDONYMISE=true, or remove the key"
        )
    correct_no_proxy(settings.api_url)
    return settings
