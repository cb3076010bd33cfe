"""What a person at a terminal, or a script behind a pipe, gets from the `ooo` command."""

import csv
import io
import json
import os
import subprocess
import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from calcom.simulator import MEMBER_KEY, OWNER_KEY, Simulator, World, serve
from flows.cli.doctor import Level, examine, exit_code
from flows.run.data_folder import lock_data_folder
from flows.settings import load_settings
from tests.support.program import OOO, run_ooo

YEAR = ("--from", "2026-01-01", "--to", "2026-12-31")


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    with serve(Simulator(World.generate(people=8, seed=5))) as server:
        yield server.url


@pytest.fixture(scope="module")
def folder(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a published `data`."""
    made = tmp_path_factory.mktemp("terminal")
    done = run_ooo("sync", "--quiet", cwd=made, CALCOM_API_URL=server_url, CALCOM_API_KEY=OWNER_KEY)
    assert done.returncode == 0, done.stderr
    return made


@pytest.mark.parametrize("output_format", ["parquet", "csv", "xlsx"])
def test_an_export_has_the_entries_of_the_dates_and_the_reason(folder: Path, output_format: str) -> None:
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
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"))))
        assert sorted(int(row["entry_id"]) for row in rows) == expected["entry_id"].sort().to_list()
        assert {row["starts_on"] for row in rows} == {f"{day}" for day in expected["starts_on"]}
    else:
        with zipfile.ZipFile(path) as book:
            sheet = book.read("xl/worksheets/sheet1.xml").decode()
        assert sheet.count("<row ") == expected.height + 1
    assert not list(folder.glob(".next-*"))


def test_an_export_of_a_named_query_is_its_answer(folder: Path) -> None:
    exported = run_ooo("export", "absence_by_reason", "--format", "csv", *YEAR, cwd=folder)
    assert exported.returncode == 0, exported.stderr
    asked = run_ooo("query", "absence_by_reason", *YEAR, "--output", "csv", cwd=folder)
    written = (folder / "absence_by_reason.csv").read_text(encoding="utf-8")
    assert written.splitlines() == asked.stdout.splitlines()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (("export", "nothing"), "fct_entry_days"),
        (("export", "dim_people", "--reason", "sick"), "no reasons"),
        (("export", "--format", "pdf"), "parquet"),
        (("query", "SELECT nothing"), "nothing"),
        (("query", "who_is_off"), "who_is_out"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_with_what_can(
    folder: Path, arguments: tuple[str, ...], named: str
) -> None:
    refused = run_ooo(*arguments, cwd=folder)
    assert refused.returncode == 2
    assert named in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_terminal_without_unicode_gets_tables_it_can_show(folder: Path) -> None:
    shown = run_ooo("query", "absence_by_reason", *YEAR, cwd=folder, PYTHONIOENCODING="ascii")
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.isascii()
    assert "+--" in shown.stdout
    for command in (("status",), ("doctor",), ("--help",)):
        assert "Traceback" not in run_ooo(*command, cwd=folder, PYTHONIOENCODING="ascii").stderr


def test_what_another_program_reads_is_utf_8_whatever_the_terminal_is(folder: Path) -> None:
    query = "SELECT 'Zoë 早苗' AS name"
    for output in ("csv", "json"):
        found = subprocess.run(
            [str(OOO), "query", query, "--output", output],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "PYTHONIOENCODING": "ascii"},
            capture_output=True,
            check=True,
            timeout=60,
        )
        assert "Zoë 早苗" in found.stdout.decode("utf-8")


def test_a_reader_that_closes_the_pipe_early_is_no_error(folder: Path) -> None:
    query = "SELECT * FROM range(300000)"
    with subprocess.Popen(
        [str(OOO), "query", query, "--output", "csv"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as asking:
        assert asking.stdout is not None
        assert asking.stderr is not None
        assert asking.stdout.readline() == b"range\n"
        asking.stdout.close()
        errors = asking.stderr.read().decode()
    assert "BrokenPipe" not in errors
    assert "Traceback" not in errors


def test_without_colour_there_is_no_escape(folder: Path) -> None:
    for command in (("--help",), ("status",), ("query", "absence_by_reason", *YEAR)):
        shown = run_ooo(*command, cwd=folder, NO_COLOR="1")
        assert shown.stdout
        assert "\x1b" not in shown.stdout + shown.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_has_a_script_that_completes(folder: Path, shell: str) -> None:
    script = run_ooo("completion", shell, cwd=folder)
    assert script.returncode == 0
    assert "_OOO_COMPLETE" in script.stdout


def test_named_queries_are_completed(folder: Path) -> None:
    asked = run_ooo(
        cwd=folder, _OOO_COMPLETE="bash_complete", COMP_WORDS="ooo query who", COMP_CWORD="2"
    ).stdout
    assert "who_is_out" in asked


def test_a_setting_by_its_former_name_works_and_says_so(folder: Path) -> None:
    status = run_ooo("status", cwd=folder, OOO_CONCURRENCY="2")
    assert status.returncode == 0
    assert "OOO_MAX_CONCURRENCY" in status.stderr
    wrong = run_ooo("status", cwd=folder, OOO_CONCURRENCY="none")
    assert wrong.returncode == 10
    assert "OOO_MAX_CONCURRENCY" in wrong.stderr


def test_the_present_name_wins_over_the_former(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OOO_CONCURRENCY", "2")
    assert load_settings(_env_file=None).max_concurrency == 2
    monkeypatch.setenv("OOO_MAX_CONCURRENCY", "3")
    assert load_settings(_env_file=None).max_concurrency == 3


# The doctor


def _examined(url: str, data: Path, **overrides: object) -> dict[str, tuple[Level, str]]:
    given = {"CALCOM_API_URL": url, "CALCOM_API_KEY": OWNER_KEY, "OOO_DATA_DIR": data} | overrides
    findings = list(examine(_env_file=None, **given))
    return {one.subject: (one.level, one.text) for one in findings} | {
        "exit": (Level.OK, str(exit_code(findings)))
    }


def test_where_all_is_well_every_line_says_so(server_url: str, folder: Path) -> None:
    found = _examined(server_url, folder / "data")
    assert {level for level, _ in found.values()} == {Level.OK}
    assert set(found) >= {
        "settings",
        "disk",
        "lock",
        "warehouse",
        "publication",
        "source",
        "credential",
        "users",
    }
    assert "120 requests in 60 s" in found["rate limit"][1]
    assert found["exit"][1] == "0"


def test_each_illness_is_named_with_its_exit_code(server_url: str, tmp_path: Path) -> None:
    wrong_key = _examined(server_url, tmp_path, CALCOM_API_KEY="cal_wrong")
    assert wrong_key["credential"][0] is Level.FAILURE
    assert "make a new one" in wrong_key["credential"][1]
    assert wrong_key["exit"][1] == "11"
    member = _examined(server_url, tmp_path, CALCOM_API_KEY=MEMBER_KEY)
    assert member["users"][0] is Level.FAILURE
    assert "admin or owner" in member["users"][1]
    assert member["exit"][1] == "11"
    nobody = _examined("http://127.0.0.1:9", tmp_path)
    assert nobody["source"][0] is Level.FAILURE
    assert nobody["exit"][1] == "12"
    assert "credential" not in nobody
    nothing = _examined(server_url, tmp_path, CALCOM_API_KEY=None)
    assert nothing["exit"][1] == "10"


def test_a_run_that_is_writing_is_seen(server_url: str, tmp_path: Path) -> None:
    with lock_data_folder(tmp_path / "data"):
        found = _examined(server_url, tmp_path / "data")
    assert found["lock"][0] is Level.WARNING


def test_the_doctor_speaks_json_and_never_the_key(server_url: str, tmp_path: Path) -> None:
    examined = run_ooo("doctor", "--json", cwd=tmp_path, CALCOM_API_URL=server_url, CALCOM_API_KEY=OWNER_KEY)
    assert examined.returncode == 0, examined.stderr
    assert {one["level"] for one in json.loads(examined.stdout)} == {"ok"}
    assert OWNER_KEY not in examined.stdout + examined.stderr
