"""Read the facts of the report page from a published database."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import duckdb

from warehouse.connection import read_statement

YEARS_BACK, YEARS_AHEAD = 3, 1
"""The span of the page: whole calendar years before and after that of the newest snapshot."""

DAYS_SHOWN = 14
"""The days of the list of absent people: the week of the snapshot and the next one, from Monday."""

DAYS_AHEAD = 90
"""The days after the snapshot for which the page shows peaks and coverage conflicts."""

MOST_ROWS = 500
"""The maximum number of rows in a list of people; the page shows the total number beside it."""

MOST_RUNS = 10

Row = dict[str, Any]


@dataclass(frozen=True)
class ReportFacts:
    """The facts of one page; each list is in the order of the page."""

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


def read_report_facts(published: duckdb.DuckDBPyConnection) -> ReportFacts | None:
    """Return the facts of the published database that `published` has open; None if it has no snapshot.

    The sums are per day and reason, as in the macros, so that the page can add them up over any range.
    """
    organizations = list(_rows(published, "select_organizations"))
    snapshots = [
        organization["observed_at"]
        for organization in organizations
        if organization["observed_at"] is not None
    ]
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
        reasons=list(_rows(published, "select_reasons")),
        organizations=organizations,
        days=list(_rows(published, "select_days", **span)),
        available_days=list(_rows(published, "select_available_days", **span)),
        out=list(_rows(published, "select_out", **shown)),
        conflicts=list(_rows(published, "select_conflicts", **ahead)),
        runs=list(_rows(published, "select_runs", most=MOST_RUNS)),
    )


def _rows(published: duckdb.DuckDBPyConnection, name: str, **parameters: Any) -> Iterator[Row]:
    cursor = published.execute(read_statement(f"read/sql/{name}"), parameters)
    names = [column[0] for column in cursor.description or ()]
    for row in cursor.fetchall():
        yield dict(zip(names, row, strict=True))
