"""Specify as tables the measures over person-time: leavers, the last snapshot, spells and bridge days."""

from datetime import date
from pathlib import Path

import duckdb
import pytest

from tests.support.readings import Absence, Calendar, Policy
from tests.support.warehouse import (
    audit_and_publish,
    check_rows,
    load,
    new_warehouse,
    night,
    read_all,
)

HOLIDAY = Policy(
    {"with-holiday": Calendar(country="DE", holidays=frozenset({date(2026, 1, 1)}))}, default="with-holiday"
)
FIRST = (
    Absence(1, 1, date(2025, 12, 1), date(2026, 1, 6), reason="sick"),
    Absence(2, 2, date(2026, 1, 2), date(2026, 1, 2), reason="vacation"),
    Absence(3, 3, date(2026, 1, 5), date(2026, 1, 9), reason="sick"),
)


def publish_departure(folder: Path, policy: Policy | None = None) -> Path:
    """Publish two snapshots, of 1 and 6 January 2026. Person 3 is gone in the second one. 5 January is a Monday."""
    with new_warehouse() as connection:
        for number, users in ((1, (1, 2, 3)), (6, (1, 2))):
            absences = tuple(absence for absence in FIRST if absence.user_id in users)
            load(connection, read_all(absences, at=night(number), users=users, policy=policy or Policy()))
        return audit_and_publish(connection, folder).database


def test_rates_count_leavers_for_their_time_and_end_with_the_last_snapshot(tmp_path: Path) -> None:
    database = publish_departure(tmp_path)
    rates = """
    | absent_working_days | available_working_days | people | average_people |
    | 7                   | 12                     | 3      | 3.0            |
    """
    check_rows(database, "FROM lost_time_rate('2026-01-01', '2026-01-31')", rates)
    planned = """
    | absent_working_days | available_working_days | people |
    | 7                   | 48                     | 3      |
    """
    check_rows(database, "FROM lost_time_rate('2026-01-01', '2026-01-31', until_snapshot := false)", planned)


def test_the_head_count_of_a_day_ends_with_the_date_of_departure(tmp_path: Path) -> None:
    database = publish_departure(tmp_path)
    people = """
    | date_on    | people |
    | 2026-01-06 | 3      |
    | 2026-01-07 | 2      |
    """
    check_rows(database, "FROM headcount_by_day('2026-01-06', '2026-01-07', until_snapshot := false)", people)


def test_sickness_is_split_at_spells_of_28_calendar_days_and_leaves_vacation_out(tmp_path: Path) -> None:
    database = publish_departure(tmp_path)
    sickness = """
    | sick_working_days | long_term_working_days | short_term_working_days | new_spells | people_absent |
    | 6                 | 4                      | 2                       | 1          | 2             |
    """
    check_rows(database, "FROM sickness_absence_rate('2026-01-01', '2026-01-31')", sickness)


def test_a_spell_of_exactly_28_calendar_days_is_long_term(tmp_path: Path) -> None:
    absences = tuple(
        Absence(
            entry_id=user, user_id=user, first=date(2025, 12, 1), last=date(2025, 12, last), reason="sick"
        )
        for user, last in ((1, 28), (2, 27))
    )
    with new_warehouse() as connection:
        load(connection, read_all(absences, at=night(1), users=(1, 2)))
        database = audit_and_publish(connection, tmp_path).database
    sickness = """
    | sick_working_days | long_term_working_days | short_term_working_days |
    | 40                | 20                     | 20                      |
    """
    check_rows(database, "FROM sickness_absence_rate('2025-12-01', '2025-12-31')", sickness)


def test_a_rolling_window_ends_with_a_month_before_the_last_snapshot(tmp_path: Path) -> None:
    database = publish_departure(tmp_path)
    windows = """
    | month_on   | window_from_on | window_to_on | sick_working_days | available_working_days | people |
    | 2025-12-01 | 2025-01-01     | 2025-12-31   | 23                | 783                    | 3      |
    """
    check_rows(database, "FROM rolling_sickness_rate('2025-12-01', '2026-01-31')", windows)


ROLLING = (
    Absence(1, 1, date(2025, 1, 1), date(2025, 1, 1), reason="sick"),  # a Wednesday
    Absence(2, 1, date(2025, 6, 2), date(2025, 6, 3), reason="sick"),
    Absence(3, 1, date(2025, 12, 31), date(2026, 1, 2), reason="sick"),
    Absence(4, 2, date(2025, 12, 1), date(2025, 12, 1), reason="sick"),
    Absence(5, 3, date(2025, 12, 6), date(2025, 12, 7), reason="sick"),  # a weekend
)


