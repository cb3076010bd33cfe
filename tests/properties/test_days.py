"""Compare the days of absence with plain Python: no date moves, no day is lost, and no day counts twice."""

from datetime import date, datetime, timedelta

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from landing.segments import ENTRY_SCHEMA
from tests.properties.test_marts import absences
from tests.support.calendars import WORKING
from tests.support.naive import NaiveWarehouse, days_between, materialized_days
from tests.support.readings import Absence
from tests.support.warehouse import derivable, landed, night, read_all
from transforms.days import build_calendar, explode_entry_days, resolve_person_days
from transforms.entries import normalise_entries

ANY_DATE = st.dates(min_value=date(1990, 1, 1), max_value=date(2060, 12, 31))
ANY_TIME = st.times()


@settings(max_examples=300, deadline=None)
@given(start=st.tuples(ANY_DATE, ANY_TIME), end=st.tuples(ANY_DATE, ANY_TIME))
def test_the_date_of_an_entry_never_moves_for_any_time_of_day(
    start: tuple[date, object], end: tuple[date, object]
) -> None:
    texts = {name: f"{day}T{time!s:.12}Z" for name, (day, time) in {"start": start, "end": end}.items()}
    row = {"page": 1, "id": 1, "uuid": "u", "user_id": 1, "has_notes": False, **texts}
    (entry,) = normalise_entries(landed([row], ENTRY_SCHEMA), organization_id=7).to_dicts()
    assert (entry["starts_on"], entry["ends_on"]) == (start[0], end[0])
    assert entry["calendar_days"] == len(days_between(start[0], end[0]))
    assert entry["materialized_days"] == len(materialized_days(start[0], end[0]))
    assert entry["starts_at_raw"] == datetime.fromisoformat(texts["start"][:-1])


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
