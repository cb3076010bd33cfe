"""Read the entries that days are derived from, and store the days, of the people with changes only."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from importlib.resources import files
from itertools import pairwise
from typing import Any

import duckdb
import polars as pl

from warehouse.connection import insert_frame, read_statement, run_statement


def read_people(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Return every person in the warehouse: organization_id, user_id, email."""
    people: pl.DataFrame = connection.sql(read_statement("load/sql/select_people")).pl()
    return people


def replace_person_calendars(connection: duckdb.DuckDBPyConnection, person_calendars: pl.DataFrame) -> None:
    """Store the calendar of every person, and keep the former calendars for comparison."""
    run_statement(connection, "load/sql/create_former_calendars")
    run_statement(connection, "load/sql/delete_person_calendars")
    insert_frame(connection, "marts.person_calendars", person_calendars)


def take_changed_entries(
    connection: duckdb.DuckDBPyConnection, *, days_at_once: int
) -> Iterator[pl.DataFrame]:
    """Remove the days of the people whose days have changed, and yield the live entries of these people.

    These are the people with a changed entry, and the people whose calendar has had other working days since
    `replace_person_calendars`. Each frame holds the live entries of some people of one organization with their
    calendar, ascending by person and id, of about `days_at_once` days of absence in all. The entries of a person with
    more days are cut into consecutive ranges of dates, one frame per range. The memory of a load therefore grows
    neither with the organization nor with a person; it grows with the number of entries of a person on one date.
    """
    for name in (
        "create_changed_people",
        "create_changed_entries",
        "delete_entry_days",
        "delete_person_days",
    ):
        run_statement(connection, f"load/sql/{name}")
    select = read_statement("load/sql/select_changed_entries")
    for group in _groups(run_statement(connection, "load/sql/select_changed_people"), days_at_once):
        for first_on, last_on in _ranges(connection, group, days_at_once):
            yield connection.sql(select, params={**group, "first_on": first_on, "last_on": last_on}).pl()


def _ranges(
    connection: duckdb.DuckDBPyConnection, group: dict[str, int], days_at_once: int
) -> Iterator[tuple[date, date]]:
    """Yield ranges of dates, of about `days_at_once` days of absence each, if the group is one person."""
    starts_on = date.min
    if group["first_user_id"] == group["last_user_id"]:
        person = {"organization_id": group["organization_id"], "user_id": group["first_user_id"]}
        changes = run_statement(connection, "load/sql/select_entry_counts", person)
        entries = days = 0
        for (date_on, change), (next_on, _) in pairwise(changes):
            entries += change
            while entries and date_on < next_on:
                step = min(max((days_at_once - days) // entries, 1), (next_on - date_on).days)
                date_on += timedelta(days=step)  # noqa: PLW2901 - the rest of the span
                days += step * entries
                if days >= days_at_once:
                    yield starts_on, date_on - timedelta(days=1)
                    starts_on, days = date_on, 0
    yield starts_on, date.max


def _groups(people: list[tuple[Any, ...]], days_at_once: int) -> Iterator[dict[str, int]]:
    """Yield the first and last of consecutive people of one organization with about `days_at_once` days."""
    first, days = None, 0
    for position, (organization_id, user_id, own_days) in enumerate(people):
        first = user_id if first is None else first
        days += own_days
        is_last = position == len(people) - 1 or people[position + 1][0] != organization_id
        if days >= days_at_once or is_last:
            yield {"organization_id": organization_id, "first_user_id": first, "last_user_id": user_id}
            first, days = None, 0


def insert_days(
    connection: duckdb.DuckDBPyConnection, *, entry_days: pl.DataFrame, person_days: pl.DataFrame
) -> None:
    """Append the days that were derived from the entries of some people to the marts."""
    insert_frame(connection, "marts.fct_entry_days", entry_days)
    insert_frame(connection, "marts.person_days", person_days)


def replace_dimensions(connection: duckdb.DuckDBPyConnection, **dimensions: pl.DataFrame) -> None:
    """Replace the rows of each dimension, given by its table name in `marts`, by those of its frame."""
    for name, rows in dimensions.items():
        connection.execute(f"DELETE FROM marts.{name}").fetchall()  # noqa: S608 - names from this program
        insert_frame(connection, f"marts.{name}", rows)


def read_calendar_span(connection: duckdb.DuckDBPyConnection, observed_at: datetime) -> tuple[date, date]:
    """Return the first and the last day that the calendar must have, both included."""
    first_on, last_on = run_statement(
        connection, "load/sql/select_calendar_span", {"observed_at": observed_at}
    )[0]
    return first_on, last_on


def create_mart_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the views of `marts`, in place of those of an earlier version of the program."""
    names = sorted(entry.name for entry in files("warehouse").joinpath("load/marts").iterdir())
    for name in names:
        if name.endswith(".sql"):
            run_statement(connection, f"load/marts/{name.removesuffix('.sql')}")
