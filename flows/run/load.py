"""Loading a landing: stage its records, apply the snapshot, derive the days and insert the run.

`load_snapshot` is the one way into the warehouse: the product, the tests and the benchmarks call it.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import duckdb
import polars as pl

from calcom.errors import OooError
from calcom.list_checks import LEFT_ORGANIZATION
from calcom.scopes import ScopeResult, Verdict, find_skipped, without_skipped
from flows.run.context import RunContext, raise_if_in_future
from flows.settings.clock import utc_now
from landing.folder import Landing
from landing.record_filter import filter_rejected_text
from landing.segments import NOTELESS_ENTRIES
from transforms.calendars import CalendarPolicy, assign_calendars, build_calendar_days, build_calendars
from transforms.days import build_calendar, explode_entry_days, resolve_person_days
from transforms.entries import normalise_entries
from transforms.errors import TransformError
from transforms.people import normalise_people, normalise_team_members, normalise_teams
from transforms.quality import collect_rejects
from transforms.reasons import build_reasons
from transforms.runs import RunRecord
from transforms.staged import (
    STAGED_ENTRIES,
    STAGED_PEOPLE,
    STAGED_REJECTS,
    STAGED_TABLES,
    STAGED_TEAM_MEMBERS,
    STAGED_TEAMS,
)
from transforms.table import Table
from warehouse.connection import transaction
from warehouse.load.days import (
    insert_days,
    read_calendar_span,
    read_people,
    replace_dimensions,
    replace_person_calendars,
    take_changed_entries,
)
from warehouse.load.guards import Guards
from warehouse.load.runs import Difference, insert_runs, read_latest_snapshots
from warehouse.load.snapshot import (
    Changes,
    ScopeRow,
    Snapshot,
    apply_snapshots,
    create_staging,
    drop_notes,
    remove_staged,
    stage_rows,
)

DAYS_AT_ONCE = 75_000
"""Days of absence derived in one step: it bounds the memory of a load."""

_NORMALISERS: dict[str, tuple[str, Table, Callable[..., pl.DataFrame]]] = {
    "users": ("user", STAGED_PEOPLE, normalise_people),
    "entries": ("entry", STAGED_ENTRIES, normalise_entries),
    "teams": ("team", STAGED_TEAMS, normalise_teams),
    "memberships": ("membership", STAGED_TEAM_MEMBERS, normalise_team_members),
}
"""For each kind of segment: the kind of its records, the staging table, and the transform."""

TEAM_SEGMENTS = ("teams", "memberships")

remove_note = partial(filter_rejected_text, keys=NOTELESS_ENTRIES.kept_keys)
"""Removes the note from the text of a rejected entry."""


@dataclass(frozen=True)
class StagedRows:
    """Normalised records for one staging table, and the rejected records of the same pages."""

    table: Table
    accepted: pl.DataFrame
    rejected: pl.DataFrame


@dataclass(frozen=True)
class Load:
    """One landing to be loaded: its records, its snapshot, and the record of its run."""

    staged: Iterable[StagedRows]
    snapshot: Snapshot
    record: RunRecord


def load_landing(run: RunContext) -> None:
    """Load the landing of `run` into its warehouse, and complete the record of the run."""
    with run.warehouse().cursor() as connection:  # its end removes the staging tables
        outcomes = load_snapshots(
            connection,
            [prepare_load(run, read_latest_snapshots(connection))],
            policy=run.policy,
            guards=run.settings.guards(allows_mass_delete=run.allows_mass_delete),
            keeps_notes=run.landing.facts.keeps_notes and run.settings.keeps_notes,
        )
        for error in outcomes.values():
            if isinstance(error, OooError):
                raise error
        connection.execute("CHECKPOINT").fetchall()


def prepare_load(run: RunContext, snapshots: Mapping[int, datetime]) -> Load:
    """Return the load of the landing of `run`. `snapshots` has the latest snapshot per organization id.

    Raise `ClockError` if the latest snapshot of the organization is in the future.
    """
    facts, results = run.landing.facts, without_skipped(run.landing.results.values())
    latest = snapshots.get(facts.organization_id)
    if latest is not None:
        raise_if_in_future(run.settings, facts.organization_id, latest)
    observed_at = max(facts.started_at, latest + timedelta(microseconds=1) if latest else facts.started_at)
    differences = [Difference(**difference) for difference in run.landing.load_differences()]
    snapshot = Snapshot(
        run_id=facts.run_id,
        organization_id=facts.organization_id,
        observed_at=observed_at,
        scopes=[_scope_row(result) for result in results],
        api_url=facts.api_url,
        organization_name=run.fleet_name or run.settings.organization_name,
        fleet_name=run.fleet_name,
        departed_user_ids=[
            result.scope.user_id
            for result in results
            if result.scope.user_id is not None and result.problem == LEFT_ORGANIZATION
        ],
        differences=differences,
    )
    is_complete = not differences and all(result.verdict is Verdict.COMPLETE for result in results)
    run.record.started_at = observed_at
    run.record.outcome = "complete" if is_complete else "partial"
    return Load(read_segments(run.landing, keeps_notes=run.settings.keeps_notes), snapshot, run.record)


def load_snapshot(  # noqa: PLR0913 - one load's facts
    connection: duckdb.DuckDBPyConnection,
    staged: Iterable[StagedRows],
    snapshot: Snapshot,
    record: RunRecord,
    *,
    policy: CalendarPolicy,
    guards: Guards,
    keeps_notes: bool = True,
    days_at_once: int = DAYS_AT_ONCE,
    clock: Callable[[], datetime] = utc_now,
) -> Changes:
    """Load one snapshot as `load_snapshots` does. Return its changes, or raise the error that refused it."""
    outcomes = load_snapshots(
        connection,
        [Load(staged, snapshot, record)],
        policy=policy,
        guards=guards,
        keeps_notes=keeps_notes,
        days_at_once=days_at_once,
        clock=clock,
    )
    changes = outcomes[snapshot.organization_id]
    if isinstance(changes, OooError):
        raise changes
    return changes


class _NothingAppliedError(Exception):
    """All snapshots of a transaction were refused."""


def load_snapshots(  # noqa: PLR0913 - one load's facts
    connection: duckdb.DuckDBPyConnection,
    loads: Sequence[Load],
    *,
    policy: CalendarPolicy,
    guards: Guards,
    keeps_notes: bool = True,
    days_at_once: int = DAYS_AT_ONCE,
    clock: Callable[[], datetime] = utc_now,
) -> dict[int, Changes | OooError]:
    """Stage the records, apply the snapshots, derive the days and insert the runs, in one transaction.

    The snapshots are of different organizations. Returns the changes per organization id, or the error of a snapshot
    that `guards` refuse or whose records cannot be staged; no row of that snapshot is stored. Fills in the counts and
    the end of the record of each applied load. Raises any other error, with nothing changed.
    """
    create_staging(connection, STAGED_TABLES)
    outcomes: dict[int, Changes | OooError] = {}
    for load in loads:
        try:
            _stage(connection, load.staged)
        except TransformError as error:
            outcomes[load.snapshot.organization_id] = error
            remove_staged(connection, [load.snapshot.organization_id])
    staged = {
        load.snapshot.organization_id: load for load in loads if load.snapshot.organization_id not in outcomes
    }
    with contextlib.suppress(_NothingAppliedError), transaction(connection):
        if not keeps_notes:
            drop_notes(connection, remove_note, at=clock())
        outcomes |= apply_snapshots(connection, [load.snapshot for load in staged.values()], guards)
        applied = [
            (load, changes) for own, load in staged.items() if isinstance(changes := outcomes[own], Changes)
        ]
        if not applied:
            raise _NothingAppliedError
        newest = max(load.snapshot.observed_at for load, _ in applied)
        derive_days(connection, newest, policy, days_at_once=days_at_once)
        for load, changes in applied:
            _fill_record(load.record, changes, clock())
        insert_runs(connection, [load.record.as_row() for load, _ in applied])
    return outcomes


def _fill_record(record: RunRecord, changes: Changes, now: datetime) -> None:
    record.rows_in = changes.rows_in
    record.rows_inserted = changes.inserted
    record.rows_updated = changes.updated
    record.rows_unchanged = changes.unchanged
    record.rows_quarantined = changes.quarantined
    record.rows_deleted = changes.deleted
    record.notes_changed = changes.notes_changed
    record.finished_at = max(now, record.started_at)


def _stage(connection: duckdb.DuckDBPyConnection, staged: Iterable[StagedRows]) -> None:
    for rows in staged:
        stage_rows(connection, rows.table.name, rows.accepted)
        stage_rows(connection, STAGED_REJECTS.name, rows.rejected)


def read_segments(landing: Landing, *, keeps_notes: bool) -> Iterator[StagedRows]:
    """Yield the normalised rows of each segment of the landing.

    Notes are removed if the landing has them and `keeps_notes` is false. No teams are loaded if the run skipped some.
    """
    organization_id = landing.facts.organization_id
    removes_notes = landing.facts.keeps_notes and not keeps_notes

    skipped = TEAM_SEGMENTS if find_skipped(landing.results.values()) else ()
    for kind, (record_kind, table, normalise) in _NORMALISERS.items():
        if kind in skipped:
            continue
        for path in landing.segments(kind):
            landed = pl.read_parquet(path)
            if kind == "entries" and removes_notes:
                landed = _without_notes(landed)
            rejected = collect_rejects(landed, organization_id=organization_id, record_kind=record_kind)
            yield StagedRows(table, normalise(landed, organization_id=organization_id), rejected)


def derive_days(
    connection: duckdb.DuckDBPyConnection,
    observed_at: datetime,
    policy: CalendarPolicy,
    *,
    days_at_once: int = DAYS_AT_ONCE,
) -> None:
    """Derive the calendars, the dimensions, and the days of each person with a change.

    Runs in the transaction of the snapshot that was taken at `observed_at`, after the snapshot was applied.
    """
    replace_person_calendars(connection, assign_calendars(read_people(connection), policy))
    working = policy.working_days
    for entries in take_changed_entries(connection, days_at_once=days_at_once):
        entry_days = explode_entry_days(entries, working)
        person_days = resolve_person_days(entry_days, entries, working)
        insert_days(connection, entry_days=entry_days, person_days=person_days)
    first_on, last_on = read_calendar_span(connection, observed_at)
    replace_dimensions(
        connection,
        dim_dates=build_calendar(first_on, last_on),
        dim_calendars=build_calendars(policy),
        dim_calendar_days=build_calendar_days(policy, first_on, last_on),
        dim_reasons=build_reasons(),
    )


def _without_notes(landed: pl.DataFrame) -> pl.DataFrame:
    raw = pl.col("raw").map_elements(remove_note, return_dtype=pl.String)
    return landed.with_columns(pl.lit(None, pl.String).alias("notes"), raw)


def _scope_row(result: ScopeResult) -> ScopeRow:
    return ScopeRow(
        scope_kind=result.scope.kind,
        user_id=result.scope.user_id,
        verdict=result.verdict.value,
        pages=result.pages,
        requests=result.requests,
        repairs=result.repairs,
        proven_spans=result.proven,
        problem=result.problem,
        team_id=result.scope.team_id,
    )
