"""Load and publish invented readings with the product's own functions."""

import contextlib
import functools
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa

from calcom.errors import OooError
from flows.run.load import Load, StagedRows, load_snapshots
from flows.run.publication import EXPECTED, published_measures, published_tables
from landing.segments import ENTRY_SCHEMA, USER_SCHEMA
from tests.support.naive import Absence, Policy, Reading, Reject
from tests.support.tables import draw, parse
from tests.support.team_rows import scope_row, staged_team_rows, team_scopes
from transforms.calendars import MONDAY_TO_FRIDAY, WEEKDAYS, CalendarPolicy, WorkCalendar
from transforms.entries import normalise_entries
from transforms.people import normalise_people
from transforms.quality import collect_rejects
from transforms.runs import RunRecord
from transforms.staged import STAGED_ENTRIES, STAGED_PEOPLE
from warehouse.connection import open_warehouse
from warehouse.load.audit import audit_marts
from warehouse.load.days import create_mart_views
from warehouse.load.guards import Guards
from warehouse.load.migrate import migrate
from warehouse.load.snapshot import Changes, Snapshot
from warehouse.publish.publication import Publication, PublicationPolicy, publish

TABLES = published_tables(publishes_notes=False)
MEASURES = published_measures(publishes_bradford=True)
LAX = Guards(allows_mass_delete=True, max_quarantined_rows=10**9)


@contextlib.contextmanager
def new_warehouse(path: Path | str = ":memory:") -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a migrated warehouse, in memory unless a path is given."""
    with open_warehouse(Path(path)) as connection:
        connection.execute("SET threads = 1")  # a second worker does not speed up a dozen rows
        migrate(connection)
        create_mart_views(connection)
        yield connection


def landed_entries(absences: tuple[Absence, ...], rejects: tuple[Reject, ...] = ()) -> pl.DataFrame:
    """Return the absences as rows of landing segments."""
    rows = [
        {
            "page": absence.page,
            "id": absence.entry_id,
            "uuid": f"uuid-{absence.entry_id}",
            "user_id": absence.user_id,
            "to_user_id": absence.cover,
            "start": f"{absence.starts_at.isoformat(timespec='milliseconds')}Z",
            "end": f"{absence.ends_at.isoformat(timespec='milliseconds')}Z",
            "reason": absence.reason,
            "has_notes": bool(absence.notes),
            "notes": absence.notes,
        }
        for absence in absences
    ] + [_reject_row(reject) | {"user_id": reject.user_id} for reject in rejects if reject.kind == "entry"]
    return landed(rows, ENTRY_SCHEMA)


def landed_users(users: tuple[int, ...], rejects: tuple[Reject, ...] = ()) -> pl.DataFrame:
    """Return the users as rows of landing segments."""
    rows = [
        {
            "page": 1,
            "id": user_id,
            "email": f"person-{user_id}@example.com",
            "name": f"Person {user_id % 3}",
            "created_at": "2020-01-01T00:00:00.000Z",
        }
        for user_id in users
    ] + [_reject_row(reject) for reject in rejects if reject.kind == "user"]
    return landed(rows, USER_SCHEMA)


def landed(rows: list[dict[str, Any]], schema: pa.Schema) -> pl.DataFrame:
    """Return `rows` with the schema of the landing; a missing key is null."""
    frame = pl.from_arrow(pa.Table.from_pylist(rows, schema=schema))
    assert isinstance(frame, pl.DataFrame)
    return frame


def _reject_row(reject: Reject) -> dict[str, Any]:
    return {"page": reject.page, "id": reject.record_id, "problem": "start_invalid", "raw": "{}"}


def as_policy(policy: Policy) -> CalendarPolicy:
    """Return the policy of the naive engine as the product's policy."""
    calendars = [
        _work_calendar(
            name,
            tuple(WEEKDAYS[day - 1] for day in sorted(calendar.weekdays)),
            calendar.country,
            calendar.subdivision,
            calendar.categories,
        )
        for name, calendar in policy.calendars.items()
    ]
    return CalendarPolicy(tuple(calendars), policy.default, policy.people, policy.members)


_work_calendar = functools.cache(WorkCalendar)
"""Return the same calendar again, so that its holidays are computed once per process."""


