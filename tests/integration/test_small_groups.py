"""Queries and exports with a least group size: no named query shows a smaller group."""

from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

from flows.report.export import select_rows
from flows.report.filters import Filters
from flows.report.queries import NAMED, Dates, run_named
from flows.settings.errors import QueryError
from tests.support.naive import Absence
from tests.support.warehouse import audit_and_publish, load, new_warehouse, night, read_all
from transforms.hidden_reasons import TOTAL, Hidden
from transforms.suppression import DIMENSIONS, EXTREMES, FIGURES, LABELS, suppress_small_groups

DAYS = Dates(date(2026, 1, 1), date(2026, 12, 31))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine people on vacation, two sick, one travelling."""
    folder = tmp_path_factory.mktemp("data")
    day = date(2026, 3, 2)
    reasons = ["vacation"] * 9 + ["sick"] * 2 + ["travel"]
    absences = tuple(
        Absence(number, number, day, day, reason=reason) for number, reason in enumerate(reasons, start=1)
    )
    with new_warehouse() as connection:
        load(connection, read_all(absences, at=night(1), users=tuple(range(1, 21))))
        audit_and_publish(connection, folder)
    return folder / "ooo.duckdb"


def test_a_small_group_is_suppressed_with_enough_other_groups_to_hide_it(database: Path) -> None:
    rows = run_named(database, "absence_by_reason", DAYS, min_group_size=5)
    shown = {
        row["reason"]: (row["people"], row["absence_days"], row["is_suppressed"]) for row in rows.to_dicts()
    }
    # Sick and travel together have three people, fewer than five: vacation is suppressed too.
    assert shown == dict.fromkeys(("sick", "vacation", "travel"), (None, None, True))
    rows = run_named(database, "absence_by_reason", DAYS, min_group_size=3)
    assert dict(rows.select("reason", "people").iter_rows()) == {"sick": None, "vacation": 9, "travel": None}
    assert "is_suppressed" not in run_named(database, "absence_by_reason", DAYS).columns


def test_a_part_of_a_group_is_suppressed_if_the_part_or_the_rest_is_small(database: Path) -> None:
    rows = run_named(database, "absence_by_day", Dates(date(2026, 3, 2), date(2026, 3, 2)), min_group_size=5)
    assert rows.select("people_absent", "people_sick", "is_suppressed").row(0) == (12, None, False)


def test_an_export_of_one_reason_keeps_the_suppression_over_all_reasons(database: Path) -> None:
    rows = select_rows(database, "absence_by_reason", DAYS, Filters(reasons=("travel",)), min_group_size=3)
    assert rows.select("people", "absence_days").row(0) == (None, None)


@pytest.mark.parametrize(
    "name", ["absence_rate", "lost_time_rate", "sickness_absence_rate", "absence_incidence"]
)
def test_a_rate_over_many_people_does_not_show_the_one_absent_person_of_a_day(
    tmp_path: Path, name: str
) -> None:
    day = date(2026, 3, 2)
    with new_warehouse() as connection:
        ill = (Absence(1, 1, day, day, reason="sick"),)
        load(connection, read_all(ill, at=night(90), users=tuple(range(1, 21))))
        audit_and_publish(connection, tmp_path)
    rows = run_named(tmp_path / "ooo.duckdb", name, Dates(day, day), min_group_size=5)
    assert rows["is_suppressed"].all()
    figures = rows.drop("is_suppressed", *(set(LABELS) & set(rows.columns)))
    assert all(column.null_count() == column.len() for column in figures.get_columns())


def test_the_longest_spell_is_the_figure_of_one_person_and_is_never_shown(database: Path) -> None:
    shown = run_named(database, "spell_duration", DAYS, min_group_size=2)
    assert all(shown[name].null_count() == shown.height for name in EXTREMES)


@pytest.mark.parametrize("name", [name for name, measure in NAMED.items() if measure.switch is None])
def test_every_named_query_is_suppressed_or_is_refused_because_it_lists_people(
    database: Path, name: str
) -> None:
    instant = datetime(2026, 6, 1)  # noqa: DTZ001 - UTC, as the warehouse stores instants
    if name.endswith("_by_team"):
        with pytest.raises(QueryError, match="expected teams, found none"):
            run_named(database, name, DAYS, instant)
        return
    rows = run_named(database, name, DAYS, instant)
    if "user_id" in rows.columns:
        with pytest.raises(QueryError, match=f"{name} lists people, so OOO_MIN_GROUP_SIZE=99"):
            run_named(database, name, DAYS, instant, min_group_size=99)
        return
    dimensions = {"date_on", "month_on", "year", "month", "weekday", "reason", "team_id", "calendar"}
    assert dimensions & set(rows.columns) <= set(DIMENSIONS)
    hidden = run_named(database, name, DAYS, instant, min_group_size=99)
    assert hidden.select(rows.columns).schema == rows.schema
    assert hidden.height == rows.height
    figure = next(column for column in FIGURES if column in rows.columns)
    assert hidden["is_suppressed"].sum() == (rows[figure] > 0).sum()
    shown = hidden.filter(pl.col("is_suppressed")).drop("is_suppressed", *(set(LABELS) & set(rows.columns)))
    assert all(column.null_count() == column.len() for column in shown.get_columns())


def test_suppression_does_not_spread_to_another_organization(tmp_path: Path) -> None:
    day = date(2026, 3, 2)
    with new_warehouse() as connection:
        for organization_id, people in ((1, 2), (2, 8)):
            ill = tuple(Absence(number, number, day, day, reason="sick") for number in range(1, people + 1))
            users = tuple(range(1, 11))
            load(
                connection,
                read_all(ill, at=night(90), organization_id=organization_id, users=users),
            )
        audit_and_publish(connection, tmp_path)
    rows = run_named(tmp_path / "ooo.duckdb", "absence_by_reason", DAYS, min_group_size=5)
    assert rows["people"].to_list() == [None, 8]


@pytest.mark.parametrize("level", ["working_days", "lost_days"])
def test_a_rate_of_a_team_does_not_show_working_days_that_are_suppressed(level: str) -> None:
    """The working days of the team differ from a total of the organization by one person."""
    keys = {"organization_id": 7, "team_id": 1}
    figures = {"people_absent": 1, "absence_days": 1, "absence_working_days": 1, "absence_rate": 0.2}
    rows = pl.DataFrame([{**keys, **{name: 6 * value for name, value in figures.items()}}])
    people = pl.DataFrame([{**keys, "person": person, **figures} for person in range(1, 7)])
    total = {(7, TOTAL): dict.fromkeys(range(1, 6), 1.0) | {6: 2.0}}
    hidden = Hidden(values={level: total})
    shown = suppress_small_groups("absence_by_team", rows, people, pl.DataFrame(), 3, hidden)
    assert shown.select("people_absent", "absence_working_days", "absence_rate").row(0) == (6, None, None)


def test_a_window_of_sickness_is_suppressed_if_the_total_of_all_reasons_shows_the_few_others() -> None:
    row = {"organization_id": 7, "window_to_on": date(2026, 3, 8), "people_absent": 6, "sick_working_days": 6}
    figures = {"people_absent": 1, "sick_working_days": 1}
    people = pl.DataFrame([{"organization_id": 7, "person": person, **figures} for person in range(1, 7)])
    sick, others = dict.fromkeys(range(1, 7), 1.0), {7: 1.0, 8: 1.0}
    hidden = Hidden(values={"lost_days": {(7, "sick"): sick, (7, TOTAL): sick | others}})
    shown = suppress_small_groups(
        "rolling_sickness_rate", pl.DataFrame([row]), people, pl.DataFrame(), 3, hidden
    )
    assert shown["sick_working_days"].to_list() == [None]
