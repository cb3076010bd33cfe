"""Queries read the published tables alone, and exports are harmless and exact in a spreadsheet."""

import json
import os
import threading
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path

import click.testing
import polars as pl
import pytest

from flows.cli.main import cli
from flows.report.export import Format, write_rows
from flows.report.render import render
from flows.settings.errors import QueryLimitError
from tests.support.naive import Absence
from tests.support.warehouse import audit_and_publish, load, new_warehouse, night, read_all

TRIP = Absence(
    entry_id=1, user_id=1, first=date(2026, 4, 6), last=date(2026, 4, 10), reason="travel", cover=2
)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("armour")
    with new_warehouse() as connection:
        load(connection, read_all((TRIP,), at=night(1)))
        audit_and_publish(connection, folder)
    return folder


def run(data_dir: Path, *arguments: str, **environment: str) -> click.testing.Result:
    settings = {"OOO_DATA_DIR": str(data_dir)} | environment
    return click.testing.CliRunner().invoke(cli, arguments, env=settings)


@pytest.mark.parametrize(
    "sql",
    [
        "FROM read_text('/etc/passwd')",
        "FROM '{0}/other.csv'",
        "COPY fct_ooo_entries TO '{0}/out.csv'",
        "COPY (SELECT 1) TO '{0}/ooo.duckdb.wal'",
        "COPY (SELECT 1) TO '{0}/ooo.duckdb' (USE_TMP_FILE false)",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{0}/ooo.duckdb.wal'",
        "ATTACH '{0}/warehouse.duckdb' AS w",
        "SELECT 1; EXPORT DATABASE '{0}/out'",
        "SET enable_external_access = true",
        "INSTALL httpfs",
        "FROM glob('/etc/*')",
    ],
)
def test_a_query_reaches_no_file_and_no_setting(data_dir: Path, sql: str) -> None:
    (data_dir / "other.csv").write_text("a\n1\n")
    before = sorted(path.name for path in data_dir.iterdir())
    refused = run(data_dir, "query", sql.format(data_dir))
    assert refused.exit_code == 2, refused.output
    assert "Usage:" not in refused.output
    assert sorted(path.name for path in data_dir.iterdir()) == before
    assert run(data_dir, "query", "SELECT count(*) FROM fct_ooo_entries").exit_code == 0


def test_an_unrestricted_query_reads_files(data_dir: Path) -> None:
    (data_dir / "other.csv").write_text("a\n42\n")
    shown = run(data_dir, "query", f"FROM '{data_dir}/other.csv'", "--unrestricted")
    assert (shown.exit_code, "42" in shown.output) == (0, True)


def test_a_query_is_interrupted_at_its_time_limit(data_dir: Path) -> None:
    sql = "SELECT count(*) FROM range(1000000000) a, range(1000000) b WHERE a.range % 7 = b.range % 11"
    slow = run(data_dir, "query", sql, OOO_QUERY_SECONDS="0.2")
    assert slow.exit_code == 15, slow.output
    assert "OOO_QUERY_SECONDS" in slow.output


def test_a_query_that_needs_too_much_memory_is_refused(data_dir: Path) -> None:
    large = run(data_dir, "query", "SELECT list(range) FROM range(100000000)", OOO_MEMORY_LIMIT="50MB")
    assert large.exit_code == 15, large.output
    assert "OOO_MEMORY_LIMIT" in large.output


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("query", "who_is_off"), "Did you mean who_is_out?"),
        (("query", "fct_ooo_entries"), 'Did you mean "FROM fct_ooo_entries"?'),
        (("export", "fct_ooo_entry"), "Did you mean fct_ooo_entries?"),
        (("export", "--reason", "vacatoin"), "did you mean vacation?"),
        (("export", "absence_by_reason", "--reason", "sik"), "did you mean sick?"),
        (("query", "who_is_out", "--from", "this-mnth"), "Did you mean this-month?"),
        (("query", "who_is_out", "--from", "2026-02-02", "--to", "2026-02-01"), "reversed"),
        (("export", "--from", "2026-02-02", "--to", "2026-02-01"), "reversed"),
    ],
)
def test_a_wrong_argument_exits_with_2_and_the_nearest_value(
    data_dir: Path, arguments: tuple[str, ...], hint: str
) -> None:
    refused = run(data_dir, *arguments)
    assert refused.exit_code == 2, refused.output
    assert hint in " ".join(refused.output.split())


