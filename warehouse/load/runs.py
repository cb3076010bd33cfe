"""The runs' own rows: what each read, changed and ended as."""

from dataclasses import asdict, dataclass
from datetime import datetime

import duckdb

from warehouse.connection import run_statement


@dataclass(frozen=True)
class RunRow:
    """One row of `ops.runs`; instants are UTC without a zone."""

    run_id: str
    organization_id: int
    started_at: datetime
    finished_at: datetime
    strategy: str
    outcome: str
    requests: int = 0
    retries: int = 0
    waited_seconds: float = 0.0
    rows_in: int = 0
    rows_inserted: int = 0
    rows_updated: int = 0
    rows_unchanged: int = 0
    rows_quarantined: int = 0
    rows_deleted: int = 0
    scopes_complete: int = 0
    scopes_unproven: int = 0
    scopes_failed: int = 0
    error: str | None = None


def insert_run(connection: duckdb.DuckDBPyConnection, run: RunRow) -> None:
    """The run has its row; one that it left when it failed and was resumed is replaced."""
    run_statement(connection, "load/sql/delete_run", {"run_id": run.run_id})
    run_statement(connection, "load/sql/insert_run", asdict(run))


def find_run(connection: duckdb.DuckDBPyConnection, run_id: str) -> RunRow | None:
    """The row of a run whose snapshot is part of the warehouse already, else None."""
    rows = run_statement(connection, "load/sql/select_applied_run", {"run_id": run_id})
    return RunRow(*rows[0]) if rows else None


def latest_snapshot_at(connection: duckdb.DuckDBPyConnection, organization_id: int) -> datetime | None:
    """When the organization's latest applied snapshot was taken, UTC without a zone; None if never."""
    rows = run_statement(connection, "load/sql/select_latest_snapshot", {"organization_id": organization_id})
    latest: datetime | None = rows[0][0] if rows else None
    return latest


@dataclass(frozen=True)
class Difference:
    """One entry that the two strategies of a run did not read alike; `columns` names what differs."""

    user_id: int
    entry_id: int
    difference: str
    """`only_org_wide`, `only_per_user` or `differs`."""
    columns: str | None


def find_differences(connection: duckdb.DuckDBPyConnection, run_id: str) -> list[Difference]:
    """Every difference that the run found, by user; none if it read with one strategy."""
    return [
        Difference(*row)
        for row in run_statement(connection, "load/sql/select_differences", {"run_id": run_id})
    ]


@dataclass(frozen=True)
class KnownSize:
    """What the warehouse knows of an organization: people who have not left, live entries, and as of when."""

    people: int
    entries: int
    observed_at: datetime


def known_size(connection: duckdb.DuckDBPyConnection, organization_id: int) -> KnownSize | None:
    """What the last runs saw, for choosing a strategy; None before the first."""
    observed_at = latest_snapshot_at(connection, organization_id)
    if observed_at is None:
        return None
    parameters = {"organization_id": organization_id}
    people, entries = run_statement(connection, "load/sql/select_known_size", parameters)[0]
    return KnownSize(people, entries, observed_at)
