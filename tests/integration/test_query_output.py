"""What `ooo query` shows: the rows of today, the layout of tables, cut output, and the cause of empty answers."""

import json
import re
from datetime import date, timedelta
from pathlib import Path

import click.testing
import polars as pl
import pytest

from calcom.errors import ExitCode
from flows.cli.dates import local_today
from flows.cli.main import cli
from flows.report.queries import NAMED
from flows.report.render import render, text_columns
from tests.support.naive import Absence
from tests.support.program import run_ooo
from tests.support.warehouse import audit_and_publish, load, new_warehouse, night, read_all

TODAY = local_today()


def day(offset: int) -> date:
    return TODAY + timedelta(days=offset)


ABSENCES = (
    Absence(1, 1, day(-1), day(1), reason="vacation", cover=2),
    Absence(2, 2, day(0), day(0), reason="public_holiday"),
    Absence(3, 3, day(1), day(3), reason="sick"),
    Absence(4, 3, day(-3), day(-1), reason="sick"),
)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    with new_warehouse() as connection:
        load(connection, read_all(ABSENCES, at=night(1)))
        audit_and_publish(connection, folder)
    return folder


def run(data_dir: Path, *arguments: str, **environment: str) -> click.testing.Result:
    settings = {"OOO_DATA_DIR": str(data_dir)} | environment
    return click.testing.CliRunner().invoke(cli, arguments, env=settings)


def entries(data_dir: Path, *arguments: str) -> set[int]:
    shown = run(data_dir, "query", "who_is_out", *arguments, "--format", "json")
    assert shown.exit_code == 0, shown.output
    return {row["entry_id"] for row in json.loads(shown.stdout)}


# The rows


def test_who_is_out_is_about_today_and_leaves_public_holidays_out_by_default(data_dir: Path) -> None:
    assert entries(data_dir) == {1}
    assert entries(data_dir, "--public-holidays") == {1, 2}
    assert entries(data_dir, "--reason", "public_holiday") == {2}
    shown = run(data_dir, "query", "who_is_out")
    assert "1 public holiday left out; add --public-holidays" in shown.stderr


def test_an_export_of_who_is_out_has_the_rows_of_the_query(data_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    assert run(data_dir, "export", "who_is_out", "--output", str(path)).exit_code == 0
    assert pl.read_csv(path)["entry_id"].to_list() == [1]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--from", "tomorrow"), {1, 3}),
        (("--from", "yesterday"), {1, 4}),
        (("--from", "yesterday", "--to", "tomorrow"), {1, 3, 4}),
        (("--to", "tomorrow", "--from", str(day(-3))), {1, 3, 4}),
        (("--from", "TODAY"), {1}),
    ],
)
def test_relative_dates_choose_the_days(data_dir: Path, options: tuple[str, ...], expected: set[int]) -> None:
    assert entries(data_dir, *options) == expected


@pytest.mark.parametrize("instant", ["today", "this-month", "2026", "2026-01-01", "2026-01-01T05:00:00"])
def test_the_instant_of_as_of_can_be_a_period_or_a_date(data_dir: Path, instant: str) -> None:
    assert run(data_dir, "query", "as_of", "--as-of", instant, "--from", "this-year").exit_code == 0


# Empty answers


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--from", "2091"), "2091-01-01 to 2091-12-31 is after the last published absence"),
        (("--from", "1999-02", "--to", "1999"), "is before the first published absence"),
        (("--reason", "travel"), "no row for"),
    ],
)
def test_an_empty_answer_names_the_dates_of_the_published_absences_and_the_snapshot(
    data_dir: Path, options: tuple[str, ...], expected: str
) -> None:
    shown = run(data_dir, "query", "who_is_out", *options)
    assert shown.exit_code == 0
    assert expected in shown.stderr
    assert f"4 published entries reach from {day(-3)} to {day(3)}" in shown.stderr
    assert "the newest snapshot is of 2026-01-01" in shown.stderr
    assert "note" not in run(data_dir, "query", "who_is_out", *options, "--format", "json").output


def test_a_measure_for_days_without_published_absences_has_the_same_note(data_dir: Path) -> None:
    shown = run(data_dir, "query", "absence_by_day", "--from", "2091-05")
    assert "after the last published absence" in shown.stderr


def test_a_publication_without_entries_is_named_as_the_cause(tmp_path: Path) -> None:
    with new_warehouse() as connection:
        load(connection, read_all((), at=night(1)))
        audit_and_publish(connection, tmp_path)
    assert "the published tables have no entries" in run(tmp_path, "query", "who_is_out").stderr


# Tables


