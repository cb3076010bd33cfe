"""What a setting's value may be, and the form in which it is kept. Each is checked by itself."""

import importlib.util
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import httpx
from pydantic import AfterValidator

from landing.object_store import SCHEMES

MAX_PORT = 65_535


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


ApiUrl = Annotated[str, AfterValidator(_api_url)]
"""Without a slash or /v2 at its end, and without a password."""
DataDir = Annotated[Path, AfterValidator(_data_dir)]
"""With the home folder in the place of ~."""
PublishUrl = Annotated[str, AfterValidator(_publish_url)]
"""Without a slash at its end, and without credentials."""
Delta = Annotated[bool, AfterValidator(_delta)]
"""True only where Delta Lake is installed."""
PageSize = Annotated[int, AfterValidator(lambda rows: max(rows, 2))]
"""At least 2, because pages overlap by a row."""
