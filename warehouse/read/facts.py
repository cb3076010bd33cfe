"""Read the facts of the status from the publication and from the warehouse."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import duckdb

from warehouse.connection import read_statement, run_statement
from warehouse.load.audit import Audit

Row = dict[str, Any]


@dataclass(frozen=True)
class OrganizationFreshness:
    """The freshness of one organization; instants are UTC without a zone."""

    organization_id: int | None
    """None if no attempt has found out the id."""
    name: str | None
    """The name in the fleet file, else the display name."""
    snapshot_at: datetime | None
    """The latest snapshot; None before one."""
    is_stale: bool
    left_fleet_at: datetime | None
    """The first fleet sync whose file lacked the organization; None if it was read since then."""
    last_attempt_at: datetime | None
    error: str | None
    """The cause if the latest attempt failed."""

    @property
    def label(self) -> str:
        """Return the name and the id; without one of them, the other."""
        own = None if self.organization_id is None else f"organization {self.organization_id}"
        return f"{self.name} ({own})" if self.name and own else self.name or own or "an unknown organization"


def read_freshness(published: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    """Return the number of live rows, and of those that are stale."""
    names = ("people", "people_stale", "entries", "entries_stale")
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


def read_organizations(connection: duckdb.DuckDBPyConnection) -> list[OrganizationFreshness]:
    """Return the freshness of every organization, by id, then of each name that was never read.

    `connection` has the published tables: the published database, or the schema `marts` of the warehouse.
    """
    organizations = {
        row["organization_id"]: row for row in _rows(connection, "select_published_organizations")
    }
    attempts: dict[int | str, Row] = {}
    for run in _rows(connection, "select_latest_attempts"):
        key = run["organization_id"] if run["organization_id"] is not None else run.get("fleet_name")
        if key is not None:
            attempts[key] = run
    known = {row.get("fleet_name") for row in organizations.values()}
    freshness = []
    for key, row in organizations.items():
        attempt = attempts.get(key, {})
        freshness.append(
            OrganizationFreshness(
                organization_id=key,
                name=row.get("fleet_name") or attempt.get("fleet_name") or row["name"],
                snapshot_at=row["last_snapshot_at"],
                is_stale=row["is_stale"],
                left_fleet_at=row.get("left_fleet_at"),
                last_attempt_at=attempt.get("started_at"),
                error=attempt.get("error"),
            )
        )
    never_read = {key: run for key, run in attempts.items() if isinstance(key, str) and key not in known}
    return freshness + [
        OrganizationFreshness(
            organization_id=None,
            name=name,
            snapshot_at=None,
            is_stale=True,
            left_fleet_at=None,
            last_attempt_at=run["started_at"],
            error=run["error"],
        )
        for name, run in sorted(never_read.items())
    ]


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
    """Return the number of records that the latest run of each organization quarantined, by kind and reason code."""
    names = ("organization_id", "record_kind", "problem", "records")
    rows = run_statement(warehouse, "read/sql/select_latest_quarantine")
    return [dict(zip(names, row, strict=True)) for row in rows]


def read_audits(warehouse: duckdb.DuckDBPyConnection) -> list[Audit]:
    """Return the latest audits, including those that stopped a publication."""
    return [Audit(*row) for row in run_statement(warehouse, "read/sql/select_latest_audits")]


def _rows(connection: duckdb.DuckDBPyConnection, name: str) -> Iterator[Row]:
    cursor = connection.execute(read_statement(f"read/sql/{name}"))
    names = [column[0] for column in cursor.description or ()]
    for row in cursor.fetchall():
        yield dict(zip(names, row, strict=True))
