"""Fuzz the responses of the server, the settings and the fleet files.

Each input is accepted, or ends in an error with an exit code and a message without control characters. A run draws
some hundred cases; `make test-fuzz` draws more than 10,000, with those of `test_fuzz_commands.py`.
"""

import asyncio
import contextlib
import io
import json
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from calcom.client import CalcomClient
from calcom.connection import Connection
from calcom.credentials import ApiKey
from calcom.errors import CalcomError, ExitCode, OooError
from flows.cli import main as program
from flows.fleet.organizations import read_organizations
from flows.settings import Settings, load_settings
from flows.settings.errors import ConfigurationError
from tests.properties.test_reading import PAGES, VALUES

CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
NASTY = st.sampled_from(
    [
        "\x1b[2J",
        "\x1b]0;title\x07",
        "\u202e",
        "\u2067",
        "\u061c",
        "\u2028",
        "\r",
        "\x9b31m",
        "%41",
        "..",
        "-",
        "--",
        "=1+1",
        "nan",
        "1e999",
        "9" * 40,
    ]
)
TEXTS = st.lists(
    st.text(st.characters(exclude_characters="/\x00", codec="utf-8"), max_size=8) | NASTY, max_size=3
).map("".join)
HEADER_TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "X-Request-Id",
            "Location",
            "Retry-After",
            "X-RateLimit-Reset-Default",
            "X-RateLimit-Remaining-Default",
            "X-RateLimit-Limit-Default",
            "Content-Type",
            "Content-Encoding",
            "Date",
        ]
    ),
    HEADER_TEXTS | st.sampled_from(["0", "-1", "1e99", "gzip", "br", "86400", "text/html", "\x1b[2Jx"]),
    max_size=3,
)
STATUSES = st.sampled_from(
    [200, 200, 200, 200, 204, 301, 302, 400, 401, 403, 404, 409, 418, 429, 500, 502, 503, 599]
)


def encode(value: object) -> bytes:
    return json.dumps(value).encode()


BODIES = st.binary(max_size=200) | (PAGES | VALUES).map(encode)
CODES = {int(code) for code in ExitCode}


def check_message(error: BaseException) -> None:
    """Check that the error has an exit code of the table, and that the terminal gets no control character of it."""
    assert isinstance(error, OooError), repr(error)
    assert int(error.exit_code) in CODES - {0}
    printed = io.StringIO()
    with contextlib.redirect_stderr(printed):
        program._print_error(str(error))
    assert not CONTROLS.search(printed.getvalue())


class Clock:
    """A clock that advances by each pause, so that no case waits."""

    def __init__(self) -> None:
        """Start at 0 seconds."""
        self._seconds = 0.0

    def __call__(self) -> float:
        """Return the seconds of all pauses."""
        return self._seconds

    async def sleep(self, seconds: float) -> None:
        """Advance the clock."""
        self._seconds += seconds


def respond(request: httpx.Request, status: int, headers: dict[str, str], body: bytes) -> httpx.Response:
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    return httpx.Response(status, headers=encoded, stream=httpx.ByteStream(body), request=request)


@given(status=STATUSES, headers=HEADERS, body=BODIES, kind=st.sampled_from(["users", "entries", "me"]))
def test_any_response_is_read_or_ends_in_an_error_of_the_table(
    status: int, headers: dict[str, str], body: bytes, kind: str
) -> None:
    transport, clock = httpx.MockTransport(lambda request: respond(request, status, headers, body)), Clock()

    async def call() -> None:
        connection = Connection(
            "http://127.0.0.1:9",
            ApiKey(SecretStr("cal_none")),
            max_attempts=2,
            transport=transport,
            clock=clock,
            sleep=clock.sleep,
        )
        async with CalcomClient(connection) as client:
            calls: dict[str, Callable[[], Any]] = {
                "users": lambda: client.fetch_users(1),
                "entries": lambda: client.fetch_organization_entries(1),
                "me": client.fetch_me,
            }
            await calls[kind]()

    try:
        asyncio.run(call())
    except CalcomError as error:
        check_message(error)


SETTINGS = sorted({field.alias for field in Settings.model_fields.values() if isinstance(field.alias, str)})


@given(values=st.dictionaries(st.sampled_from(SETTINGS) | TEXTS.map("OOO_".__add__), TEXTS, max_size=4))
def test_any_environment_is_accepted_or_a_configuration_error(values: dict[str, str]) -> None:
    usable = {name: value for name, value in values.items() if "=" not in name}
    former = os.environ.copy()
    os.environ.update(usable)
    try:
        load_settings(_env_file=None)
    except ConfigurationError as error:
        check_message(error)
    finally:
        os.environ.clear()
        os.environ.update(former)


TOML = st.recursive(
    TEXTS.map(json.dumps)
    | st.integers().map(str)
    | st.sampled_from(["true", "nan", "2026-01-01", "[]", "{}"]),
    lambda inner: st.lists(inner, max_size=3).map(lambda values: f"[{', '.join(values)}]"),
)
FLEET_KEYS = st.sampled_from(
    ["org_id", "api_url", "api_key", "access_token", "client_id", "secret_key", "name", "x"]
)
TABLES = st.tuples(TEXTS, st.dictionaries(FLEET_KEYS, TOML, max_size=4)).map(
    lambda table: (
        f"[organizations.{json.dumps(table[0])}]\n"
        + "".join(f"{key} = {value}\n" for key, value in table[1].items())
    )
)
FLEETS = (
    st.lists(TABLES, max_size=3).map("".join).map(str.encode) | TEXTS.map(str.encode) | st.binary(max_size=99)
)


@given(content=FLEETS)
def test_any_fleet_file_is_read_or_a_configuration_error(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "fleet.toml")
        path.write_bytes(content)
        try:
            read_organizations(path)
        except OooError as error:
            check_message(error)
