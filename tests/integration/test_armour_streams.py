"""Streams that fail, signals and unforeseen errors end a command by the exit-code table, without a traceback."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from calcom.simulator import OWNER_KEY, Simulator, World, serve
from flows.cli.main import cli
from flows.cli.pipeline_commands import fleet
from tests.support.program import OOO, run_ooo

SIGNALS = [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]
WORLD = World.generate(people=5, years=1)


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    with serve(Simulator(WORLD, limits=None)) as server:
        yield server.url


@pytest.fixture(scope="module")
def folder(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("streams")
    done = run_ooo("sync", "--quiet", cwd=folder, CALCOM_API_URL=server_url, CALCOM_API_KEY=OWNER_KEY)
    assert done.returncode == 0, done.stderr
    (folder / "fleet.toml").write_text('[organizations.acme]\napi_key = "env:CALCOM_API_KEY"\n')
    return folder


def _shell(command: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/bash", "-c", command.replace("ooo ", f"{OOO} ")],
        cwd=cwd,
        env={"PATH": os.environ["PATH"]} | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _run_program(program: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=cwd,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@dataclass(frozen=True)
class Command:
    """A command line, its exit code with working streams, and the files that it writes in an empty folder."""

    line: str
    code: int = 0
    writes: tuple[str, ...] = ()


COMMANDS = [
    Command("--help"),
    Command("--version"),
    Command("sync --help"),
    Command("nonsense", code=2),
    Command("completion bash"),
    Command(
        "demo --people 3 --years 1", writes=("new/demo/ooo.duckdb", "new/demo/reports/out-of-office.html")
    ),
    Command("doctor"),
    Command("erase-user $USER_ID --yes", writes=("data/warehouse.duckdb",)),
    Command("erase-user $USER_ID", code=2),
    Command("export", writes=("fct_ooo_entries.parquet",)),
    Command("export --for-people --output new.xlsx", writes=("new.xlsx",)),
    Command("fleet list fleet.toml"),
    Command("fleet remove 1 --yes"),
    Command("fleet sync fleet.toml", writes=("new/ooo.duckdb", "new/reports/out-of-office.html")),
    Command("fleet sync --verbose fleet.toml", writes=("new/ooo.duckdb",)),
    Command("init-prefect new", writes=("new/prefect.yaml",)),
    Command("maintain"),
    Command("plan"),
    Command("query list"),
    Command("query who_is_out"),
    Command("query who_is_out --format csv"),
    Command("query who_is_out --output new.csv", writes=("new.csv",)),
    Command("query 'FROM dim_people' --format json"),
    Command("report", writes=("data/reports/out-of-office.html",)),
    Command("report --output new.html", writes=("new.html",)),
    Command("setup-prefect", code=10),
    Command("simulate --port 65536", code=2),
    Command("status"),
    Command("status --json --max-age-hours 0", code=16),
    Command("sync", writes=("new/ooo.duckdb", "new/reports/out-of-office.html")),
    Command("sync --json --log-format json", writes=("new/ooo.duckdb",)),
    Command("sync --verbose", writes=("new/ooo.duckdb",)),
]
IS_FULL = ">/dev/full"
STREAMS = {
    "all are closed": "<&- >&- 2>&-",
    "standard output is full": IS_FULL,
    "standard error is full": "2>/dev/full",
    "the readers are gone": "2> >(exec true) | true; exit ${PIPESTATUS[0]}",
}


@pytest.mark.parametrize("streams", STREAMS.values(), ids=STREAMS)
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.line)
def test_each_command_does_its_work_with_closed_full_and_unread_streams(
    command: Command, streams: str, server_url: str, folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True, symlinks=True)
    environment = {
        "CALCOM_API_URL": server_url,
        "CALCOM_API_KEY": OWNER_KEY,
        "USER_ID": str(WORLD.users()[0]["id"]),
    }
    if any(path.startswith("new/") for path in command.writes):
        environment["OOO_DATA_DIR"] = "new"
    started = {path: _modified(tmp_path / path) for path in command.writes}
    done = _shell(f"ooo {command.line} {streams}", tmp_path, **environment)
    prints_nothing = command.code in {2, 10}
    ends_early = streams == IS_FULL and not prints_nothing
    assert done.returncode == (15 if ends_early else command.code), done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob("*/errors/*")), "an unforeseen error"
    if ends_early:
        assert "standard output" in done.stderr
    if not (ends_early and command.line.startswith("demo")):  # the demo prints before its first sync
        assert [path for path in command.writes if started[path] == _modified(tmp_path / path)] == []


def test_the_streams_of_every_command_are_tested() -> None:
    """The words of the tested lines include the name of each command of the group."""
    tested = {word for command in COMMANDS for word in command.line.split()}
    assert set(cli.commands) | set(fleet.commands) <= tested


def _modified(path: Path) -> int | None:
    return path.stat().st_mtime_ns if path.exists() else None


@pytest.mark.parametrize("streams", ["<&- >&- 2>&-", "2>/dev/full"])
def test_the_simulator_serves_without_streams(streams: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = f"exec {OOO} simulate --people 3 --years 1 --port {port} {streams}"
    with subprocess.Popen(["/bin/bash", "-c", command], cwd=tmp_path) as simulator:
        with httpx.Client(transport=httpx.HTTPTransport(retries=9)) as client:
            answer = client.get(
                f"http://127.0.0.1:{port}/v2/me", headers={"Authorization": f"Bearer {OWNER_KEY}"}
            )
        simulator.terminate()
    assert answer.status_code == 200
    assert simulator.returncode == 143


def test_a_sync_outlives_the_reader_of_its_standard_error(server_url: str, tmp_path: Path) -> None:
    settings = {"CALCOM_API_URL": server_url, "CALCOM_API_KEY": OWNER_KEY}
    done = _shell("(ooo sync --json; echo code $?) 2> >(exec true)", tmp_path, **settings)
    assert done.stdout.endswith("code 0\n"), done.stdout + done.stderr
    assert (tmp_path / "data" / "ooo.duckdb").exists()


def test_a_partial_result_is_no_success_because_the_reader_of_its_output_left(tmp_path: Path) -> None:
    done = _shell("ooo status | true; exit ${PIPESTATUS[0]}", tmp_path)
    assert done.returncode == 10


@pytest.mark.parametrize(("stop", "code"), SIGNALS)
def test_a_signal_prints_one_sentence_flushes_the_landing_and_releases_the_lock(
    stop: signal.Signals, code: int, tmp_path: Path
) -> None:
    with serve(Simulator(World.generate(people=20), limits=None, latency_seconds=0.3)) as server:
        environment = {"PATH": os.environ["PATH"], "CALCOM_API_URL": server.url, "CALCOM_API_KEY": OWNER_KEY}
        environment |= {"OOO_MAX_CONCURRENCY": "1", "OOO_PAGE_SIZE": "20"}
        command = [str(OOO), "sync", "--strategy", "per-user"]
        with subprocess.Popen(
            command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
        ) as sync:
            assert sync.stderr is not None
            for line in sync.stderr:
                if "entries: " in line:
                    break
            with pytest.raises(subprocess.TimeoutExpired):
                sync.wait(1.0)
            sync.send_signal(stop)
            messages = sync.stderr.read().splitlines()
        assert sync.returncode == code
        assert len([line for line in messages if "the pages that were read are kept" in line]) == 1
        assert "Traceback" not in "".join(messages)
        assert list((tmp_path / "data" / "landing").rglob("*.parquet"))
        again = run_ooo("sync", "--quiet", cwd=tmp_path, CALCOM_API_URL=server.url, CALCOM_API_KEY=OWNER_KEY)
        assert again.returncode == 0, again.stderr


@pytest.mark.parametrize(("stop", "code"), SIGNALS)
def test_a_signal_during_a_query_of_duckdb_ends_with_the_code_of_the_signal(
    stop: signal.Signals, code: int, folder: Path
) -> None:
    endless = "SELECT count(*) FROM range(100000000) AS a, range(100000) AS b WHERE a.range % 7 = b.range % 5"
    with subprocess.Popen(
        [str(OOO), "query", endless], cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as query:
        with pytest.raises(subprocess.TimeoutExpired):
            query.wait(3.0)
        query.send_signal(stop)
        _, message = query.communicate(timeout=60)
    assert query.returncode == code, message
    assert "Traceback" not in message


@pytest.mark.parametrize(("stop", "code"), SIGNALS)
@pytest.mark.parametrize(
    "interrupted",
    [
        pytest.param("signal.raise_signal(STOP)", id="no library"),
        pytest.param(
            "class Name:\n  def __set_name__(self, owner, name): signal.raise_signal(STOP)\nclass Owner: name = Name()",
            id="a class that is created",
        ),
        pytest.param(
            "try: signal.raise_signal(STOP)\nexcept BaseException: raise ValueError('other') from None",
            id="a library that raises its own error",
        ),
        pytest.param("asyncio.run(stop())", id="an event loop"),
        pytest.param("asyncio.run(stop_in_a_timeout())", id="a timeout of an event loop"),
        pytest.param("asyncio.run(stop_in_a_group())", id="a failure in a group of tasks"),
    ],
)
def test_a_library_cannot_replace_the_exit_code_of_a_signal(
    stop: signal.Signals, code: int, interrupted: str, tmp_path: Path
) -> None:
    program = f"""
