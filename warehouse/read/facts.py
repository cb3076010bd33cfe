"""Read the facts of the status from the publication and from the warehouse."""

from datetime import date
from typing import Any

import duckdb

from warehouse.connection import run_statement
from warehouse.load.audit import Audit


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