def test_a_period_is_accepted_by_query_and_export(data_dir: Path, tmp_path: Path) -> None:
    for name in ("today", "this-week", "last-year"):
        assert run(data_dir, "query", "who_is_out", "--from", name).exit_code == 0
    path = tmp_path / "out.parquet"
    year = str(datetime.now(UTC).year)
    assert run(data_dir, "export", "dim_dates", "--from", "this-year", "--output", str(path)).exit_code == 0
    assert {str(day)[:4] for day in pl.read_parquet(path)["date_on"]} <= {year}


HOSTILE = pl.DataFrame({"a\x1b[31m": ["\x1b]0;t\x07", "\x9b31m", "\u202eabc\u2066", "a\nb"]})


def test_no_control_character_of_the_data_is_in_a_table_or_in_json() -> None:
    for output in ("table", "json"):
        text = render(HOSTILE, output)
        assert not set(text) & set("\x1b\x07\x9b\u202e\u2066"), output
    assert [
        next(iter(row.values())) for row in json.loads(render(HOSTILE, "json"))
    ] == HOSTILE.to_series().to_list()


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_that_a_spreadsheet_would_execute_is_inert_unless_raw(first: str, tmp_path: Path) -> None:
    rows = pl.DataFrame({"=name": [f"{first}1+1"], "n": [-1]})
    inert, raw = tmp_path / "inert.csv", tmp_path / "raw.csv"
    write_rows(rows, inert, Format.CSV)
    write_rows(rows, raw, Format.CSV, is_raw=True)
    assert inert.read_bytes().startswith(b"\xef\xbb\xbf")
    assert pl.read_csv(inert).rows() == [(f"'{first}1+1", -1)]
    assert pl.read_csv(raw).equals(rows)
    assert render(rows, "csv").startswith("'=name,n\n")


def test_a_workbook_has_no_link_and_no_formula_and_loses_no_digit(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    rows = pl.DataFrame(
        {
            "text": ["=1+1", "https://example.com", "mailto:a@b.example"],
            "id": [1, 2**53 + 1, 2**53],
            "day": [date(1899, 12, 31), date(1900, 1, 1), date(2026, 1, 1)],
        }
    )
    write_rows(rows, path, Format.XLSX)
    with zipfile.ZipFile(path) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        texts = book.read("xl/sharedStrings.xml").decode()
        assert "<f>" not in sheet
        assert "hyperlink" not in sheet
        assert f"<v>{2**53}</v>" in sheet
        for text in ("=1+1", "https://example.com", str(2**53 + 1), "1899-12-31"):
            assert f"<t>{text}</t>" in texts


def test_a_text_that_excel_would_cut_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "book.xlsx"
    write_rows(pl.DataFrame({"notes": ["x" * 32_767]}), path, Format.XLSX)
    before = path.read_bytes()
    with pytest.raises(QueryLimitError, match="32,767"):
        write_rows(pl.DataFrame({"notes": ["x" * 32_768]}), path, Format.XLSX)
    assert path.read_bytes() == before


def test_an_export_is_written_through_a_pipe_and_a_symbolic_link_and_keeps_the_mode(tmp_path: Path) -> None:
    rows = pl.DataFrame({"a": [1]})
    target, link, pipe = tmp_path / "target.csv", tmp_path / "link.csv", tmp_path / "pipe"
    target.write_text("old")
    target.chmod(0o640)
    link.symlink_to(target)
    write_rows(rows, link, Format.CSV, is_raw=True)
    assert link.is_symlink()
    assert target.read_text() == "a\n1\n"
    assert target.stat().st_mode & 0o777 == 0o640
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    write_rows(rows, pipe, Format.CSV, is_raw=True)
    reader.join(10)
    assert received == [b"a\n1\n"]
    assert pipe.is_fifo()