def test_cut_output_has_the_number_of_rows_and_the_way_to_see_all(data_dir: Path) -> None:
    sql = "SELECT range AS n FROM range(2467)"
    shown = run(data_dir, "query", sql)
    assert "showing 100 of 2,467 rows; add --limit 2467 to see all" in shown.stdout
    assert "│ 99 " in shown.stdout
    assert "2466" not in shown.stdout
    whole = run(data_dir, "query", sql, "--limit", "2467")
    assert "2466" in whole.stdout
    assert "showing" not in whole.stdout
    assert len(json.loads(run(data_dir, "query", sql, "--format", "json").stdout)) == 2467
    assert len(json.loads(run(data_dir, "query", sql, "--format", "json", "--limit", "7").stdout)) == 7


@pytest.mark.parametrize("name", [name for name in NAMED if not name.endswith("_by_team")])
@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_of_an_answer_is_wider_than_the_terminal(data_dir: Path, name: str, width: int) -> None:
    shown = run(data_dir, "query", name, "--from", "2025", "--to", "2027", COLUMNS=str(width))
    assert shown.exit_code == 0, shown.output
    assert max(map(text_columns, shown.stdout.splitlines())) <= width


def test_ids_are_left_out_first_and_texts_are_cut_next(data_dir: Path) -> None:
    del data_dir
    rows = pl.DataFrame(
        {"organization_id": [1], "entry_id": [2], "name": ["Zoë 早苗" * 10], "reason": ["sick"]}
    )
    fitting = render(rows, "table")
    assert "organization_id" in fitting
    assert "without organization_id" in render(rows, "table", width=65)
    narrow = render(rows, "table", width=45)
    assert "without organization_id, entry_id" in " ".join(narrow.split())
    assert "texts are cut to 30 characters; --format csv has them whole" in " ".join(narrow.split())
    for width in (45, 65):
        assert max(map(text_columns, render(rows, "table", width=width).splitlines())) <= width


def test_a_row_that_fits_in_no_table_is_a_block_with_one_line_per_column() -> None:
    rows = pl.DataFrame({f"long_column_name_{number}": [f"value {number}"] * 2 for number in range(20)})
    text = render(rows, "table", width=80)
    blocks = [block.splitlines() for block in text.split("\n\n")]
    assert [len(block) for block in blocks] == [20, 20]
    assert blocks[0][3].split() == ["long_column_name_3", "value", "3"]


def test_the_list_of_queries_has_a_sentence_for_each_within_80_columns(data_dir: Path) -> None:
    lines = run(data_dir, "query", "list", COLUMNS="80").output.splitlines()
    names = [line for line in lines if not line.startswith(" ")]
    assert names == sorted(NAMED)
    assert max(map(len, lines)) <= 80
    for name in names:
        sentence = lines[lines.index(name) + 1 :]
        end = next(number for number, line in enumerate(sentence) if line.endswith("."))
        assert all(line.startswith("    ") for line in sentence[: end + 1]), name
        assert "from_date" not in " ".join(sentence[: end + 1])


# Options and errors


