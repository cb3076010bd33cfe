"""Fuzz every input from outside: responses, settings, fleet files and command arguments.

No input ends in a traceback, in exit code 1, in a raw control character on the terminal or in a false deletion. A run
draws some hundred cases; `make test-fuzz` draws more than 10,000.
"""

import asyncio
import contextlib
import io
import json
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from calcom.client import CalcomClient
from calcom.credentials import ApiKey
from calcom.errors import CalcomError, ExitCode, OooError
from calcom.requester import Connection
from calcom.simulator import OWNER_KEY, Simulator, World, serve
from flows.cli import main as program
from flows.fleet.organizations import read_organizations
from flows.settings import Settings, load_settings
from flows.settings.errors import ConfigurationError
from tests.properties.test_reading import PAGES, VALUES

CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
NASTY = st.sampled_from(
    [
        "\x1b[2J",
        "\x1b]0;title\x07",
        "\u202e",
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
BODIES = st.binary(max_size=200) | (PAGES | VALUES).map(lambda value: json.dumps(value).encode())
CODES = {int(code) for code in ExitCode}


def check_message(error: BaseException) -> None:
    """Check that the error has an exit code of the table, and that the terminal gets no control character of it."""
    assert isinstance(error, OooError), repr(error)
    assert int(error.exit_code) in CODES - {0}
    printed = io.StringIO()
    with contextlib.redirect_stderr(printed):
        program._print_error(str(error))
    assert not CONTROLS.search(printed.getvalue())


async def no_pause(_: float) -> None:
    return


@given(status=STATUSES, headers=HEADERS, body=BODIES, kind=st.sampled_from(["users", "entries", "me"]))
def test_any_response_is_read_or_ends_in_an_error_of_the_table(
    status: int, headers: dict[str, str], body: bytes, kind: str
) -> None:
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    transport = httpx.MockTransport(
        lambda request: httpx.Response(
            status, headers=encoded, stream=httpx.ByteStream(body), request=request
        )
    )

    async def call() -> None:
        connection = Connection(
            "http://127.0.0.1:9",
            ApiKey(SecretStr("cal_none")),
            max_attempts=2,
            transport=transport,
            sleep=no_pause,
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


OPTIONS = st.sampled_from(
    [
        "--from",
        "--to",
        "--format",
        "--output",
        "--reason",
        "--team",
        "--person",
        "--as-of",
        "--json",
        "--raw",
        "--quiet",
        "--max-age-hours",
        "--strategy",
        "--yes",
        "--organization-id",
        "--people",
        "-h",
        "--version",
        "--unrestricted",
    ]
)
OFFLINE = st.sampled_from(
    [
        "query",
        "export",
        "status",
        "report",
        "erase-user",
        "maintain",
        "completion",
        "plan",
        "fleet",
        "sync",
        "doctor",
    ]
)
WORDS = st.sampled_from(
    [
        "who_is_out",
        "absence_by_day",
        "fct_ooo_entries",
        "SELECT 1",
        "SELECT * FROM read_csv('x')",
        "this-week",
        "2026",
        "bash",
        "list",
        "remove",
        "csv",
        "xlsx",
        "table",
        "json",
        "1",
        "ada@example.com",
    ]
)
ARGUMENTS = st.tuples(OFFLINE, st.lists(OPTIONS | WORDS | TEXTS, max_size=5)).map(
    lambda parts: [parts[0], *parts[1]]
)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    with serve(Simulator(World.generate(people=5, years=1), limits=None)) as server:
        code, output = run(
            ["sync", "--quiet"], OOO_DATA_DIR=str(folder), CALCOM_API_URL=server.url, CALCOM_API_KEY=OWNER_KEY
        )
    assert code == 0, output
    return folder


@contextlib.contextmanager
def isolated(**environment: str) -> Iterator[None]:
    """Use a folder of its own, and only these settings, for the block."""
    former, cwd = os.environ.copy(), Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ.update(environment)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(former)
            os.chdir(cwd)


def run(arguments: list[str], **environment: str) -> tuple[int, str]:
    """Run the command in this process, and return its exit code and its output."""
    output = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
    patches = pytest.MonkeyPatch()
    for name in ("protect_streams", "catch_signals"):
        patches.setattr(program, name, lambda: None)
    try:
        with (
            isolated(**environment),
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(output),
            pytest.raises(SystemExit) as ended,
        ):
            program.main(arguments)
    finally:
        patches.undo()
    return int(ended.value.code or 0), output.buffer.getvalue().decode()  # type: ignore[attr-defined]


@settings(max_examples=max(settings.default.max_examples // 2, 20))
@given(arguments=ARGUMENTS)
def test_any_arguments_end_with_a_code_of_the_table_and_delete_no_entry(
    published: Path, arguments: list[str]
) -> None:
    is_erasure = arguments[0] == "erase-user"
    data_dir = published / "none" if is_erasure else published
    code, output = run(
        arguments,
        OOO_DATA_DIR=str(data_dir),
        CALCOM_API_URL="http://127.0.0.1:9",
        CALCOM_API_KEY="cal_none",
        OOO_MAX_ATTEMPTS="1",
    )
    assert code in CODES, (code, output)
    assert "Traceback" not in output
    assert "the traceback is in" not in output, output
    assert not CONTROLS.search(output), repr(output)
    with duckdb.connect(str(published / "ooo.duckdb"), read_only=True) as connection:
        ((live, deleted),) = connection.execute(
            "SELECT count(*) FILTER (deleted_at IS NULL), count(deleted_at) FROM fct_ooo_entries"
        ).fetchall()
    assert live > 0
    assert deleted == 0
