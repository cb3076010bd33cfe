"""The table of runs, and the state that earlier runs left for one organization."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import duckdb
import polars as pl

from warehouse.connection import insert_frame, read_statement, run_statement, transaction


def insert_run(connection: duckdb.DuckDBPyConnection, row: Mapping[str, Any]) -> None:
    """Insert the row of a run, a value for each column of `ops.runs`.

    Replaces the row that the run left when it failed before it was resumed.
    """
    insert_runs(connection, [row])


def insert_runs(connection: duckdb.DuckDBPyConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert the rows of several runs, as `insert_run` does for one."""
    run_statement(connection, "load/sql/delete_runs", {"run_ids": [row["run_id"] for row in rows]})
    insert_frame(connection, "ops.runs", pl.DataFrame([dict(row) for row in rows], infer_schema_length=None))


def find_run(connection: duckdb.DuckDBPyConnection, run_id: str) -> dict[str, Any] | None:
    """Return the row of a run whose snapshot is part of the warehouse already, or None."""
    statement = read_statement("load/sql/select_applied_run")
    rows: list[dict[str, Any]] = connection.sql(statement, params={"run_id": run_id}).pl().to_dicts()
    return rows[0] if rows else None


def read_organization_names(connection: duckdb.DuckDBPyConnection) -> dict[int, str | None]:
    """Return the ids of all organizations that were loaded or attempted, each with its name in the fleet file."""
    return dict(run_statement(connection, "load/sql/select_organization_ids"))


def find_only_organization(connection: duckdb.DuckDBPyConnection) -> int | None:
    """Return the id of the organization if the warehouse has only one, else None."""
    ids = list(read_organization_names(connection))
    return ids[0] if len(ids) == 1 else None


@dataclass(frozen=True)
class LeftOrganization:
    """An organization that the fleet file lacks."""

    organization_id: int
    fleet_name: str | None
    """The name under which a fleet read it last."""
    last_snapshot_at: datetime


def mark_left_organizations(
    connection: duckdb.DuckDBPyConnection, present: Mapping[int, str], at: datetime
) -> list[LeftOrganization]:
    """Mark every organization that is not `present` in the fleet file as stale, and return all of these.

    `present` holds the ids of the organizations of the file with their names. An organization that is read again is
    no longer marked.
    """
    parameters = {"organization_ids": list(present), "names": list(present.values()), "left_at": at}
    run_statement(connection, "load/sql/insert_missing_organizations")
    run_statement(connection, "load/sql/update_left_organizations", parameters)
    return [LeftOrganization(*row) for row in run_statement(connection, "load/sql/select_left_organizations")]


def read_latest_snapshots(connection: duckdb.DuckDBPyConnection) -> dict[int, datetime]:
    """Return the instant of the latest applied snapshot per organization id, UTC without a zone."""
    return dict(run_statement(connection, "load/sql/select_latest_snapshots"))


def repair_future_instants(connection: duckdb.DuckDBPyConnection, now: datetime) -> int:
    """Move each instant of the warehouse that is later than `now` to just before it. Return their number.

    The order of the instants stays the same, so versions still follow each other. Dates and instants that came from
    Cal.com are not changed. This repairs a warehouse that a run with a clock ahead of time has written to.
    """
    columns = run_statement(connection, "load/sql/select_instant_columns")
    union = " UNION ".join(
        f"SELECT {column} AS instant FROM {table} WHERE {column} > $now"  # noqa: S608 - names of the catalog
        for table, column in columns
    )
    instants = [instant for (instant,) in connection.execute(f"{union} ORDER BY 1", {"now": now}).fetchall()]
    with transaction(connection):
        for position, instant in enumerate(instants):
            moved = now - timedelta(microseconds=len(instants) - position)
            for table, column in columns:
                update = f"UPDATE {table} SET {column} = $moved WHERE {column} = $instant"  # noqa: S608
                connection.execute(update, {"moved": moved, "instant": instant}).fetchall()
    return len(instants)


@dataclass(frozen=True)
class Difference:
    """One entry that the two strategies of a run returned differently; `columns` names the differing columns."""

    user_id: int
    entry_id: int
    difference: str
    """`only_org_wide`, `only_per_user` or `differs`."""
    columns: str | None


def find_differences(connection: duckdb.DuckDBPyConnection, run_id: str) -> list[Difference]:
    """Return the differences that the run found, by user; none if it read with one strategy."""
    rows = run_statement(connection, "load/sql/select_differences", {"run_id": run_id})
    return [Difference(*row) for row in rows]


@dataclass(frozen=True)
class OrganizationSize:
    """The size of an organization after its latest snapshot: people who have not left, and live entries."""

    people: int
    entries: int
    observed_at: datetime


@dataclass(frozen=True)
class PreviousRun:
    """The state that earlier runs left in the warehouse for one organization."""

    size: OrganizationSize | None = None
    """None before the first snapshot."""
    erased: frozenset[int] = frozenset()
    """The ids of erased people, whose records may not be stored."""
    people_with_entries: frozenset[int] = frozenset()
    """The ids of the people who have live entries."""
    api_url: str | None = None
    """The API from which the organization was read."""

    @property
    def snapshot_at(self) -> datetime | None:
        """Return the instant of the latest applied snapshot, UTC without a zone."""
        return self.size.observed_at if self.size else None


def read_previous_run(connection: duckdb.DuckDBPyConnection, organization_id: int) -> PreviousRun:
    """Return the state that earlier runs left for the organization."""
    parameters = {"organization_id": organization_id}
    (row,) = run_statement(connection, "load/sql/select_previous_run", parameters)
    people, entries, observed_at, erased, people_with_entries, api_url = row
    size = None if observed_at is None else OrganizationSize(people, entries, observed_at)
    return PreviousRun(size, frozenset(erased), frozenset(people_with_entries), api_url)