def derivable(absences: tuple[Absence, ...]) -> pl.DataFrame:
    """Return the absences as input for deriving days, with the default calendar for each person."""
    entries = normalise_entries(landed_entries(absences), organization_id=7)
    return entries.with_columns(calendar=pl.lit(MONDAY_TO_FRIDAY))


def load(connection: duckdb.DuckDBPyConnection, reading: Reading, guards: Guards = LAX) -> Changes:
    """Load `reading` with the product's own function. Return the changes."""
    changes = load_together(connection, [reading], guards)[reading.organization_id]
    if isinstance(changes, OooError):
        raise changes
    return changes


def load_together(
    connection: duckdb.DuckDBPyConnection, readings: Sequence[Reading], guards: Guards = LAX
) -> dict[int, Changes | OooError]:
    """Load readings of different organizations in one transaction, with the calendars of the last one."""
    return load_snapshots(
        connection,
        [as_load(reading) for reading in readings],
        policy=as_policy(readings[-1].policy),
        guards=guards,
        days_at_once=60,
        clock=lambda: readings[-1].at,
    )


def as_load(reading: Reading) -> Load:
    """Return the load of `reading`: its staged records, its snapshot and the record of its run."""
    organization_id = reading.organization_id
    snapshot = Snapshot(
        run_id=reading.run_id,
        organization_id=organization_id,
        observed_at=reading.at,
        scopes=[
            scope_row(kind, verdict, user_id=user_id) for (kind, user_id), verdict in reading.verdicts.items()
        ]
        + team_scopes(reading.teams),
    )
    record = RunRecord(
        run_id=reading.run_id,
        organization_id=organization_id,
        started_at=reading.at,
        finished_at=reading.at,
        strategy="org-wide",
        outcome="complete" if reading.is_complete else "partial",
    )
    return Load([*staged_rows(reading), *staged_team_rows(organization_id, reading.teams)], snapshot, record)


def staged_rows(reading: Reading) -> list[StagedRows]:
    """Return the people, the entries and the rejects of `reading` as the product stages them."""
    organization_id = reading.organization_id
    users = landed_users(reading.users, reading.rejects)
    entries = landed_entries(reading.absences, reading.rejects)

    def rejects(kind: str, frame: pl.DataFrame) -> pl.DataFrame:
        return collect_rejects(frame, organization_id=organization_id, record_kind=kind)

    return [
        StagedRows(
            STAGED_PEOPLE, normalise_people(users, organization_id=organization_id), rejects("user", users)
        ),
        StagedRows(
            STAGED_ENTRIES,
            normalise_entries(entries, organization_id=organization_id),
            rejects("entry", entries),
        ),
    ]


def audit_and_publish(
    connection: duckdb.DuckDBPyConnection, data_dir: Path, run_id: str = "run-1", **options: Any
) -> Publication:
    """Audit and publish the warehouse."""
    audit_marts(connection, TABLES, run_id=run_id, checked_at=night(1), expected=EXPECTED)
    measures = options.pop("measures", MEASURES)
    policy = PublicationPolicy(**options)
    return publish(
        connection, data_dir, TABLES, measures, run_id=run_id, published_at=night(1), policy=policy
    )


def check_rows(database: Path, query: str, expected: str) -> None:
    """Compare the rows of the query with the drawn ones."""
    with duckdb.connect(database, read_only=True) as published:
        actual = rows_of(published, query)
    rows = parse(expected)
    assert draw(actual, list(rows[0])) == rows


def rows_of(connection: duckdb.DuckDBPyConnection, query: str, **parameters: Any) -> list[dict[str, Any]]:
    """Return the rows of `query` as dicts, in its order."""
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
    """Return a reading with a complete users list and organization, unless `verdicts` differs."""
    verdicts: Mapping[tuple[str, int | None], str] = others.pop(
        "verdicts", {("users", None): "complete", ("organization", None): "complete"}
    )
    return Reading(organization_id, at, users, absences, verdicts=verdicts, **others)


def night(number: int) -> datetime:
    """Return 05:00 on the `number`th day of 2026, UTC without a zone."""
    return datetime(2025, 12, 31, 5) + timedelta(days=number)  # noqa: DTZ001 - as the warehouse keeps them