def test_the_rolling_bradford_factor_counts_the_twelve_months_before_the_end_of_each_month(
    tmp_path: Path,
) -> None:
    with new_warehouse() as connection:
        load(connection, read_all(ROLLING, at=night(31), users=(1, 2, 3)))
        database = audit_and_publish(connection, tmp_path).database
    factors = """
    | user_id | month_on   | window_from_on | window_to_on | sick_spells | sick_working_days | bradford_factor |
    | 1       | 2025-12-01 | 2025-01-01     | 2025-12-31   | 3           | 4                 | 36              |
    | 2       | 2025-12-01 | 2025-01-01     | 2025-12-31   | 1           | 1                 | 1               |
    | 1       | 2026-01-01 | 2025-02-01     | 2026-01-31   | 2           | 5                 | 20              |
    | 2       | 2026-01-01 | 2025-02-01     | 2026-01-31   | 1           | 1                 | 1               |
    """
    check_rows(database, "FROM rolling_bradford_factor('2025-12-31', '2026-03-31')", factors)
    with duckdb.connect(database, read_only=True) as published:
        for first, last in (
            (date(2025, 1, 1), date(2025, 12, 31)),
            (date(2025, 2, 1), date(2026, 1, 31)),
        ):
            whole = "SELECT user_id, bradford_factor FROM bradford_factor($first, $last)"
            rolling = "SELECT user_id, bradford_factor FROM rolling_bradford_factor($last, $last)"
            values = published.execute(whole, {"first": first, "last": last}).fetchall()
            assert published.execute(rolling, {"last": last}).fetchall() == values


def test_a_bridge_day_is_a_working_day_between_a_holiday_and_a_weekend(tmp_path: Path) -> None:
    database = publish_departure(tmp_path, HOLIDAY)
    bridges = """
    | calendar     | date_on    | people_absent | people |
    | with-holiday | 2026-01-02 | 2             | 3      |
    """
    check_rows(database, "FROM bridge_days('2026-01-01', '2026-01-31')", bridges)


@pytest.mark.parametrize(
    "measure", ["who_is_out", "lost_time_rate", "absence_by_reason", "bridge_days", "rolling_bradford_factor"]
)
def test_a_reversed_range_is_an_error_that_names_the_dates(tmp_path: Path, measure: str) -> None:
    with duckdb.connect(publish_departure(tmp_path), read_only=True) as published:
        message = "expected from_date <= to_date, found 2026-02-01 and 2026-01-01"
        with pytest.raises(duckdb.InvalidInputException, match=message):
            published.execute(f"FROM {measure}('2026-02-01', '2026-01-01')").fetchall()


def test_the_horizon_itself_is_accepted_and_the_days_beyond_it_are_errors(tmp_path: Path) -> None:
    with duckdb.connect(publish_departure(tmp_path), read_only=True) as published:
        for measure in (
            *("absence_by_day", "absence_by_year", "absence_seasonality", "headcount_by_day", "person_time"),
            *("rolling_bradford_factor", "rolling_sickness_rate"),
        ):
            for day in ("1970-01-01", "2099-12-31"):
                published.execute(f"FROM {measure}('{day}', '{day}')").fetchall()
            for dates in ("'1969-12-31', '1970-01-01'", "'2099-12-31', '2100-01-01'"):
                with pytest.raises(duckdb.InvalidInputException, match="from 1970-01-01 to 2099-12-31"):
                    published.execute(f"FROM {measure}({dates})").fetchall()


def test_days_before_the_calendar_follow_the_work_week(tmp_path: Path) -> None:
    # The calendar begins with 2025; January 2024 has 23 weekdays.
    days = """
    | user_id | member_days | available_working_days |
    | 1       | 31          | 23                     |
    | 2       | 31          | 23                     |
    | 3       | 31          | 23                     |
    """
    check_rows(publish_departure(tmp_path, HOLIDAY), "FROM person_time('2024-01-01', '2024-01-31')", days)


def test_dates_beyond_the_horizon_and_teams_that_are_not_loaded_are_errors(tmp_path: Path) -> None:
    with duckdb.connect(publish_departure(tmp_path), read_only=True) as published:
        with pytest.raises(
            duckdb.InvalidInputException, match="expected dates from 1970-01-01 to 2099-12-31"
        ):
            published.execute("FROM absence_seasonality('0001-01-01', '9999-12-31')").fetchall()
        with pytest.raises(duckdb.InvalidInputException, match="expected teams, found none"):
            published.execute("FROM who_is_out_by_team('2026-01-01', '2026-01-31')").fetchall()
