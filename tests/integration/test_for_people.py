"""`ooo export --for-people`: names, labels and dates that a person reads, and ids last, in Excel and in CSV."""

import re
import zipfile
from datetime import date
from pathlib import Path

import click.testing
import polars as pl
import pytest

from flows.cli.main import cli
from flows.report.export import EXPORTABLE
from tests.support.naive import Absence
from tests.support.readings import Membership, Team, TeamReading
from tests.support.warehouse import audit_and_publish, load, new_warehouse, night, read_all

ABSENCES = (
    Absence(1, 1, date(2026, 2, 2), date(2026, 2, 15), reason="vacation", cover=2),
    Absence(2, 2, date(2026, 2, 9), date(2026, 2, 10), reason="public_holiday"),
    Absence(3, 3, date(1899, 12, 25), date(1899, 12, 31), reason="sick"),
)
TEAMS = TeamReading(
    (Team(11, "Sales, Europe"), Team(12, "=Platform")),
    (Membership(101, 11, 1), Membership(102, 12, 1), Membership(103, 12, 2)),
    list_verdict="complete",
    verdicts={11: "complete", 12: "complete"},
)
TEAMS_OF_1 = "=Platform, Sales, Europe"
COLUMNS = [
    *("Name", "Teams", "Reason", "First day", "Last day", "Working days", "Calendar days", "Covered by"),
    *("Organization id", "Entry id", "Person id", "Cover id"),
]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    with new_warehouse() as connection:
        load(connection, read_all(ABSENCES, at=night(1), teams=TEAMS))
        audit_and_publish(connection, folder)
    return folder


def export(data_dir: Path, path: Path, *arguments: str) -> Path:
    command = ["export", "--for-people", *arguments, "--output", str(path)]
    done = click.testing.CliRunner().invoke(cli, command, env={"OOO_DATA_DIR": str(data_dir)})
    assert done.exit_code == 0, done.output
    return path


def read_workbook(path: Path) -> tuple[list[dict[str, str]], str]:
    """Return the cells of each row of the sheet by their column, with numbers as they are stored, and its XML."""
    with zipfile.ZipFile(path) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        strings = book.read("xl/sharedStrings.xml").decode()
    texts = re.findall(r"<si><t[^>]*>(.*?)</t></si>", strings)
    cell = re.compile(r'<c r="([A-Z]+)\d+"(?: s="\d+")?(?: t="(\w+)")?><v>(.*?)</v></c>')
    return [
        {column: texts[int(value)] if kind == "s" else value for column, kind, value in cell.findall(row)}
        for row in re.findall("<row .*?</row>", sheet)
    ], sheet


def test_the_entries_have_names_teams_labels_and_days_and_the_ids_last(
    data_dir: Path, tmp_path: Path
) -> None:
    rows = pl.read_csv(export(data_dir, tmp_path / "absences.csv", "--from", "2026"))
    assert rows.columns == COLUMNS
    assert rows.rows() == [
        (
            "Person 1",
            f"'{TEAMS_OF_1}",
            "Vacation",
            "2026-02-02",
            "2026-02-15",
            10,
            14,
            "Person 2",
            7,
            1,
            1,
            2,
        ),
        ("Person 2", "'=Platform", "Public holiday", "2026-02-09", "2026-02-10", 2, 2, None, 7, 2, 2, None),
    ]


def test_a_workbook_has_dates_as_dates_filters_and_a_header_that_stays(
    data_dir: Path, tmp_path: Path
) -> None:
    rows, sheet = read_workbook(
        export(data_dir, tmp_path / "absences.xlsx", "--from", "1899", "--to", "2026")
    )
    assert list(rows[0].values()) == COLUMNS
    old, first, _ = rows[1:]
    assert (old["A"], old["C"], old["D"], old["E"]) == ("Person 0", "Sick leave", "1899-12-25", "1899-12-31")
    # Excel's numbers of 2026-02-02 and 2026-02-15, the working days and the days.
    assert [first[column] for column in "ABDEFG"] == ["Person 1", TEAMS_OF_1, "46055", "46068", "10", "14"]
    for part in ('state="frozen"', "<autoFilter", 'orientation="landscape"', "fitToPage"):
        assert part in sheet
    for part in ("<f>", "hyperlink"):
        assert part not in sheet
    spans = re.findall(r'<col min="(\d+)" max="(\d+)" width="([\d.]+)"', sheet)
    widths = [float(width) for start, end, width in spans for _ in range(int(start), int(end) + 1)]
    for column, width in zip("ABCDEFGHIJKL", widths, strict=True):
        assert width >= max(len(row.get(column, "")) for row in rows) + 2


def test_the_ending_of_the_file_chooses_the_format_and_the_raw_table_stays_available(
    data_dir: Path, tmp_path: Path
) -> None:
    path = tmp_path / "raw.csv"
    done = click.testing.CliRunner().invoke(
        cli, ["export", "--output", str(path), "--from", "2026"], env={"OOO_DATA_DIR": str(data_dir)}
    )
    assert done.exit_code == 0, done.output
    assert pl.read_csv(path).columns[:4] == ["organization_id", "entry_id", "entry_uuid", "user_id"]


def test_a_person_a_team_and_a_reason_are_chosen_as_in_the_raw_table(data_dir: Path, tmp_path: Path) -> None:
    for options, entries in (
        (("--team", "Sales, Europe"), [1]),
        (("--person", "Person 2"), [2]),
        (("--reason", "vacation"), [1]),
    ):
        rows = pl.read_csv(export(data_dir, tmp_path / "some.csv", "--from", "2026", *options))
        assert rows["Entry id"].to_list() == entries


@pytest.mark.parametrize("name", [name for name in EXPORTABLE if name != "bradford_factor"])
def test_every_table_view_and_query_has_words_as_columns_and_its_ids_last(
    data_dir: Path, tmp_path: Path, name: str
) -> None:
    rows = pl.read_parquet(export(data_dir, tmp_path / "rows.parquet", name, "--from", "2026-02"))
    assert len(set(rows.columns)) == rows.width
    assert all(re.fullmatch(r"[A-Z][^_]*", column) for column in rows.columns), rows.columns
    are_ids = [column.endswith((" id", " uuid")) for column in rows.columns]
    assert are_ids == sorted(are_ids)
    if "Person id" in rows.columns:
        assert "Name" in rows.columns
    if "Reason" in rows.columns:
        assert set(rows["Reason"]).isdisjoint({"vacation", "public_holiday"})
    if "Weekday" in rows.columns:
        assert set(rows["Weekday"]) <= {
            "Monday",
            "Tuesday",
            "Wednesday",
            "Thursday",
            "Friday",
            "Saturday",
            "Sunday",
        }


def test_several_organizations_have_their_names(tmp_path: Path) -> None:
    with new_warehouse() as connection:
        load(connection, read_all(ABSENCES[:1], at=night(1)))
        load(
            connection,
            read_all((Absence(9, 1, date(2026, 2, 2), date(2026, 2, 2)),), at=night(1), organization_id=8),
        )
        audit_and_publish(connection, tmp_path)
    rows = pl.read_csv(export(tmp_path, tmp_path / "both.csv", "--from", "2026"))
    assert rows.columns[:2] == ["Organization", "Name"]
    assert rows["Organization"].to_list() == [7, 8]
