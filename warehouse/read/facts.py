"""Read the facts of the status and of the report page from the publication and from the warehouse."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import duckdb

from warehouse.connection import read_statement, run_statement
from warehouse.load.audit import Audit

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


def read_freshness(published: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Return the instant of the latest published snapshot, and the live and the unconfirmed rows."""
    names = ("snapshot_at", "people", "people_stale", "entries", "entries_stale")
    return dict(zip(names, run_statement(published, "read/sql/select_freshness")[0], strict=True))


def read_headline(published: duckdb.DuckDBPyConnection, today_on: date) -> dict[str, int]:
    """Return the headline figures of all organizations by name, such as the people who are out on `today_on`."""
    names = ("people", "entries", "people_out_today", "absence_working_days_of_30_days")
    return dict(
        zip(
            names,
            run_statement(published, "read/sql/select_headline", {"today_on": today_on})[0],
            strict=True,
        )
    )


def read_last_runs(published: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return the last five published runs, newest first, with the number of their changes."""
    names = (
        *("run_id", "finished_at", "strategy", "outcome", "rows_in", "rows_inserted", "rows_updated"),
        *("rows_deleted", "rows_quarantined", "scopes_not_complete"),
    )
    return [
        dict(zip(names, row, strict=True)) for row in run_statement(published, "read/sql/select_last_runs")
    ]


def read_quarantine(warehouse: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """Return the number of records that the latest run quarantined, by kind and reason code."""
    names = ("record_kind", "problem", "records")
    rows = run_statement(warehouse, "read/sql/select_latest_quarantine")
    return [dict(zip(names, row, strict=True)) for row in rows]


def read_audits(warehouse: duckdb.DuckDBPyConnection) -> list[Audit]:
    """Return the latest audits, including those that stopped a publication."""
    return [Audit(*row) for row in run_statement(warehouse, "read/sql/select_latest_audits")]
