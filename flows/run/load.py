"""Loading a landing: staged, applied, days derived, the run's row, all in one transaction."""

from datetime import datetime, timedelta

import duckdb
import polars as pl

from calcom.extraction import ORGANIZATION
from calcom.paging import Verdict
from calcom.scopes import ScopeResult
from calcom.strategy import Strategy
from flows.run.clock import utc_now
from flows.run.landed import Landed
from flows.run.staging import Staging, prefetch, without_note
from flows.settings.calendars import read_policy
from transforms.calendars import CalendarPolicy, assign_calendars, build_calendar_days, build_calendars
from transforms.days import build_calendar, explode_entry_days, resolve_person_days
from transforms.reasons import build_reasons
from warehouse.connection import transaction
from warehouse.load.days import (
    insert_days,
    read_calendar_span,
    read_people,
    replace_dimensions,
    replace_person_calendars,
    take_changed_entries,
)
from warehouse.load.runs import RunRow, insert_run, latest_snapshot_at
from warehouse.load.snapshot import (
    Changes,
    ScopeRow,
    Snapshot,
    apply_snapshot,
    drop_notes,
)

DAYS_AT_ONCE = 75_000
"""Days of absence derived in one go: it bounds the memory of a load."""


def load_landing(staging: Staging, run: Landed) -> RunRow:
    """The run's landing is part of the warehouse, whole or not at all; its row is returned."""
    staging.complete()
    connection, facts = staging.connection, run.landing.facts
    latest = latest_snapshot_at(connection, facts.organization_id)
    observed_at = max(facts.started_at, latest + timedelta(microseconds=1) if latest else facts.started_at)
    reads_both_ways = run.reading.strategy == Strategy.BOTH
    snapshot = Snapshot(
        run_id=facts.run_id,
        organization_id=facts.organization_id,
        observed_at=observed_at,
        scopes=[_scope_row(result) for result in run.landing.results.values()],
        organization_pages=run.landing.page_numbers(ORGANIZATION) if reads_both_ways else None,
    )
    with transaction(connection):
        if not (facts.keeps_notes and run.settings.keeps_notes):
            drop_notes(connection, without_note, at=utc_now())
        guards = run.settings.guards(allows_mass_delete=run.allows_mass_delete)
        changes = apply_snapshot(connection, snapshot, guards)
        derive_days(connection, observed_at, read_policy(run.settings.calendars))
        is_whole = all(scope.verdict == Verdict.COMPLETE for scope in snapshot.scopes)
        row = build_run_row(
            run, changes, outcome="complete" if is_whole else "partial", started_at=observed_at
        )
        insert_run(connection, row)
    connection.execute("CHECKPOINT").fetchall()
    return row


def build_run_row(
    run: Landed,
    changes: Changes | None = None,
    *,
    outcome: str,
    started_at: datetime | None = None,
    error: str | None = None,
) -> RunRow:
    """The run's row as of now."""
    verdicts = [result.verdict for result in run.landing.results.values()]
    changes = changes or Changes(0, 0, 0, 0, 0, 0)
    reading = run.reading
    return RunRow(
        run_id=run.landing.facts.run_id,
        organization_id=run.organization_id,
        started_at=started_at or run.landing.facts.started_at,
        finished_at=utc_now(),
        strategy=reading.strategy,
        outcome=outcome,
        requests=reading.requests,
        retries=reading.retries,
        waited_seconds=reading.waited_seconds,
        rows_in=changes.rows_in,
        rows_inserted=changes.inserted,
        rows_updated=changes.updated,
        rows_unchanged=changes.unchanged,
        rows_quarantined=changes.quarantined,
        rows_deleted=changes.deleted,
        scopes_complete=verdicts.count(Verdict.COMPLETE),
        scopes_unproven=verdicts.count(Verdict.UNPROVEN),
        scopes_failed=verdicts.count(Verdict.FAILED),
        error=error,
    )


def derive_days(
    connection: duckdb.DuckDBPyConnection,
    observed_at: datetime,
    policy: CalendarPolicy,
    *,
    days_at_once: int = DAYS_AT_ONCE,
) -> None:
    """Calendars, the days of everyone for whom something changed, and the dimensions are up to date.

    Runs in the transaction of the snapshot that was taken at `observed_at`, after it was applied.
    """
    replace_person_calendars(connection, assign_calendars(read_people(connection), policy))
    working = policy.working_days

    def derive(entries: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        entry_days = explode_entry_days(entries, working)
        return entry_days, resolve_person_days(entry_days, entries, working)

    changed = take_changed_entries(connection, days_at_once=days_at_once)
    for entry_days, person_days in prefetch(derive, changed):
        insert_days(connection, entry_days=entry_days, person_days=person_days)
    first_on, last_on = read_calendar_span(connection, observed_at)
    replace_dimensions(
        connection,
        dim_dates=build_calendar(first_on, last_on),
        dim_calendars=build_calendars(policy),
        dim_calendar_days=build_calendar_days(policy, first_on, last_on),
        dim_reasons=build_reasons(),
    )


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
