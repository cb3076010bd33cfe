"""The types of the settings' values, each with its own check, and the choice of the one credential."""

import contextlib
import importlib.util
import ipaddress
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import httpx
from pydantic import AfterValidator, BeforeValidator, SecretStr, TypeAdapter, ValidationError

from calcom.credentials import AccessToken, ApiKey, Credential, PlatformClient
from flows.settings.errors import ConfigurationError
from landing.object_store import SCHEMES

MAX_PORT = 65_535
_SWITCH = TypeAdapter(bool)


class Notes(StrEnum):
    """The treatment of the entries' notes, which can be health data."""

    CORE = "core"
    """Store notes in the warehouse, and do not publish them."""
    PUBLISH = "publish"
    """Store notes and publish them."""
    DROP = "drop"
    """Never store notes, not even in the landing."""


class Teams(StrEnum):
    """Whether teams and their members are read."""

    AUTO = "auto"
    """Read them if the organization has few teams and they can be read."""
    ON = "true"
    OFF = "false"


class FilePermissions(StrEnum):
    """The users who may read the published files."""

    OWNER = "owner"
    """The user that the program runs as."""
    GROUP = "group"
    """That user, and the members of the user's group."""


class LogFormat(StrEnum):
    """The form of the lines about the progress of a run."""

    TEXT = "text"
    """Lines for a reader."""
    JSON = "json"
    """One JSON object per line, for a log collector."""


def _read_switch(value: object) -> object:
    """Return the member for each spelling of a switch that other settings accept; other values as they are."""
    with contextlib.suppress(ValidationError):
        return Teams.ON if _SWITCH.validate_python(value) else Teams.OFF
    return value.strip().lower() if isinstance(value, str) else value


def _check_api_url(value: str) -> str:
    url = value.strip().rstrip("/").removesuffix("/v2").rstrip("/")
    if set(url) & set("?#@"):
        message = (
            "expected a URL such as https://api.cal.com, without a password, a query (?) and a fragment (#)"
        )
        raise ValueError(message)
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if parsed.scheme not in ("https", "http") or not parsed.host or (parsed.port or 1) > MAX_PORT:
        message = "expected a URL such as https://api.cal.com"
        raise ValueError(message)
    return url


def is_exposed(url: str) -> bool:
    """Return True if requests to `url` travel over a network without encryption."""
    parsed = httpx.URL(url)
    if parsed.scheme == "https" or parsed.host == "localhost" or parsed.host.endswith(".localhost"):
        return False
    try:
        return not ipaddress.ip_address(parsed.host).is_loopback
    except ValueError:
        return True


def _check_data_dir(value: Path) -> Path:
    folder = value.expanduser()
    if wildcards := sorted(set(str(folder)) & set("*?[]\\")):
        message = f"expected a path without {' '.join(wildcards)}, which DuckDB and Polars read as wildcards"
        raise ValueError(message)
    return folder


def _check_publish_url(value: str) -> str:
    url = value.strip().rstrip("/")
    scheme, _, rest = url.partition("://")
    if scheme not in SCHEMES or not rest or set(rest) & set("@?#*[]"):
        message = (
            "expected a URL such as s3://bucket/prefix, gs://…, az://… or file:///…, without credentials:"
            " set those in variables such as AWS_ACCESS_KEY_ID"
        )
        raise ValueError(message)
    return url


def _check_report_url(value: str) -> str:
    parsed = urlsplit(value.strip())
    if parsed.scheme not in ("https", "http") or not parsed.hostname or parsed.username or parsed.password:
        message = "expected a URL such as https://intranet.example.com/absences, without a password"
        raise ValueError(message)
    return value.strip()


def _check_delta(value: bool) -> bool:  # noqa: FBT001 - the signature of a validator
    if value and importlib.util.find_spec("deltalake") is None:
        message = "Delta Lake is not installed; install calcom-ooo-warehouse[delta], or unset it"
        raise ValueError(message)
    return value


ApiUrl = Annotated[str, AfterValidator(_check_api_url)]
"""A URL without a password, and without a slash or /v2 at its end."""
DataDir = Annotated[Path, AfterValidator(_check_data_dir)]
"""A path in which the home folder has replaced ~."""
PublishUrl = Annotated[str, AfterValidator(_check_publish_url)]
"""A URL without credentials, and without a slash at its end."""
ReportUrl = Annotated[str, AfterValidator(_check_report_url)]
"""A URL of a web server, without a password."""
Delta = Annotated[bool, AfterValidator(_check_delta)]
"""True only if Delta Lake is installed."""
ReadsTeams = Annotated[Teams, BeforeValidator(_read_switch)]
"""`auto`, or a switch such as true, yes or 0."""
PageSize = Annotated[int, AfterValidator(lambda rows: max(rows, 2))]
"""At least 2, because consecutive pages overlap by one row."""


def choose_credential(
    *,
    api_key: SecretStr | None,
    access_token: SecretStr | None,
    client_id: str | None,
    secret_key: SecretStr | None,
) -> Credential:
    """Return the credential that is set. Raise `ConfigurationError` for none, half of one, or several."""
    credentials: list[Credential] = []
    if api_key:
        credentials.append(ApiKey(api_key))
    if access_token:
        credentials.append(AccessToken(access_token))
    if client_id and secret_key:
        credentials.append(PlatformClient(client_id, secret_key))
    elif client_id or secret_key:
        halves = ("CALCOM_CLIENT_ID", "CALCOM_SECRET_KEY")
        present, missing = halves if client_id else reversed(halves)
        message = f"{present} is set but {missing} is not; a platform client needs both"
        raise ConfigurationError(message)
    if len(credentials) != 1:
        count = "none is set" if not credentials else f"{len(credentials)} are set"
        message = (
            "expected exactly one credential: CALCOM_API_KEY, or CALCOM_ACCESS_TOKEN, or"
            f" CALCOM_CLIENT_ID with CALCOM_SECRET_KEY; {count}. Set one in the environment or in .env"
        )
        raise ConfigurationError(message)
    return credentials[0]
