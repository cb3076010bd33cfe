"""Generated organizations for the measures, and the published tables that hold them."""

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import duckdb
import polars as pl
from hypothesis import strategies as st

from tests.support.naive import NaiveWarehouse
from tests.support.naive_rules import ORDER, REASONS
from tests.support.readings import Absence, Calendar, Policy, Reading
from transforms.schema import PUBLISHED
from warehouse.connection import run_statement
from warehouse.publish.measures import find_measures

# The days from the Friday before Christmas include weekends and the end of a year. The others are around 29 February.
FIRST_DAY = date(2023, 12, 22)
DAYS = st.integers(0, 11).map(lambda days: FIRST_DAY + timedelta(days=days)) | st.sampled_from(
    [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)]
)
LENGTHS = st.sampled_from([0, 0, 0, 1, 1, 2, 3, 4, 7, 11, 60, 999, -2])
USER_IDS = st.sampled_from([1, 2, 3])
CALENDARS = {
    "monday-to-friday": Calendar(),
    "holidays": Calendar(holidays=frozenset({date(2023, 12, 25), date(2023, 12, 26), date(2024, 1, 1)})),
    "sunday-to-wednesday": Calendar(weekdays=frozenset({7, 1, 2, 3})),
}
HOURS_AHEAD = {1: 1, 2: 8, 3: 13}
"""Entries that an old server stored in its local time, by id, with the hours of that time zone before UTC."""

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
POLICIES = st.builds(
    Policy,
    calendars=st.just(CALENDARS),
    default=st.sampled_from(list(CALENDARS)),
    people=st.dictionaries(USER_IDS, st.sampled_from(list(CALENDARS)), max_size=2),
)


@st.composite
def absences(draw: Callable[..., Any]) -> Absence:
    first = draw(DAYS)
    return Absence(
        entry_id=draw(st.integers(1, 14)),
        user_id=draw(USER_IDS),
        first=first,
        last=first + timedelta(days=draw(LENGTHS)),
        reason=draw(st.sampled_from(["sick", "sick", "vacation", "public_holiday", None])),
        cover=draw(st.sampled_from([1, 2, 3, 1, 2, 3, 4, 99, None])),
    )


@st.composite
def organizations(draw: Callable[..., Any]) -> list[Reading]:
    """Draw a few readings of one or two organizations. Most are complete, and a few organizations are empty."""
    at = dt.datetime.combine(FIRST_DAY, dt.time(5))
    verdict = st.sampled_from(["complete", "complete", "complete", "failed"])
    fewest = draw(st.sampled_from([6, 6, 6, 0]))
    readings = []
    for _ in range(draw(st.sampled_from([3, 2, 4, 1]))):
        at += timedelta(days=draw(st.sampled_from([1, 1, 2, 5, 70])))
        drawn = st.lists(absences(), min_size=fewest, max_size=9, unique_by=lambda absence: absence.entry_id)
        left_user_id = draw(st.sampled_from([None, 1, None, 2]))
        users = draw(st.sampled_from([(1, 2, 3), (1, 2, 3, 4), (2, 3, 4), ()])) if fewest else ()
        readings.append(
            Reading(
                organization_id=draw(st.sampled_from([7, 7, 7, 8])),
                at=at,
                users=tuple(user_id for user_id in users if user_id != left_user_id),
                absences=tuple(absence for absence in draw(drawn) if absence.user_id != left_user_id),
                verdicts={("users", None): draw(verdict), ("organization", None): draw(verdict)},
                policy=draw(POLICIES),
            )
        )
    return readings


@contextmanager
def open_measures() -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a database with the published tables, empty, and every measure."""
    with duckdb.connect(config={"threads": 1}) as connection:
        for table in PUBLISHED:
            columns = ", ".join(f"{column.name} {column.sql_type}" for column in table.columns)
            connection.execute(f"CREATE TABLE {table.name} ({columns})").fetchall()
        for measure in find_measures():
            run_statement(connection, measure.statement)
        yield connection


def read_naively(nights: list[Reading]) -> NaiveWarehouse:
    """Return the naive engine after the readings."""
    naive = NaiveWarehouse()
    for reading in nights:
        naive.read(reading)
    naive.settle()
    naive.age_first_versions(HOURS_AHEAD)
    return naive


def fill_tables(published: duckdb.DuckDBPyConnection, naive: NaiveWarehouse, nights: list[Reading]) -> None:
    """Replace the rows of the tables by those of `naive`; columns that it does not have are null."""
    rows = dict(naive.tables())
    rows["dim_reasons"] = [
        {"reason": code, "label": label, "sort_order": ORDER[code]} for code, label in REASONS.items()
    ]
    rows["dim_calendars"] = [
        {
            "calendar": name,
            "work_week": ", ".join(WEEKDAYS[weekday - 1] for weekday in sorted(calendar.weekdays)),
        }
        for name, calendar in CALENDARS.items()
    ]
    rows["runs"] = [
        {
            "organization_id": reading.organization_id,
            "started_at": reading.at,
            "outcome": "complete" if reading.is_complete else "partial",
        }
        for reading in nights
    ]
    for table in PUBLISHED:
        schema = {column.name: column.dtype for column in table.columns}
        frame = pl.DataFrame(
            [{name: row.get(name) for name in schema} for row in rows.get(table.name, [])], schema=schema
        )
        published.execute(f"DELETE FROM {table.name}").fetchall()
        if len(frame):
            published.execute(f"INSERT INTO {table.name} FROM frame").fetchall()