import asyncio, signal, sys
import flows.report.status as status
STOP = signal.Signals({int(stop)})

async def stop():
    asyncio.get_running_loop().call_later(0.05, signal.raise_signal, STOP)
    await asyncio.sleep(60)

async def stop_in_a_timeout():
    async with asyncio.timeout(0.05):
        try:
            await stop()
        finally:
            await asyncio.sleep(0.1)

async def fail():
    try:
        await asyncio.sleep(60)
    finally:
        raise ValueError("other")

async def stop_in_a_group():
    async with asyncio.TaskGroup() as group:
        group.create_task(fail())
        await stop()

def read_status(_):
    exec({interrupted!r}, globals())

status.read_status = read_status
sys.argv = ["ooo", "status"]
from flows.__main__ import main
main()
"""
    done = _run_program(program, tmp_path)
    assert done.returncode == code, done.stderr
    assert done.stderr.strip().count("\n") == 0
    assert "the next sync resumes" in done.stderr


@pytest.mark.parametrize(("stop", "code"), SIGNALS)
def test_a_signal_at_any_instant_ends_with_its_code(stop: signal.Signals, code: int, tmp_path: Path) -> None:
    """The instants are spread over a whole sync: its imports, requests, load and publication."""
    with serve(Simulator(World.generate(people=10), limits=None, latency_seconds=0.02)) as server:
        environment = {"PATH": os.environ["PATH"], "CALCOM_API_URL": server.url, "CALCOM_API_KEY": OWNER_KEY}
        ended = []
        for number in range(12):
            with subprocess.Popen(
                [str(OOO), "sync"], cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
            ) as sync:
                assert sync.stderr is not None
                line = sync.stderr.readline()
                with contextlib.suppress(subprocess.TimeoutExpired):
                    sync.wait(0.15 * number)
                sync.send_signal(stop)
                messages = line + sync.stderr.read()
            assert "Traceback" not in messages
            assert "error" not in messages
            ended.append(sync.returncode)
    assert set(ended) <= {0, code}
    assert code in ended


def test_a_signal_that_the_caller_ignores_stays_ignored() -> None:
    program = (
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "from flows.cli.signals import catch_signals; catch_signals()\n"
        "signal.raise_signal(signal.SIGHUP); print('alive')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "alive\n"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("RuntimeError('odd\\x1b[31m')", 14),
        ("KeyError('x')", 14),
        ("MemoryError()", 15),
        ("OSError(28, 'No space left on device', 'x')", 15),
        ("type('PanicException', (BaseException,), {})('panic')", 14),
    ],
)
def test_an_unforeseen_error_is_one_sentence_and_its_traceback_is_in_a_file(
    error: str, code: int, folder: Path
) -> None:
    program = (
        "import flows.report.status as status\n"
        f"def fail(_): raise {error}\n"
        "status.read_status = fail\n"
        "from flows.cli.main import main\n"
        "main(['status'])"
    )
    done = _run_program(program, folder)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "\x1b" not in done.stderr
    (line,) = done.stderr.splitlines()
    newest = max((folder / "data" / "errors").iterdir())
    assert str(newest.relative_to(folder)) in line
    assert "Traceback" in newest.read_text()
    assert newest.stat().st_mode & 0o777 == 0o600


def test_a_damaged_installation_is_one_sentence() -> None:
    program = (
        "import sys; sys.modules['flows.cli.query_commands'] = None\nfrom flows.__main__ import main\nmain()"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 14
    assert "Traceback" not in done.stderr
    assert "install it again" in done.stderr
