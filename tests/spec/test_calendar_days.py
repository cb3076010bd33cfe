"""Specify as tables which days are working days: by work calendar, and by the calendar of each person."""

from datetime import date

import polars as pl

from tests.support.tables import draw, parse, parse_absences
from tests.support.warehouse import landed_entries
from transforms.calendars import CalendarPolicy, WorkCalendar, assign_calendars, build_calendar_days
from transforms.days import explode_entry_days, resolve_person_days
from transforms.entries import normalise_entries

CALENDARS = """
| calendar  | work_week           | country | subdivision | categories |
| office    | mon tue wed thu fri |         |             |            |
| munich    | mon tue wed thu fri | DE      | BY          | catholic   |
| bavaria   | mon tue wed thu fri | DE      | BY          |            |
| berlin    | mon tue wed thu fri | DE      | BE          |            |
| gulf      | mon tue wed thu sun | AE      |             |            |
| part-time | mon wed             | DE      | BE          |            |
"""

PEOPLE = """
| user_id | email           | assigned by     | calendar  |
| 1       | ana@example.com | ana@example.com | munich    |
| 2       | bob@example.com | 2               | gulf      |
| 3       |                 | 3               | part-time |
| 4       | dan@example.com |                 | office    |
| 5       | eve@example.com | 5               | bavaria   |
"""

# 2026-01-01 is a Thursday and New Year's Day everywhere; 2026-01-06 a Tuesday and Epiphany in Bavaria.
# 2025-08-15 is a Friday and Assumption Day, a holiday of the category `catholic` in Bavaria.
ENTRIES = """
| entry_id | user_id | first      | last       |
| 1        | 1       | 2025-12-31 | 2026-01-06 |
| 5        | 1       | 2025-08-14 | 2025-08-16 |
| 6        | 5       | 2025-08-14 | 2025-08-16 |
| 2        | 2       | 2026-01-01 | 2026-01-04 |
| 3        | 3       | 2026-01-05 | 2026-01-07 |
| 4        | 4       | 2026-01-01 | 2026-01-03 |
"""

DAYS = """
| user_id | date_on    | is_working_day |
| 1       | 2025-08-14 | yes            |
| 1       | 2025-08-15 | no             |
| 1       | 2025-08-16 | no             |
| 1       | 2025-12-31 | yes            |
| 1       | 2026-01-01 | no             |
| 1       | 2026-01-02 | yes            |
| 1       | 2026-01-03 | no             |
| 1       | 2026-01-04 | no             |
| 1       | 2026-01-05 | yes            |
| 1       | 2026-01-06 | no             |
| 2       | 2026-01-01 | no             |
| 2       | 2026-01-02 | no             |
| 2       | 2026-01-03 | no             |
| 2       | 2026-01-04 | yes            |
| 3       | 2026-01-05 | yes            |
| 3       | 2026-01-06 | no             |
| 3       | 2026-01-07 | yes            |
| 4       | 2026-01-01 | yes            |
| 4       | 2026-01-02 | yes            |
| 4       | 2026-01-03 | no             |
| 5       | 2025-08-14 | yes            |
| 5       | 2025-08-15 | yes            |
| 5       | 2025-08-16 | no             |
"""

CALENDAR_DAYS = """
| calendar  | date_on    | is_working_day | holiday_name   |
| office    | 2026-01-05 | yes            |                |
| office    | 2026-01-06 | yes            |                |
| munich    | 2026-01-05 | yes            |                |
| munich    | 2026-01-06 | no             | Epiphany       |
| bavaria   | 2026-01-05 | yes            |                |
| bavaria   | 2026-01-06 | no             | Epiphany       |
| berlin    | 2026-01-05 | yes            |                |
| berlin    | 2026-01-06 | yes            |                |
| gulf      | 2026-01-05 | yes            |                |
| gulf      | 2026-01-06 | yes            |                |
| part-time | 2026-01-05 | yes            |                |
| part-time | 2026-01-06 | no             |                |
"""


def _policy() -> CalendarPolicy:
    calendars = tuple(
        WorkCalendar(
            row["calendar"] or "",
            tuple((row["work_week"] or "").split()),
            row["country"],
            row["subdivision"],
            tuple((row["categories"] or "").split()),
        )
        for row in parse(CALENDARS)
    )
    assigned = {row["assigned by"]: row["calendar"] or "" for row in parse(PEOPLE) if row["assigned by"]}
    people = {int(key) if key.isdecimal() else key: name for key, name in assigned.items()}
    return CalendarPolicy(calendars, "office", people)


def _people() -> pl.DataFrame:
    rows = [(7, int(row["user_id"] or 0), row["email"]) for row in parse(PEOPLE)]
    schema = {"organization_id": pl.Int64, "user_id": pl.Int64, "email": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def test_a_person_has_the_assigned_calendar_or_else_the_default() -> None:
    assigned = assign_calendars(_people(), _policy())
    assert draw(assigned.to_dicts(), ["user_id", "calendar"]) == [
        {"user_id": row["user_id"], "calendar": row["calendar"]} for row in parse(PEOPLE)
    ]


def test_a_day_of_absence_is_a_working_day_by_the_calendar_of_the_absent_person() -> None:
    policy = _policy()
    assigned = assign_calendars(_people(), policy)
    entries = normalise_entries(landed_entries(parse_absences(ENTRIES)), organization_id=7)
    entries = entries.join(assigned, on=["organization_id", "user_id"])
    entry_days = explode_entry_days(entries, policy.working_days)
    person_days = resolve_person_days(entry_days, entries, policy.working_days)
    expected = parse(DAYS)
    assert draw(entry_days.sort("user_id", "date_on").to_dicts(), list(expected[0])) == expected
    assert draw(person_days.to_dicts(), list(expected[0])) == expected


def test_a_calendar_has_the_working_days_of_its_week_without_its_holidays() -> None:
    expected = parse(CALENDAR_DAYS)
    days = build_calendar_days(_policy(), date(2026, 1, 5), date(2026, 1, 6))
    assert draw(days.to_dicts(), list(expected[0])) == expected
