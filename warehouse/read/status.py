"""How fresh and how whole things are: from the publication, and from what the warehouse keeps to itself."""

from typing import Any

import duckdb

from warehouse.connection import run_statement
from warehouse.load.findings import Audit


def read_freshness(published: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """The latest published snapshot, what is live, and what of that the snapshot did not confirm."""
    names = ("snapshot_at", "people", "people_stale", "entries", "entries_stale")
    return dict(zip(names, run_statement(published, "read/sql/select_freshness")[0], strict=True))


def read_last_runs(published: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """The last five published runs, newest first, with what each changed."""
    names = (
        *("run_id", "finished_at", "strategy", "outcome", "rows_in", "rows_inserted", "rows_updated"),
        *("rows_deleted", "rows_quarantined", "scopes_not_complete"),
    )
    return [
        dict(zip(names, row, strict=True)) for row in run_statement(published, "read/sql/select_last_runs")
    ]


def read_quarantine(warehouse: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    """How many records the latest run could not read, by kind and reason code."""
    names = ("record_kind", "problem", "records")
    rows = run_statement(warehouse, "read/sql/select_latest_quarantine")
    return [dict(zip(names, row, strict=True)) for row in rows]


def read_audits(warehouse: duckdb.DuckDBPyConnection) -> list[Audit]:
    """What the latest audits found, whether or not that was published."""
    return [Audit(*row) for row in run_statement(warehouse, "read/sql/select_latest_audits")]
