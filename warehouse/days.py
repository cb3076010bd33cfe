"""What days are derived from, and where they go: only the people whose entries changed are derived again."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from importlib.resources import files

import duckdb
import polars as pl

from warehouse.connection import insert_frame, read_statement, run_statement


def find_changed_people(
    connection: duckdb.DuckDBPyConnection, organization_id: int, *, days_at_once: int
) -> Iterator[list[int]]:
    """The people whose days have to be derived again, ascending, in groups of about `days_at_once` days."""
    parameters = {"organization_id": organization_id}
    run_statement(connection, "sql/create_changed_people", parameters)
    group: list[int] = []
    days = 0
    for user_id, own_days in run_statement(connection, "sql/select_changed_people"):
        if group and days + own_days > days_at_once:
            yield group
            group, days = [], 0
        group.append(user_id)
        days += own_days
    if group:
        yield group


def read_live_entries(
    connection: duckdb.DuckDBPyConnection, organization_id: int, user_ids: Sequence[int]
) -> pl.DataFrame:
    """The live entries of `user_ids`, ascending by id: what days are derived from."""
    parameters = {"organization_id": organization_id, "user_ids": list(user_ids)}
    entries: pl.DataFrame = connection.sql(read_statement("sql/select_live_entries"), params=parameters).pl()
    return entries


def replace_days(
    connection: duckdb.DuckDBPyConnection,
    organization_id: int,
    user_ids: Sequence[int],
    *,
    entry_days: pl.DataFrame,
    person_days: pl.DataFrame,
) -> None:
    """The days of `user_ids` are those of the frames, and no others."""
    parameters = {"organization_id": organization_id, "user_ids": list(user_ids)}
    run_statement(connection, "sql/delete_entry_days", parameters)
    run_statement(connection, "sql/delete_person_days", parameters)
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
