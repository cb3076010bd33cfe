"""The views of ooo.duckdb: today's absences, attached use, and privacy."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support.program import run_ooo
from tests.support.readings import Absence
from tests.support.warehouse import audit_and_publish, load, new_warehouse, night, read_all, rows_of
from warehouse.publish.views import find_views, parse_view

VIEWS = [view.name for view in find_views()]


def _today() -> date:
    """Return the current date of a DuckDB session."""
    with duckdb.connect() as connection:
        today: date = connection.execute("SELECT current_date").fetchall()[0][0]
    return today


def _next_weekday(day: date) -> date:
    day += timedelta(days=1)
    return day if day.isoweekday() <= 5 else _next_weekday(day)


def test_out_today_has_each_absent_person_once_with_the_day_of_return(tmp_path: Path) -> None:
    today = _today()
    after = _next_weekday(today)
    absences = (
        Absence(1, 1, today - timedelta(days=2), today, reason="vacation", cover=2),
        Absence(2, 1, today, today + timedelta(days=0), reason="sick"),
        Absence(3, 1, after, after, reason="vacation"),  # the person is away on the next working day too
        Absence(4, 2, today, today, reason="travel"),
        Absence(5, 3, today + timedelta(days=1), today + timedelta(days=9), reason="vacation"),
        Absence(6, 4, today - timedelta(days=9), today - timedelta(days=1), reason="vacation"),
    )
    with new_warehouse() as connection:
        load(connection, read_all(absences, at=night(1), users=(1, 2, 3, 4)))
        load(connection, read_all(absences[:1], at=night(2), users=(1,), organization_id=8))
        database = audit_and_publish(connection, tmp_path).database
    with duckdb.connect(database, read_only=True) as published:
        rows = rows_of(published, "FROM out_today ORDER BY organization_id, user_id")
    assert [(row["organization_id"], row["user_id"], row["reason"]) for row in rows] == [
        (7, 1, "sick"),
        (7, 2, "travel"),
        (8, 1, "vacation"),
    ]
    first, second, other = rows
    assert (first["starts_on"], first["ends_on"]) == (today - timedelta(days=2), today)
    assert (first["back_on"], second["back_on"]) == (_next_weekday(after), after)
    assert (first["covering_user_id"], first["is_cover_absent"]) == (2, True)
    assert (first["reason_label"], first["data_as_of"]) == ("Sick leave", night(1))
    # Organization 8 has no person with the id of the cover.
    assert (other["covering_user_id"], other["covering_name"], other["is_cover_absent"]) == (2, None, False)


@pytest.fixture(scope="module")
def pseudonymised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pseudonymised")
    done = run_ooo(
        *("demo", "--people", "20", "--quiet"),
        cwd=folder,
        OOO_TEAMS="true",
        OOO_PSEUDONYMISE="true",
        OOO_PSEUDONYM_KEY="k" * 40,
    )
    assert done.returncode == 0, done.stderr
    return folder / "data" / "demo" / "ooo.duckdb"


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_has_no_names_in_a_pseudonymised_publication(pseudonymised: Path, view: str) -> None:
    with duckdb.connect(pseudonymised, read_only=True) as published:
        rows = rows_of(published, f"FROM {view}")
        people = {user_id for (user_id,) in published.execute("SELECT user_id FROM dim_people").fetchall()}
    personal = {"name", "email", "covering_name", "absent_names", "covered_names", "last_present_name"}
    assert rows or view == "out_today"
    for row in rows:
        assert {row.get(column) for column in personal} == {None}
        ids = (row.get(column) for column in ("user_id", "covering_user_id", "last_present_user_id"))
        assert {user_id for user_id in ids if user_id is not None} <= people


def test_no_view_has_a_note_even_if_notes_are_published(tmp_path: Path) -> None:
    done = run_ooo("demo", "--people", "5", "--quiet", cwd=tmp_path, OOO_NOTES="publish")
    assert done.returncode == 0, done.stderr
    with duckdb.connect(tmp_path / "data" / "demo" / "ooo.duckdb", read_only=True) as published:
        columns = {
            column for view in VIEWS for column, *_ in published.execute(f"DESCRIBE FROM {view}").fetchall()
        }
    assert "notes" not in columns


def test_a_copied_publication_keeps_its_views(tmp_path: Path) -> None:
    """A night without changes copies the previous database and replaces only some of its tables."""
    absences = tuple(Absence(number, 1, date(2026, 3, 2), date(2026, 3, 6)) for number in range(1, 4))
    with new_warehouse() as connection:
        counts: list[Any] = []
        for number in (1, 2):
            load(connection, read_all(absences, at=night(number)))
            database = audit_and_publish(connection, tmp_path, run_id=f"run-{number}").database
            with duckdb.connect(database, read_only=True) as published:
                counts.append(
                    {view: published.execute(f"SELECT count(*) FROM {view}").fetchall() for view in VIEWS}
                )
    assert counts[0] == counts[1]
    assert counts[0]["absences"] == [(3,)]


def test_a_view_without_a_declared_meaning_is_refused() -> None:
    with pytest.raises(ValueError, match=r"create_empty\.sql lacks Grain"):
        parse_view("-- Purpose: Nothing.\nCREATE OR REPLACE VIEW empty AS\nSELECT 1;\n")


def test_each_view_has_the_columns_that_its_header_declares(tmp_path: Path) -> None:
    with new_warehouse() as connection:
        load(connection, read_all(at=night(1)))
        database = audit_and_publish(connection, tmp_path).database
    with duckdb.connect(database, read_only=True) as published:
        for view in find_views():
            described = [column for column, *_ in published.execute(f"DESCRIBE FROM {view.name}").fetchall()]
            assert described == list(view.columns), view.name
