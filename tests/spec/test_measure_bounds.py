"""Specify as tables the bounds of the measures: first and last days, ranks, rounded instants and bridge days."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import duckdb

from tests.support.readings import Absence, Calendar, Policy
from tests.support.tables import draw, parse, parse_absences
from tests.support.warehouse import (
    audit_and_publish,
    check_rows,
    load,
    new_warehouse,
    night,
    read_all,
    rows_of,
)


def publish(
    folder: Path,
    absences: tuple[Absence, ...],
    *nights: tuple[int, tuple[int, ...]],
    policy: Policy | None = None,
) -> Path:
    """Publish the absences, with one snapshot per night: its number, counted from 1 January 2026, and its users."""
    with new_warehouse() as connection:
        for number, users in nights:
            present = tuple(absence for absence in absences if absence.user_id in users)
            load(connection, read_all(present, at=night(number), users=users, policy=policy or Policy()))
        return audit_and_publish(connection, folder).database


def test_a_person_counts_from_the_date_of_the_account_and_a_day_without_people_has_a_row(
    tmp_path: Path,
) -> None:
    # The accounts are of 1 January 2020.
    people = """
    | date_on    | people |
    | 2019-12-31 | 0      |
    | 2020-01-01 | 2      |
    """
    database = publish(tmp_path, (), (1, (1, 2)))
    check_rows(database, "FROM headcount_by_day('2019-12-31', '2020-01-01')", people)


NEW_YEARS_EVE = (Absence(1, 1, date(2019, 12, 31), date(2019, 12, 31), reason="sick"),)


def test_a_rolling_window_holds_people_who_come_on_its_last_day_or_leave_on_its_first_day(
    tmp_path: Path,
) -> None:
    # Person 1 is a member from the first entry, 31 December 2019. Person 2 leaves on 1 January 2026, a Thursday,
    # and person 3 on the day before. The last snapshot is of 31 December 2026. That year has 261 weekdays, 23 of
    # them in December, and December 2025 has 23 weekdays too.
    database = publish(tmp_path, NEW_YEARS_EVE, (-1, (1, 2, 3)), (0, (1, 2)), (1, (1,)), (365, (1,)))
    columns = """
        SELECT
            month_on, window_from_on, sick_working_days AS sick, available_working_days AS available,
            sickness_absence_rate AS rate, people_absent, people
    """
    first = """
    | month_on   | window_from_on | sick | available | rate | people_absent | people |
    | 2019-12-01 | 2019-01-01     | 1    | 1         | 1.0  | 1             | 1      |
    """
    check_rows(database, f"{columns} FROM rolling_sickness_rate('2019-12-01', '2019-12-31')", first)
    last = """
    | month_on   | window_from_on | sick | available | rate | people_absent | people |
    | 2026-11-01 | 2025-12-01     | 0    | 308       | 0.0  | 0             | 3      |
    | 2026-12-01 | 2026-01-01     | 0    | 262       | 0.0  | 0             | 2      |
    """
    check_rows(database, f"{columns} FROM rolling_sickness_rate('2026-11-01', '2026-12-31')", last)


def test_a_rolling_window_before_the_calendar_follows_the_work_week(tmp_path: Path) -> None:
    # The calendar begins with 2025; the year 2024 has 262 weekdays.
    windows = """
    | month_on   | sick_working_days | available_working_days | people |
    | 2024-12-01 | 0                 | 262                    | 1      |
    """
    database = publish(tmp_path, (), (1, (1,)))
    check_rows(database, "FROM rolling_sickness_rate('2024-12-01', '2024-12-31')", windows)


FRENCH = Policy(
    {"french": Calendar(country="FR"), "three-days": Calendar(weekdays=frozenset({1, 3, 5}))},
    default="french",
    people={3: "three-days"},
)
AROUND_HOLIDAYS = """
| entry_id | user_id | first      | last       |
| 1        | 1       | 2019-05-31 | 2019-05-31 |
| 2        | 2       | 2026-01-02 | 2026-01-02 |
| 3        | 1       | 2026-07-13 | 2026-07-13 |
| 4        | 3       | 2019-05-01 | 2019-05-01 |
"""


def test_a_bridge_day_counts_the_members_of_its_calendar_on_their_first_and_last_day(tmp_path: Path) -> None:
    # Holidays are Ascension Day (Thursdays, 30 May 2019 and 14 May 2026), New Year (Thursday, 1 January 2026) and
    # 14 July 2026, a Tuesday. Person 1 is a member from the first entry, and person 2 leaves on 2 January 2026.
    # The days between those of a week of three days are no bridge days, because no holiday is among them.
    database = publish(tmp_path, parse_absences(AROUND_HOLIDAYS), (1, (1, 2, 3)), (2, (1, 3)), policy=FRENCH)
    first = """
    | calendar | date_on    | people_absent | people | share_absent |
    | french   | 2019-05-31 | 1             | 1      | 1.0          |
    """
    check_rows(database, "FROM bridge_days('2019-05-06', '2019-06-07')", first)
    year = """
    | calendar | date_on    | people_absent | people | share_absent |
    | french   | 2026-01-02 | 1             | 2      | 0.5          |
    | french   | 2026-05-15 | 0             | 1      | 0.0          |
    | french   | 2026-07-13 | 1             | 1      | 1.0          |
    """
    check_rows(database, "FROM bridge_days('2026-01-01', '2026-12-31')", year)


@dataclass(frozen=True)
class Span(Absence):
    """An entry with these instants."""

    instants: tuple[str, str] = ("", "")

    @property
    def starts_at(self) -> datetime:
        """The first instant."""
        return datetime.fromisoformat(self.instants[0])

    @property
    def ends_at(self) -> datetime:
        """The last instant."""
        return datetime.fromisoformat(self.instants[1])


SPANS = """
| start                   | end                     | starts_on  | ends_on    |
| 2023-03-06T00:00:00.000 | 2023-03-07T23:59:59.999 | 2023-03-06 | 2023-03-07 |
| 2023-11-05T22:00:00.000 | 2023-11-07T21:59:59.999 | 2023-11-06 | 2023-11-07 |
| 2023-11-05T12:00:00.000 | 2023-11-06T11:59:59.999 | 2023-11-06 | 2023-11-06 |
| 2023-11-05T11:59:59.999 | 2023-11-06T11:59:59.998 | 2023-11-05 | 2023-11-05 |
| 2023-03-25T23:00:00.000 | 2023-03-26T21:59:59.999 | 2023-03-26 | 2023-03-26 |
| 2023-10-28T22:00:00.000 | 2023-10-29T22:59:59.999 | 2023-10-29 | 2023-10-29 |
| 2024-01-17T23:00:00.000 | 2024-01-18T21:59:59.000 | 2024-01-18 | 2024-01-18 |
| 2024-01-17T23:00:00.000 | 2024-01-18T21:59:58.999 | 2024-01-17 | 2024-01-18 |
| 2023-11-05T22:00:00.000 | 2023-11-06T19:00:00.000 | 2023-11-05 | 2023-11-06 |
| 2023-11-06T14:00:00.000 | 2023-11-06T14:30:00.000 | 2023-11-06 | 2023-11-06 |
"""


def test_a_first_version_has_the_dates_that_the_current_day_rule_gives_for_its_instants(
    tmp_path: Path,
) -> None:
    # An older day rule took the date parts of all instants. The entries themselves never changed.
    drawn = parse(SPANS)
    spans = tuple(
        Span(number, 1, date.min, date.min, instants=(row["start"] or "", row["end"] or ""))
        for number, row in enumerate(drawn, start=1)
    )
    with new_warehouse() as connection:
        load(connection, read_all(spans, at=night(1), users=(1,)))
        connection.execute(
            "UPDATE core.ooo_entry_history SET starts_on = starts_at_raw::DATE, ends_on = ends_at_raw::DATE"
        )
        database = audit_and_publish(connection, tmp_path).database
    with duckdb.connect(database, read_only=True) as published:
        dates = rows_of(published, "SELECT starts_on, ends_on FROM fct_ooo_entries ORDER BY entry_id")
    columns = ["starts_on", "ends_on"]
    assert draw(dates, columns) == [{name: row[name] for name in columns} for row in drawn]
    changed = """
    | entries | shortened_entries | extended_entries | moved_entries | added_days |
    | 10      | 0                 | 0                | 0             | 0          |
    """
    check_rows(database, "FROM changed_leave('2023-01-01', '2024-12-31')", changed)


PEAKS = """
| entry_id | user_id | first      | last       |
| 1        | 1       | 2026-01-05 | 2026-01-15 |
| 2        | 2       | 2026-01-05 | 2026-01-14 |
| 3        | 3       | 2026-01-05 | 2026-01-13 |
"""


def test_the_peaks_are_the_days_of_the_first_ten_ranks_and_all_ties_with_the_tenth(tmp_path: Path) -> None:
    absences = parse_absences(PEAKS)
    peaks = "\n".join(
        ["| date_on | people_absent | share_absent |"]
        + [f"| 2026-01-{day:02} | 3 | 1.0 |" for day in range(5, 14)]
        + [f"| 2026-01-14 | 2 | {2 / 3} |"]
    )
    query = "FROM peak_absence('2026-01-01', '2026-12-31')"
    check_rows(publish(tmp_path, absences, (1, (1, 2, 3))), query, peaks)
    (tmp_path / "ties").mkdir()
    ties = "\n".join(
        ["| date_on | people_absent | share_absent |"]
        + [f"| 2026-01-{day:02} | 1 | 1.0 |" for day in range(5, 16)]
    )
    check_rows(publish(tmp_path / "ties", absences[:1], (1, (1,))), query, ties)


TWICE_ABSENT = """
| entry_id | user_id | first      | last       | reason         |
| 1        | 1       | 2026-01-05 | 2026-01-06 | sick           |
| 2        | 1       | 2026-01-08 | 2026-01-08 | sick           |
| 3        | 1       | 2026-01-12 | 2026-01-12 | vacation       |
| 4        | 1       | 2026-01-14 | 2026-01-14 | public_holiday |
"""


def test_a_person_with_several_spells_or_reasons_counts_once(tmp_path: Path) -> None:
    database = publish(tmp_path, parse_absences(TWICE_ABSENT), (1, (1,)))
    dates = "'2026-01-01', '2026-01-31'"
    incidence = """
    | reason         | people_absent | people | incidence |
    | public_holiday | 1             | 1      | 1.0       |
    | sick           | 1             | 1      | 1.0       |
    | vacation       | 1             | 1      | 1.0       |
    | any            | 1             | 1      | 1.0       |
    """
    check_rows(database, f"FROM absence_incidence({dates}, until_snapshot := false)", incidence)
    frequency = """
    | reason         | spells | people_with_spells | people |
    | public_holiday | 1      | 1                  | 1      |
    | sick           | 2      | 1                  | 1      |
    | vacation       | 1      | 1                  | 1      |
    """
    check_rows(database, f"FROM spell_frequency({dates}, until_snapshot := false)", frequency)
    duration = """
    | reason         | spells | people |
    | public_holiday | 1      | 1      |
    | sick           | 2      | 1      |
    | vacation       | 1      | 1      |
    """
    check_rows(database, f"FROM spell_duration({dates})", duration)


def test_the_rate_of_a_reason_is_one_if_the_only_working_day_is_lost(tmp_path: Path) -> None:
    database = publish(tmp_path, parse_absences(TWICE_ABSENT), (1, (1,)))
    rates = """
    | reason | absent_working_days | available_working_days | absence_rate |
    | sick   | 1                   | 1                      | 1.0          |
    """
    query = "FROM absence_rate_by_reason('2026-01-05', '2026-01-05', until_snapshot := false)"
    check_rows(database, query, rates)