def test_the_format_follows_the_ending_of_the_output_file(data_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    done = run(data_dir, "query", "SELECT 1 AS n", "--output", str(path))
    assert (done.exit_code, path.read_text()) == (0, "n\n1\n")
    refused = run(data_dir, "query", "SELECT 1 AS n", "--output", str(tmp_path / "rows.xlsx"))
    assert refused.exit_code == ExitCode.USAGE
    assert "ooo export --format xlsx" in refused.stderr
    exported = tmp_path / "people.csv"
    assert run(data_dir, "export", "dim_people", "--output", str(exported)).exit_code == 0
    assert exported.read_text("utf-8-sig").startswith("organization_id,")


@pytest.mark.parametrize(
    ("arguments", "ending", "expected"),
    [
        (("query", "SELECT 1 AS n"), "docx", "no format has the ending .docx; expected one of .table, .csv"),
        (("query", "who_is_out"), "xls", "no format has the ending .xls"),
        (("export", "dim_people"), "docx", "expected one of .parquet, .csv, .xlsx, or the option --format"),
        (("export", "dim_people"), "json", "no format has the ending .json"),
        (("export", "dim_people"), "txt", "no format has the ending .txt"),
    ],
)
def test_an_ending_without_a_format_is_refused_instead_of_written_in_another_format(
    data_dir: Path, tmp_path: Path, arguments: tuple[str, ...], ending: str, expected: str
) -> None:
    path = tmp_path / f"rows.{ending}"
    refused = run(data_dir, *arguments, "--output", str(path))
    assert refused.exit_code == ExitCode.USAGE
    assert expected in " ".join(refused.stderr.split())
    assert not path.exists()
    assert run(data_dir, *arguments, "--format", "csv", "--output", str(path)).exit_code == 0


@pytest.mark.parametrize("name", ["rows", "rows.txt"])
def test_a_file_without_the_ending_of_a_format_has_the_table_of_a_query(
    data_dir: Path, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    assert run(data_dir, "query", "SELECT 1 AS n", "--output", str(path)).exit_code == 0
    assert "┌───┐" in path.read_text("utf-8")


@pytest.mark.parametrize("arguments", [("query", "SELECT 1 AS n"), ("export", "dim_people")])
def test_a_missing_folder_of_the_output_is_named(
    data_dir: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    path = tmp_path / "missing" / "rows.csv"
    refused = run_ooo(*arguments, "--output", str(path), cwd=tmp_path, OOO_DATA_DIR=str(data_dir))
    assert refused.returncode == ExitCode.WAREHOUSE
    message = " ".join(refused.stderr.split())
    assert f"expected the folder {path.parent}, found none; create it" in message
    assert "free disk space" not in message
    assert ".part" not in message


@pytest.mark.parametrize(
    "sql", ["SELECT 1 AS a; SELECT 2 AS b", "FROM dim_people; FROM dim_teams; FROM runs;"]
)
def test_several_statements_are_refused_instead_of_answered_by_the_last(data_dir: Path, sql: str) -> None:
    refused = run(data_dir, "query", sql)
    assert refused.exit_code == ExitCode.USAGE
    assert f"expected one statement, found {sql.count('SELECT') or 3}" in refused.stderr
    assert run(data_dir, "query", "SELECT 1 AS a;").exit_code == 0


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [
        ("--from", "2026-02-30", "'2026-02-30' is not in the calendar; the days of 2026-02 are 01 to 28"),
        ("--to", "2028-02-30", "the days of 2028-02 are 01 to 29"),
        ("--from", "2026-04-31", "the days of 2026-04 are 01 to 30"),
        ("--from", "2026-04-00", "the days of 2026-04 are 01 to 30"),
        ("--from", "2026-13", "'2026-13' has no month between 01 and 12"),
        ("--from", "2026-13-01", "'2026-13-01' has no month between 01 and 12"),
        ("--from", "28.11.2026", "Did you mean 2026-11-28?"),
        ("--to", "1.2.2026", "Did you mean 2026-02-01?"),
        ("--from", "31.02.2026", "is not a date such as 2026-12-31"),
        ("--from", "0000-01-01", "is not a date such as 2026-12-31"),
        (
            "--as-of",
            "2026-11-28T10:00:00+01:00",
            "an instant in UTC such as 2026-12-31T18:00:00, without an offset",
        ),
    ],
)
def test_the_message_about_a_wrong_date_names_what_is_wrong_with_it(
    data_dir: Path, option: str, value: str, expected: str
) -> None:
    refused = run(data_dir, "query", "as_of" if option == "--as-of" else "absence_by_day", option, value)
    assert refused.exit_code == ExitCode.USAGE
    assert expected in " ".join(refused.stderr.split())


@pytest.mark.parametrize("output_format", ["table", "csv", "json"])
def test_the_former_name_of_the_format_option_works(data_dir: Path, output_format: str) -> None:
    former = run(data_dir, "query", "SELECT 1 AS n", "--output", output_format)
    assert former.exit_code == 0
    assert former.output == run(data_dir, "query", "SELECT 1 AS n", "--format", output_format).output


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT nothing", "nothing"),
        ("SELEC 1", "syntax error"),
        ("FROM fct_ooo_entry", "fct_ooo_entries"),
        ("SELECT 'a'::INTEGER AS n", "Could not convert"),
        ("SELECT reasn FROM fct_ooo_entries", "reason"),
    ],
)
def test_sql_that_duckdb_cannot_run_is_no_usage_error(data_dir: Path, sql: str, expected: str) -> None:
    refused = run(data_dir, "query", sql)
    assert refused.exit_code == ExitCode.TRANSFORM, refused.output
    assert expected in refused.stderr
    assert "Usage:" not in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("doctorr",), "doctor"),
        (("fleet", "syncc"), "sync"),
        (("query", "who_is_off"), "who_is_out"),
        (("query", "fct_ooo_entry"), "fct_ooo_entries"),
        (("query", "who_is_out", "--reson", "sick"), "--reason"),
        (("query", "who_is_out", "--from", "tomorro"), "tomorrow"),
    ],
)
def test_a_wrong_name_is_answered_with_the_nearest(
    data_dir: Path, arguments: tuple[str, ...], hint: str
) -> None:
    refused = run(data_dir, *arguments)
    assert refused.exit_code == ExitCode.USAGE
    words = " ".join(refused.stderr.split())
    assert re.search(rf"Did you mean .*{hint}", words), words
