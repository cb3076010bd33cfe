"""Fuzz the command arguments, and the responses of a whole sync.

No case ends in a traceback, in exit code 1, in a raw control character on the terminal or in a false deletion. The
commands run in this process, and a sample of them in a process of its own. `make test-fuzz` draws more cases.
"""

import contextlib
import io
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calcom.errors import OooError
from calcom.simulator import OWNER_KEY, Simulator, World, serve
from calcom.strategy import Strategy
from flows.cli import main as program
from flows.run import stages
from flows.run.progress import SilentListener
from flows.settings import load_settings
from tests.properties.test_fuzz import (
    CODES,
    CONTROLS,
    HEADERS,
    STATUSES,
    TEXTS,
    Clock,
    check_message,
    encode,
    respond,
)
from tests.properties.test_reading import VALUES
from tests.support.program import run_ooo
from tests.support.wire import Wire

ORGANIZATION = World.generate(people=5, years=1)
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
        *[
            "who_is_out",
            "absence_by_day",
            "fct_ooo_entries",
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
        ],
        "SELECT 1",
        "SELECT * FROM read_csv('x')",
    ]
)
ARGUMENTS = st.tuples(OFFLINE, st.lists(OPTIONS | WORDS | TEXTS, max_size=5)).map(
    lambda parts: [parts[0], *parts[1]]
)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fuzz")
    with serve(Simulator(ORGANIZATION, limits=None)) as server:
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
    patches.setattr(program, "protect_streams", lambda: None)
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


def run_process(arguments: list[str], **environment: str) -> tuple[int, str]:
    """Run the installed command in a process, and return its exit code and its output."""
    with tempfile.TemporaryDirectory() as folder:
        done = run_ooo(*arguments, cwd=Path(folder), stdin="", **environment)
    return done.returncode, done.stdout + done.stderr


def check_command(published: Path, arguments: list[str], run: Callable[..., tuple[int, str]]) -> None:
    """Check that the command ends with a code of the table, prints no control character and deletes no entry."""
    is_removal = arguments[0] == "erase-user" or "remove" in arguments
    code, output = run(
        arguments,
        OOO_DATA_DIR=str(published / "none" if is_removal else published),
        CALCOM_API_URL="http://127.0.0.1:9",
        CALCOM_API_KEY="cal_none",
        OOO_MAX_ATTEMPTS="1",
    )
    assert code in CODES, (code, output)
    assert "Traceback" not in output
    assert "the traceback is in" not in output, output
    assert not CONTROLS.search(output), repr(output)
    assert live_rows(published) == live_rows_of_source()


def live_rows(data_dir: Path) -> tuple[int, int]:
    """Return the numbers of entries and of people that are not deleted."""
    with duckdb.connect(str(data_dir / "ooo.duckdb"), read_only=True) as connection:
        (counts,) = connection.execute(
            "SELECT (SELECT count(*) FROM fct_ooo_entries WHERE deleted_at IS NULL),"
            " (SELECT count(*) FROM dim_people WHERE left_at IS NULL)"
        ).fetchall()
    return int(counts[0]), int(counts[1])


def live_rows_of_source() -> tuple[int, int]:
    return len(ORGANIZATION.entries()), len(ORGANIZATION.users())


@settings(max_examples=max(settings.default.max_examples // 2, 20))
@given(arguments=ARGUMENTS)
def test_any_arguments_end_with_a_code_of_the_table_and_delete_no_entry(
    published: Path, arguments: list[str]
) -> None:
    check_command(published, arguments, run)


@settings(max_examples=max(settings.default.max_examples // 40, 3))
@given(arguments=ARGUMENTS)
def test_any_arguments_of_a_process_end_with_a_code_of_the_table(
    published: Path, arguments: list[str]
) -> None:
    check_command(published, arguments, run_process)


DAMAGES = st.none() | st.binary(max_size=99) | VALUES.map(encode) | st.floats(0, 0.99)
"""The response as it is, another body, or the first part of the body."""


class HostileWire(Wire):
    """A simulator whose responses, by their number, are replaced or damaged."""

    def __init__(self, answers: dict[int, tuple[int, dict[str, str], Any]]) -> None:
        """Take the status, the headers and the damage of some responses, by their number from 1."""
        super().__init__(Simulator(ORGANIZATION, limits=None))
        self._answers = answers

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Return the response of the simulator, or the damaged one."""
        response = await super().handle_async_request(request)
        status, headers, damage = self._answers.get(len(self.targets), (response.status_code, {}, None))
        body = await response.aread()
        if isinstance(damage, bytes):
            body = damage
        elif damage is not None:
            body = body[: int(len(body) * damage)]
        return respond(request, status, {"Content-Type": "application/json"} | headers, body)


@settings(max_examples=max(settings.default.max_examples // 10, 10))
@given(
    answers=st.dictionaries(
        st.integers(1, 14), st.tuples(STATUSES, HEADERS, DAMAGES), min_size=1, max_size=5
    ),
    strategy=st.sampled_from(list(Strategy)),
)
def test_no_damaged_response_deletes_an_entry_or_a_person(
    published: Path, answers: dict[int, tuple[int, dict[str, str], Any]], strategy: Strategy
) -> None:
    with isolated():
        options = load_settings(OOO_DATA_DIR=published, CALCOM_API_KEY=OWNER_KEY, OOO_PAGE_SIZE=20)
        clock = Clock()
        connection = replace(
            options.connection(), transport=HostileWire(answers), clock=clock, sleep=clock.sleep
        )
        try:
            stages.sync(options, strategy=strategy, listener=SilentListener(), connection=connection)
        except OooError as error:
            check_message(error)
    assert live_rows(published) == live_rows_of_source()
