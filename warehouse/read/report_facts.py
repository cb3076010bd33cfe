"""What the report page shows, read from a published database: sums by day, never more than it needs."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import duckdb

from warehouse.connection import read_statement

YEARS_BACK, YEARS_AHEAD = 3, 1
"""The page's dates: whole calendar years around the newest snapshot."""

DAYS_SHOWN = 14
"""Who is out: the week of the snapshot and the next, from Monday."""

DAYS_AHEAD = 90
"""How far peaks and coverage conflicts are looked for."""

MOST_ROWS = 500
"""Rows of a list of people, at most; the page says how many there are."""

MOST_RUNS = 10

Row = dict[str, Any]


@dataclass(frozen=True)
class ReportFacts:
    """What one page shows; each list is sorted as it is shown."""

    as_of: datetime
    """The newest snapshot of any organization, UTC without a zone."""
    first_on: date
    last_on: date
    monday_on: date
    reasons: list[Row]
    organizations: list[Row]
    days: list[Row]
    available_days: list[Row]
    out: list[Row]
    conflicts: list[Row]
    runs: list[Row]


def read_report_facts(reader: duckdb.DuckDBPyConnection) -> ReportFacts | None:
    """The facts of the database that `reader` has open (an `ooo.duckdb`); None if no run ever loaded.

    Sums are those of the macros: by day and reason, so that a page can add them up over any range.
    """
    organizations = list(_rows(reader, "select_organizations"))
    snapshots = [one["observed_at"] for one in organizations if one["observed_at"] is not None]
    if not snapshots:
        return None
    as_of = max(snapshots)
    today = as_of.date()
    first_on, last_on = date(today.year - YEARS_BACK, 1, 1), date(today.year + YEARS_AHEAD, 12, 31)
    span = {"first_on": first_on, "last_on": last_on}
    monday_on = today - timedelta(days=today.weekday())
    shown = {"first_on": monday_on, "last_on": monday_on + timedelta(days=DAYS_SHOWN - 1), "most": MOST_ROWS}
    ahead = {"first_on": today, "last_on": today + timedelta(days=DAYS_AHEAD - 1), "most": MOST_ROWS}
    return ReportFacts(
        as_of=as_of,
        first_on=first_on,
        last_on=last_on,
        monday_on=monday_on,
        reasons=list(_rows(reader, "select_reasons")),
        organizations=organizations,
        days=list(_rows(reader, "select_days", **span)),
        available_days=list(_rows(reader, "select_available_days", **span)),
        out=list(_rows(reader, "select_out", **shown)),
        conflicts=list(_rows(reader, "select_conflicts", **ahead)),
        runs=list(_rows(reader, "select_runs", most=MOST_RUNS)),
    )


def _rows(reader: duckdb.DuckDBPyConnection, name: str, **parameters: Any) -> Iterator[Row]:
    cursor = reader.execute(read_statement(f"read/sql/{name}"), parameters)
    names = [column[0] for column in cursor.description or ()]
    for row in cursor.fetchall():
        yield dict(zip(names, row, strict=True))
