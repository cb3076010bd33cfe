"""Readings through the real path: landed rows, transforms, staging, snapshot, days, publication."""

import contextlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from flows.run.load import derive_days
from flows.run.tables import EXPECTED, published_measures, published_tables
from landing.segments import ENTRY_SCHEMA, USER_SCHEMA
from tests.support.naive import Absence, Policy, Reading, Reject
from tests.support.team_rows import scope_row, stage_teams, team_scopes
from transforms.calendars import MONDAY_TO_FRIDAY, WEEKDAYS, CalendarPolicy, WorkCalendar
from transforms.entries import normalise_entries
from transforms.people import normalise_people
from transforms.quality import collect_rejects
from warehouse.connection import open_warehouse, transaction
from warehouse.load.audit import audit_marts
from warehouse.load.days import create_mart_views
from warehouse.load.migrate import migrate
from warehouse.load.runs import RunRow, insert_run
from warehouse.load.snapshot import (
    Changes,
    Guards,
    Snapshot,
    apply_snapshot,
    create_staging,
    stage_rows,
)
from warehouse.publish.publication import Publication, PublicationPolicy, publish

TABLES = published_tables(publishes_notes=False)
MEASURES = published_measures(publishes_bradford=True)
LAX = Guards(allows_mass_delete=True, max_quarantined_rows=10**9)


@contextlib.contextmanager
def new_warehouse(path: Path | str = ":memory:") -> Iterator[duckdb.DuckDBPyConnection]:
    """A migrated warehouse, in memory unless a path is given."""
    with open_warehouse(Path(path)) as connection:
        connection.execute("SET threads = 1")  # a dozen rows gain nothing by a second one
        migrate(connection)
        create_mart_views(connection)
        yield connection


def landed_entries(absences: tuple[Absence, ...], rejects: tuple[Reject, ...] = ()) -> pl.DataFrame:
    """The absences as landing segments hold them."""
    rows = [
        {
            "page": one.page,
            "id": one.entry_id,
            "uuid": f"uuid-{one.entry_id}",
            "user_id": one.user_id,
            "to_user_id": one.cover,
            "start": f"{one.first}T00:00:00.000Z",
            "end": f"{one.last}T23:59:59.999Z",
            "reason": one.reason,
            "has_notes": bool(one.notes),
            "notes": one.notes,
        }
        for one in absences
    ] + [_reject_row(one) | {"user_id": one.user_id} for one in rejects if one.kind == "entry"]
    return landed(rows, ENTRY_SCHEMA)


def landed_users(users: tuple[int, ...], rejects: tuple[Reject, ...] = ()) -> pl.DataFrame:
    """The users as landing segments hold them."""
    rows = [
        {
            "page": 1,
            "id": user_id,
            "email": f"person-{user_id}@example.com",
            "name": f"Person {user_id % 3}",
            "created_at": "2020-01-01T00:00:00.000Z",
        }
        for user_id in users
    ] + [_reject_row(one) for one in rejects if one.kind == "user"]
    return landed(rows, USER_SCHEMA)


def landed(rows: list[dict[str, Any]], schema: pa.Schema) -> pl.DataFrame:
    """`rows` with the landing's schema; a missing key is null."""
    frame = pl.from_arrow(pa.Table.from_pylist(rows, schema=schema))
    assert isinstance(frame, pl.DataFrame)
    return frame


def _reject_row(one: Reject) -> dict[str, Any]:
    return {"page": one.page, "id": one.record_id, "problem": "start_invalid", "raw": "{}"}


def as_policy(policy: Policy) -> CalendarPolicy:
    """The naive engine's policy, as the program has it."""
    calendars = [
        WorkCalendar(
            name, tuple(WEEKDAYS[day - 1] for day in sorted(one.weekdays)), one.country, one.subdivision
        )
        for name, one in policy.calendars.items()
    ]
    return CalendarPolicy(tuple(calendars), policy.default, policy.people, policy.members)


def derivable(absences: tuple[Absence, ...]) -> pl.DataFrame:
    """The absences as days are derived from them, everyone on the calendar that needs no file."""
    entries = normalise_entries(landed_entries(absences), organization_id=7)
    return entries.with_columns(calendar=pl.lit(MONDAY_TO_FRIDAY))


def load(connection: duckdb.DuckDBPyConnection, reading: Reading, guards: Guards = LAX) -> Changes:
    """The warehouse holds `reading`, in one transaction; return what that changed."""
    organization_id = reading.organization_id
    users = landed_users(reading.users, reading.rejects)
    entries = landed_entries(reading.absences, reading.rejects)
    create_staging(connection)
    stage_rows(connection, "staged_people", normalise_people(users, organization_id=organization_id))
    stage_rows(connection, "staged_entries", normalise_entries(entries, organization_id=organization_id))
    for kind, frame in (("user", users), ("entry", entries)):
        rejects = collect_rejects(frame, organization_id=organization_id, record_kind=kind)
        stage_rows(connection, "staged_rejects", rejects)
    stage_teams(connection, organization_id, reading.teams)
    snapshot = Snapshot(
        run_id=reading.run_id,
        organization_id=organization_id,
        observed_at=reading.at,
        scopes=[
            scope_row(kind, verdict, user_id=user_id) for (kind, user_id), verdict in reading.verdicts.items()
        ]
        + team_scopes(reading.teams),
    )
    with transaction(connection):
        changes = apply_snapshot(connection, snapshot, guards)
        derive_days(connection, reading.at, as_policy(reading.policy), days_at_once=60)
        insert_run(
            connection,
            RunRow(
                run_id=reading.run_id,
                organization_id=organization_id,
                started_at=reading.at,
                finished_at=reading.at,
                strategy="org-wide",
                outcome="complete" if reading.is_complete else "partial",
                rows_in=changes.rows_in,
                rows_inserted=changes.inserted,
                rows_updated=changes.updated,
                rows_unchanged=changes.unchanged,
                rows_quarantined=changes.quarantined,
                rows_deleted=changes.deleted,
            ),
        )
    return changes


def audit_and_publish(
    connection: duckdb.DuckDBPyConnection, data_dir: Path, run_id: str = "run-1", **options: Any
) -> Publication:
    """Readers see the warehouse as it is now, if it passes its audits."""
    audit_marts(connection, TABLES, run_id=run_id, checked_at=night(1), expected=EXPECTED)
    measures = options.pop("measures", MEASURES)
    policy = PublicationPolicy(**options)
    return publish(
        connection, data_dir, TABLES, measures, run_id=run_id, published_at=night(1), policy=policy
    )


def rows_of(connection: duckdb.DuckDBPyConnection, query: str, **parameters: Any) -> list[dict[str, Any]]:
    """The rows of `query` as dicts, in its order."""
    cursor = connection.execute(query, parameters)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def read_all(
    absences: tuple[Absence, ...] = (),
    *,
    at: datetime,
    organization_id: int = 7,
    users: tuple[int, ...] = (1, 2, 3),
    **others: Any,
) -> Reading:
    """A reading whose users list and whole organization are proved, unless `verdicts` says otherwise."""
    verdicts: Mapping[tuple[str, int | None], str] = others.pop(
        "verdicts", {("users", None): "complete", ("organization", None): "complete"}
    )
    return Reading(organization_id, at, users, absences, verdicts=verdicts, **others)


def night(number: int) -> datetime:
    """05:00 on the `number`th day of 2026, UTC without a zone."""
    return datetime(2025, 12, 31, 5) + timedelta(days=number)  # noqa: DTZ001 - as the warehouse keeps them
