"""What days are derived from, and where they go: only the people whose entries changed are derived again."""

from collections.abc import Iterator
from datetime import date, datetime
from importlib.resources import files
from typing import Any

import duckdb
import polars as pl

from warehouse.connection import insert_frame, read_statement, run_statement


def take_changed_entries(
    connection: duckdb.DuckDBPyConnection, organization_id: int, *, days_at_once: int
) -> Iterator[pl.DataFrame]:
    """The live entries of everyone whose days have to be derived again, whose old days are removed.

    Each frame has all live entries of some people, ascending by person and id, about `days_at_once` days
    of absence in all: what a load holds in memory does not grow with the organization.
    """
    parameters = {"organization_id": organization_id}
    for name in (
        "create_changed_people",
        "create_changed_entries",
        "delete_entry_days",
        "delete_person_days",
    ):
        run_statement(connection, f"sql/{name}", parameters)
    select = read_statement("sql/select_changed_entries")
    for first, last in _groups(run_statement(connection, "sql/select_changed_people"), days_at_once):
        parameters = {"first_user_id": first, "last_user_id": last}
        yield connection.sql(select, params=parameters).pl()


def _groups(people: list[tuple[Any, ...]], days_at_once: int) -> Iterator[tuple[int, int]]:
    """The first and last of consecutive (user id, days) that come to about `days_at_once` days."""
    first, days = None, 0
    for position, (user_id, own_days) in enumerate(people):
        first = user_id if first is None else first
        days += own_days
        if days >= days_at_once or position == len(people) - 1:
            yield first, user_id
            first, days = None, 0


def insert_days(
    connection: duckdb.DuckDBPyConnection, *, entry_days: pl.DataFrame, person_days: pl.DataFrame
) -> None:
    """The days that were derived from some people's entries are in the marts."""
    insert_frame(connection, "marts.fct_entry_days", entry_days)
    insert_frame(connection, "marts.person_days", person_days)


def replace_dimensions(
    connection: duckdb.DuckDBPyConnection, *, dates: pl.DataFrame, reasons: pl.DataFrame
) -> None:
    """The calendar and the reasons are those of the frames."""
    connection.execute("DELETE FROM marts.dim_dates").fetchall()
    connection.execute("DELETE FROM marts.dim_reasons").fetchall()
    insert_frame(connection, "marts.dim_dates", dates)
    insert_frame(connection, "marts.dim_reasons", reasons)


def read_calendar_span(connection: duckdb.DuckDBPyConnection, observed_at: datetime) -> tuple[date, date]:
    """The first and last day that the calendar has to have, both included."""
    first_on, last_on = run_statement(connection, "sql/select_calendar_span", {"observed_at": observed_at})[0]
    return first_on, last_on


def create_mart_views(connection: duckdb.DuckDBPyConnection) -> None:
    """The views of `marts` are this program's."""
    for entry in sorted(files("warehouse").joinpath("marts").iterdir(), key=lambda one: one.name):
        if entry.name.endswith(".sql"):
            run_statement(connection, f"marts/{entry.name.removesuffix('.sql')}")
