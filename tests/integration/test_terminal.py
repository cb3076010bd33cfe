"""The output of the `ooo` command on terminals and in pipes, exports, shell completion, and the doctor."""

import contextlib
import csv
import io
import json
import os
import pty
import re
import subprocess
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from calcom.simulator import MEMBER_KEY, OWNER_KEY, Limits, RateLimit, Simulator, World, serve
from flows.cli.doctor import exit_code_of, run_checks
from flows.cli.findings import Level
from flows.settings import load_settings
from flows.settings.data_folder import lock_data_folder
from tests.support.program import OOO, run_ooo

YEAR = ("--from", "2026-01-01", "--to", "2026-12-31")


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    with serve(Simulator(World.generate(people=8, seed=5))) as server:
        yield server.url


@pytest.fixture(scope="module")
def folder(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Provide a folder with a publication in `data`."""
    folder = tmp_path_factory.mktemp("terminal")
    done = run_ooo("sync", "--quiet", cwd=folder, CALCOM_API_URL=server_url, CALCOM_API_KEY=OWNER_KEY)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("output_format", ["parquet", "csv", "xlsx"])
def test_an_export_has_the_entries_with_the_reason_in_the_range_of_dates(
    folder: Path, output_format: str
) -> None:
    done = run_ooo("export", "--format", output_format, *YEAR, "--reason", "vacation", cwd=folder)
    assert done.returncode == 0, done.stderr
    path = folder / f"fct_ooo_entries.{output_format}"
    expected = pl.read_parquet(folder / "data" / "exports" / "current" / "fct_ooo_entries.parquet").filter(
        (pl.col("reason") == "vacation")
        & (pl.col("starts_on") <= date(2026, 12, 31))
        & (pl.col("ends_on") >= date(2026, 1, 1))
        & pl.col("deleted_at").is_null()
    )
    assert not expected.is_empty()
    if output_format == "parquet":
        assert pl.read_parquet(path).sort("entry_id").equals(expected.sort("entry_id"))
    elif output_format == "csv":
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))
        assert sorted(int(row["entry_id"]) for row in rows) == expected["entry_id"].sort().to_list()
        assert {row["starts_on"] for row in rows} == {f"{day}" for day in expected["starts_on"]}
    else:
        with zipfile.ZipFile(path) as book:
            sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert sheet.count("<row ") == expected.height + 1
    assert not list(folder.glob(".next-*"))


def test_an_export_of_a_named_query_has_the_rows_of_the_query(folder: Path) -> None:
    exported = run_ooo("export", "absence_by_reason", "--format", "csv", *YEAR, cwd=folder)
    assert exported.returncode == 0, exported.stderr
    queried = run_ooo("query", "absence_by_reason", *YEAR, "--output", "csv", cwd=folder)
    written = (folder / "absence_by_reason.csv").read_text(encoding="utf-8-sig")
    assert written.splitlines() == queried.stdout.splitlines()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("export", "nothing"), "fct_entry_days"),
        (("export", "dim_people", "--reason", "sick"), "no column reason"),
        (("export", "--format", "pdf"), "parquet"),
        (("query", "who_is_off"), "who_is_out"),
    ],
)
def test_an_impossible_export_or_query_is_refused_with_the_possible_values(
    folder: Path, arguments: tuple[str, ...], named: str
) -> None:
    refused = run_ooo(*arguments, cwd=folder)
    assert refused.returncode == 2
    assert named in refused.stderr
    assert "Traceback" not in refused.stderr


def test_tables_are_drawn_with_ascii_on_a_terminal_without_unicode(folder: Path) -> None:
    shown = run_ooo("query", "absence_by_reason", *YEAR, cwd=folder, PYTHONIOENCODING="ascii")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.isascii()
    assert "+--" in shown.stdout
    for command in (("status",), ("doctor",), ("--help",)):
        assert "Traceback" not in run_ooo(*command, cwd=folder, PYTHONIOENCODING="ascii").stderr


def test_csv_and_json_are_utf_8_with_any_encoding_of_the_terminal(folder: Path) -> None:
    query = "SELECT 'Zoë 早苗' AS name"
    for output in ("csv", "json"):
        done = subprocess.run(
            [str(OOO), "query", query, "--output", output],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "PYTHONIOENCODING": "ascii"},
            capture_output=True,
            check=True,
            timeout=60,
        )
        assert "Zoë 早苗" in done.stdout.decode("utf-8")


def test_a_pipe_that_closes_early_is_no_error(folder: Path) -> None:
    query = "SELECT * FROM range(300000)"
    with subprocess.Popen(
        [str(OOO), "query", query, "--output", "csv"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        assert program.stdout.readline() == b"range\n"
        program.stdout.close()
        errors = program.stderr.read().decode()
    assert "BrokenPipe" not in errors
    assert "Traceback" not in errors


def test_output_has_no_escape_sequence_with_no_color(folder: Path) -> None:
    for command in (("--help",), ("status",), ("query", "absence_by_reason", *YEAR)):
        shown = run_ooo(*command, cwd=folder, NO_COLOR="1")
        assert shown.stdout
        assert "\x1b" not in shown.stdout + shown.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_each_shell(folder: Path, shell: str) -> None:
    script = run_ooo("completion", shell, cwd=folder)
    assert script.returncode == 0
    assert "_OOO_COMPLETE" in script.stdout


def test_the_shell_completes_named_queries(folder: Path) -> None:
    completed = run_ooo(
        cwd=folder, _OOO_COMPLETE="bash_complete", COMP_WORDS="ooo query who", COMP_CWORD="2"
    ).stdout
    assert "who_is_out" in completed


def test_a_setting_under_its_former_name_works_with_a_warning(folder: Path) -> None:
    status = run_ooo("status", cwd=folder, OOO_CONCURRENCY="2")
    assert status.returncode == 0
    assert "OOO_MAX_CONCURRENCY" in status.stderr
    wrong = run_ooo("status", cwd=folder, OOO_CONCURRENCY="none")
    assert wrong.returncode == 10
    assert "OOO_MAX_CONCURRENCY" in wrong.stderr


def test_the_present_name_of_a_setting_takes_precedence_over_the_former(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OOO_CONCURRENCY", "2")
    assert load_settings(_env_file=None).max_concurrency == 2
    monkeypatch.setenv("OOO_MAX_CONCURRENCY", "3")
    assert load_settings(_env_file=None).max_concurrency == 3


@pytest.mark.parametrize("command", [("status",), ("doctor",), ("maintain",)])
def test_commands_that_print_an_object_take_the_format_option_and_its_short_form(
    server_url: str, folder: Path, command: tuple[str, ...]
) -> None:
    environment = {"CALCOM_API_URL": server_url, "CALCOM_API_KEY": OWNER_KEY}
    long = run_ooo(*command, "--format", "json", cwd=folder, **environment)
    short = run_ooo(*command, "--json", cwd=folder, **environment)
    assert (long.returncode, short.returncode) == (0, 0), long.stderr
    assert type(json.loads(long.stdout)) is type(json.loads(short.stdout))
    with pytest.raises(json.JSONDecodeError):
        json.loads(run_ooo(*command, "--format", "text", cwd=folder, **environment).stdout)


@pytest.mark.parametrize("option", [("--json",), ("--format", "json"), ("--format=json",)])
def test_a_failed_command_prints_its_error_as_json_with_each_form_of_the_option(
    option: tuple[str, ...], tmp_path: Path
) -> None:
    failed = run_ooo("status", *option, cwd=tmp_path)
    assert failed.returncode == 10
    assert json.loads(failed.stdout)["exit_code"] == 10


# The progress on a terminal


def run_on_terminal(*arguments: str, cwd: Path, columns: int, **environment: str) -> tuple[int, list[str]]:
    """Run `ooo` on a terminal. Return its exit code and the lines that it draws, without control sequences."""
    terminal, end = pty.openpty()
    settings = {"PATH": os.environ["PATH"], "TERM": "xterm", "COLUMNS": str(columns)} | environment
    with subprocess.Popen(
        [str(OOO), *arguments], cwd=cwd, env=settings, stdin=end, stdout=end, stderr=end
    ) as program:
        os.close(end)
        written = b""
        with contextlib.suppress(OSError):  # the terminal ends with the program
            while data := os.read(terminal, 65_536):
                written += data
    os.close(terminal)
    text = re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "\r", written.decode())
    return program.returncode, [line for line in re.split("[\r\n]+", text) if line.strip()]


def test_a_pause_stays_on_a_terminal_of_80_columns_and_is_counted_down(tmp_path: Path) -> None:
    limits = Limits(api_key=(RateLimit(limit=9, ttl_seconds=4),))
    with serve(Simulator(World.generate(people=9, seed=5), limits=limits)) as server:
        environment = {"CALCOM_API_URL": server.url, "CALCOM_API_KEY": OWNER_KEY}
        code, lines = run_on_terminal(
            "sync", "--strategy", "per-user", cwd=tmp_path, columns=80, **environment
        )
    assert code == 0, lines
    drawn = lines[: next(number for number, line in enumerate(lines) if line.startswith("COMPLETE"))]
    assert max(map(len, drawn)) <= 80
    pauses = [
        int(match[1]) for line in drawn if (match := re.match(r"waiting (\d+) s for the rate limit", line))
    ]
    assert len(set(pauses)) > 1, drawn
    assert all(0 < pause <= 5 for pause in pauses)
    shares = [match for line in drawn if (match := re.search(r" (\d+)/(\d+)$", line))]
    assert shares
    assert all(int(match[1]) <= int(match[2]) for match in shares)


# The doctor


def _check(url: str, data: Path, **overrides: object) -> tuple[dict[str, tuple[Level, str]], int]:
    """Return the findings by subject, and the exit code."""
    settings = {"CALCOM_API_URL": url, "CALCOM_API_KEY": OWNER_KEY, "OOO_DATA_DIR": data} | overrides
    findings = list(run_checks(_env_file=None, **settings))
    by_subject = {finding.subject: (finding.level, finding.text) for finding in findings}
    return by_subject, exit_code_of(findings)


def test_the_doctor_finds_nothing_wrong_after_a_sync(server_url: str, folder: Path) -> None:
    findings, code = _check(server_url, folder / "data")
    assert {level for level, _ in findings.values()} == {Level.OK}
    assert set(findings) >= {
        "settings",
        "disk",
        "lock",
        "warehouse",
        "publication",
        "source",
        "credential",
        "users",
    }
    assert "120 requests in 60 s" in findings["rate limit"][1]
    assert code == 0


def test_the_doctor_names_each_failure_and_exits_with_its_code(server_url: str, tmp_path: Path) -> None:
    findings, code = _check(server_url, tmp_path, CALCOM_API_KEY="cal_wrong")
    assert findings["credential"][0] is Level.FAILURE
    assert "make a new one" in findings["credential"][1]
    assert code == 11
    findings, code = _check(server_url, tmp_path, CALCOM_API_KEY=MEMBER_KEY)
    assert findings["users"][0] is Level.FAILURE
    assert "admin or owner" in findings["users"][1]
    assert code == 11
    findings, code = _check("http://127.0.0.1:9", tmp_path)
    assert findings["source"][0] is Level.FAILURE
    assert "credential" not in findings
    assert code == 12
    findings, code = _check(server_url, tmp_path, CALCOM_API_KEY=None)
    assert findings["credential"][0] is Level.FAILURE
    assert code == 10


def test_the_doctor_warns_of_a_run_that_is_writing(server_url: str, tmp_path: Path) -> None:
    with lock_data_folder(tmp_path / "data"):
        findings, _ = _check(server_url, tmp_path / "data")
    assert findings["lock"][0] is Level.WARNING


def test_the_doctor_prints_json_without_the_key(server_url: str, tmp_path: Path) -> None:
    done = run_ooo("doctor", "--json", cwd=tmp_path, CALCOM_API_URL=server_url, CALCOM_API_KEY=OWNER_KEY)
    assert done.returncode == 0, done.stderr
    assert {finding["level"] for finding in json.loads(done.stdout)} == {"ok"}
    assert OWNER_KEY not in done.stdout + done.stderr
