"""Test the days of extreme entries: reversed, very long, or none."""

from datetime import date, timedelta
from itertools import permutations

import polars as pl
import pytest

from tests.support.calendars import WORKING
from tests.support.readings import Absence
from tests.support.warehouse import derivable
from transforms.days import (
    FIRST_DAY,
    LAST_DAY,
    LONGEST_SPAN_DAYS,
    build_calendar,
    explode_entry_days,
    resolve_person_days,
)
from transforms.schema import DATES, ENTRY_DAYS, PERSON_DAYS


def days_of(*absences: Absence) -> tuple[pl.DataFrame, pl.DataFrame]:
    entries = derivable(absences)
    entry_days = explode_entry_days(entries, WORKING)
    return entry_days, resolve_person_days(entry_days, entries, WORKING)


def test_without_entries_the_frames_are_empty_and_have_every_column() -> None:
    entry_days, person_days = days_of()
    assert (entry_days.height, entry_days.schema) == (0, ENTRY_DAYS.polars_schema)
    assert (person_days.height, person_days.schema) == (0, PERSON_DAYS.polars_schema)


def test_an_entry_that_ends_before_it_starts_has_no_day() -> None:
    entry_days, person_days = days_of(Absence(1, 1, date(2026, 3, 6), date(2026, 3, 5)))
    assert entry_days.height == person_days.height == 0


@pytest.mark.parametrize("length", [1, 1_000, LONGEST_SPAN_DAYS - 1, LONGEST_SPAN_DAYS])
def test_an_entry_of_up_to_ten_years_has_every_day(length: int) -> None:
    first = date(2024, 2, 28)
    entry_days, person_days = days_of(Absence(1, 1, first, first + timedelta(days=length - 1)))
    assert entry_days["date_on"].to_list() == [first + timedelta(days=day) for day in range(length)]
    assert person_days.height == length


def test_a_longer_entry_has_days_for_ten_years_only() -> None:
    first = date(2026, 1, 1)
    entry_days, _ = days_of(Absence(1, 1, first, date(9999, 12, 31)))
    assert entry_days.height == LONGEST_SPAN_DAYS
    assert entry_days["date_on"].max() == date(2035, 12, 31) + timedelta(days=1)


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        (date(206, 3, 2), date(2026, 3, 6), 0),
        (date(1969, 12, 31), date(1970, 1, 3), 0),
        (date(1970, 1, 1), date(1970, 1, 3), 3),
        (date(2099, 12, 30), date(9999, 12, 31), 2),
        (date(2100, 1, 1), date(2100, 1, 2), 0),
        (date(9999, 12, 30), date(9999, 12, 31), 0),
    ],
)
def test_only_entries_that_start_from_1970_to_2099_have_materialized_days(
    first: date, last: date, days: int
) -> None:
    entry_days, person_days = days_of(Absence(1, 1, first, last))
    (entry,) = derivable((Absence(1, 1, first, last),)).to_dicts()
    assert entry_days.height == person_days.height == entry["materialized_days"] == days
    assert entry["calendar_days"] == (last - first).days + 1


def test_the_largest_entry_id_does_not_change_the_precedence_of_the_reason() -> None:
    day = date(2026, 3, 2)
    largest = 2**63 - 1
    _, person_days = days_of(
        Absence(1, 1, day, day, reason="vacation", cover=5), Absence(largest, 1, day, day, reason="sick")
    )
    (row,) = person_days.to_dicts()
    assert (row["reason"], row["entry_count"], row["covering_user_id"]) == ("sick", 2, 5)


def test_a_calendar_of_one_day_has_one_row() -> None:
    calendar = build_calendar(date(2024, 12, 30), date(2024, 12, 30))
    assert calendar.schema == DATES.polars_schema
    assert calendar.rows() == [(date(2024, 12, 30), 2024, 4, 12, 1, 1, False)]


def test_people_and_calendars_stay_apart_at_both_ends_of_the_horizon() -> None:
    absences = (
        Absence(1, 1, LAST_DAY, LAST_DAY),
        Absence(2, 2, FIRST_DAY, FIRST_DAY),
        Absence(3, 3, FIRST_DAY, FIRST_DAY),
    )
    never, always = (pl.repeat(value, (LAST_DAY - FIRST_DAY).days + 1, eager=True) for value in (False, True))
    for names in permutations("abc"):
        working = {name: always if name == "b" else never for name in names}
        entries = derivable(absences).with_columns(calendar=pl.Series(["a", "b", "c"]))
        person_days = resolve_person_days(explode_entry_days(entries, working), entries, working)
        rows = person_days.select("user_id", "date_on", "is_working_day").rows()
        assert rows == [(1, LAST_DAY, False), (2, FIRST_DAY, True), (3, FIRST_DAY, False)]
