"""What days are derived from, and where they go: only people for whom something changed are derived again."""

from collections.abc import Iterator
from datetime import date, datetime
from importlib.resources import files
from typing import Any

import duckdb
import polars as pl

from warehouse.connection import insert_frame, read_statement, run_statement


def read_people(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Everyone in the warehouse: organization_id, user_id, email."""
    people: pl.DataFrame = connection.sql(read_statement("load/sql/select_people")).pl()
    return people


def replace_person_calendars(connection: duckdb.DuckDBPyConnection, person_calendars: pl.DataFrame) -> None:
    """Everyone has the calendar that the frame gives them; what it was before is kept for comparison."""
    run_statement(connection, "load/sql/create_former_calendars")
    run_statement(connection, "load/sql/delete_person_calendars")
    insert_frame(connection, "marts.person_calendars", person_calendars)


def take_changed_entries(
    connection: duckdb.DuckDBPyConnection, *, days_at_once: int
) -> Iterator[pl.DataFrame]:
    """The live entries of everyone whose days have to be derived again, whose old days are removed.

    That is everyone with an entry that changed, and everyone whose calendar has other working days since
    `replace_person_calendars`. Each frame has all live entries of some people of one organization with their
    calendar, ascending by person and id, about `days_at_once` days of absence in all: what a load holds in
    memory does not grow with the organization.
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
        yield connection.sql(select, params=group).pl()


def _groups(people: list[tuple[Any, ...]], days_at_once: int) -> Iterator[dict[str, int]]:
    """Consecutive people of one organization whose days come to about `days_at_once`, first and last."""
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
    """The days that were derived from some people's entries are in the marts."""
    insert_frame(connection, "marts.fct_entry_days", entry_days)
    insert_frame(connection, "marts.person_days", person_days)


def replace_dimensions(connection: duckdb.DuckDBPyConnection, **dimensions: pl.DataFrame) -> None:
    """Each dimension, by its name in `marts` (a name from this program), has the rows of its frame."""
    for name, rows in dimensions.items():
        connection.execute(f"DELETE FROM marts.{name}").fetchall()  # noqa: S608
        insert_frame(connection, f"marts.{name}", rows)


def read_calendar_span(connection: duckdb.DuckDBPyConnection, observed_at: datetime) -> tuple[date, date]:
    """The first and last day that the calendar has to have, both included."""
    first_on, last_on = run_statement(
        connection, "load/sql/select_calendar_span", {"observed_at": observed_at}
    )[0]
    return first_on, last_on


def create_mart_views(connection: duckdb.DuckDBPyConnection) -> None:
    """The views of `marts` are this program's."""
    for entry in sorted(files("warehouse").joinpath("load/marts").iterdir(), key=lambda one: one.name):
        if entry.name.endswith(".sql"):
            run_statement(connection, f"load/marts/{entry.name.removesuffix('.sql')}")
