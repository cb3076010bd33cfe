"""Compare the days of absence with plain Python: no date moves, no day is lost, and no day counts twice."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from landing.segments import ENTRY_SCHEMA
from tests.properties.test_marts import absences
from tests.support.calendars import WORKING
from tests.support.naive import NaiveWarehouse
from tests.support.naive_rules import dates_of, days_between, materialized_days
from tests.support.readings import Absence
from tests.support.warehouse import derivable, landed, night, read_all
from transforms.days import build_calendar, explode_entry_days, resolve_person_days
from transforms.entries import normalise_entries

ANY_DATE = st.dates(min_value=date(1990, 1, 1), max_value=date(2060, 12, 31))
ANY_TIME = st.times()
ANY_INSTANT = st.builds(datetime.combine, ANY_DATE, ANY_TIME)
CLOCK_CHANGES = st.sampled_from([timedelta(0), timedelta(hours=1), timedelta(hours=-1), timedelta(hours=2)])
LAST_INSTANTS = st.sampled_from([timedelta(milliseconds=-1), timedelta(seconds=-1), timedelta(0)])


@st.composite
def local_spans(draw: Callable[..., Any]) -> tuple[datetime, datetime]:
    """Draw a span that begins at any hour and lasts a number of whole days, perhaps with a clock change."""
    start = datetime.combine(draw(ANY_DATE), time(draw(st.integers(0, 23)), draw(st.sampled_from([0, 30]))))
    return start, start + timedelta(days=draw(st.integers(0, 9))) + draw(CLOCK_CHANGES) + draw(LAST_INSTANTS)


@settings(max_examples=300, deadline=None)
@given(span=st.tuples(ANY_INSTANT, ANY_INSTANT) | local_spans())
def test_the_dates_of_an_entry_follow_the_date_rule_for_any_times_of_day(
    span: tuple[datetime, datetime],
) -> None:
    start, end = (instant.replace(microsecond=instant.microsecond // 1000 * 1000) for instant in span)
    texts = {"start": f"{start.isoformat():.23}Z", "end": f"{end.isoformat():.23}Z"}
    row = {"page": 1, "id": 1, "uuid": "u", "user_id": 1, "has_notes": False, **texts}
    (entry,) = normalise_entries(landed([row], ENTRY_SCHEMA), organization_id=7).to_dicts()
    first, last, date_rule = dates_of(start, end)
    assert (entry["starts_on"], entry["ends_on"], entry["date_rule"]) == (first, last, date_rule)
    assert date_rule == "nearest_midnight" or (first, last) == (start.date(), end.date())
    assert entry["calendar_days"] == len(days_between(first, last))
    assert entry["materialized_days"] == len(materialized_days(first, last))
    assert (entry["starts_at_raw"], entry["ends_at_raw"]) == (start, end)


@settings(max_examples=200, deadline=None)
@given(drawn=st.lists(absences(), max_size=25, unique_by=lambda absence: absence.entry_id))
def test_the_derived_days_equal_those_of_the_naive_engine(drawn: list[Absence]) -> None:
    naive = NaiveWarehouse()
    naive.read(read_all(tuple(drawn), at=night(1)))
    entries = derivable(tuple(drawn))
    entry_days = explode_entry_days(entries, WORKING)
    person_days = resolve_person_days(entry_days, entries, WORKING)
    assert {(7, row["entry_id"], row["date_on"]) for row in entry_days.to_dicts()} == set(naive.entry_days())
    assert entry_days.height == len(naive.entry_days())
    expected = [
        {"organization_id": 7, "user_id": user_id, "date_on": day}
        | {name: value for name, value in row.items() if name != "is_cover_absent"}
        for (_, user_id, day), row in sorted(naive.absence_days().items())
    ]
    assert person_days.to_dicts() == expected


@settings(max_examples=100, deadline=None)
@given(first=ANY_DATE, length=st.integers(0, 800))
def test_the_calendar_has_every_date_once_with_the_numbers_that_python_computes(
    first: date, length: int
) -> None:
    last = first + timedelta(days=length)
    calendar = build_calendar(first, last).to_dicts()
    assert [row["date_on"] for row in calendar] == days_between(first, last)
    for row in calendar:
        day = row["date_on"]
        iso = day.isocalendar()
        assert (row["year"], row["month"], row["iso_week"]) == (day.year, day.month, iso.week)
        assert (row["weekday"], row["is_weekend"]) == (iso.weekday, iso.weekday > 5)
        assert row["quarter"] == (day.month + 2) // 3


def test_a_day_has_the_type_date_in_every_frame() -> None:
    entries = derivable(())
    entry_days = explode_entry_days(entries, WORKING)
    frames = (entry_days, resolve_person_days(entry_days, entries, WORKING))
    assert all(frame.schema["date_on"] == pl.Date for frame in frames)
