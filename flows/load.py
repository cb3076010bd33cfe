"""Loading a landing: staged, applied, days derived, the run's row, all in one transaction."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import duckdb
import polars as pl

from calcom.extraction import ORGANIZATION
from calcom.facts import ScopeResult
from calcom.landing import Landing
from calcom.paging import Verdict
from calcom.segments import NOTELESS_ENTRIES, kept_text
from calcom.strategy import Strategy
from flows.calendars import read_policy
from flows.clock import utc_now
from flows.landed import Landed
from transforms.calendars import CalendarPolicy, assign_calendars, build_calendar_days, build_calendars
from transforms.days import build_calendar, explode_entry_days, resolve_person_days
from transforms.entries import normalise_entries
from transforms.people import normalise_people
from transforms.quality import collect_rejects
from transforms.reasons import build_reasons
from transforms.teams import normalise_team_members, normalise_teams
from warehouse.connection import transaction
from warehouse.days import (
    insert_days,
    read_calendar_span,
    read_people,
    replace_dimensions,
    replace_person_calendars,
    take_changed_entries,
)
from warehouse.runs import RunRow, insert_run, latest_snapshot_at
from warehouse.snapshot import (
    Changes,
    ScopeRow,
    Snapshot,
    StagedTable,
    apply_snapshot,
    create_staging,
    drop_notes,
    stage_rows,
)

DAYS_AT_ONCE = 75_000
"""Days of absence derived in one go: it bounds the memory of a load."""

_without_note = partial(kept_text, keys=NOTELESS_ENTRIES.kept_keys)

_Item = TypeVar("_Item")
_Made = TypeVar("_Made")
_Staged = tuple[str, str, StagedTable, Callable[..., pl.DataFrame]]
_STAGED: tuple[_Staged, ...] = (
    ("users", "user", "staged_people", normalise_people),
    ("entries", "entry", "staged_entries", normalise_entries),
    ("teams", "team", "staged_teams", normalise_teams),
    ("memberships", "membership", "staged_team_members", normalise_team_members),
)
"""What is staged: the landing's name for it, a record's kind, the table, and how it is normalised."""


def load_landing(connection: duckdb.DuckDBPyConnection, run: Landed) -> RunRow:
    """The run's landing is part of the warehouse, whole or not at all; its row is returned."""
    facts = run.landing.facts
    keeps_notes = facts.keeps_notes and run.settings.keeps_notes
    create_staging(connection)
    _stage_landing(connection, run.landing, keeps_notes=keeps_notes)
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
        if not keeps_notes:
            drop_notes(connection, _without_note, at=utc_now())
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
    for entry_days, person_days in _one_ahead(derive, changed):
        insert_days(connection, entry_days=entry_days, person_days=person_days)
    first_on, last_on = read_calendar_span(connection, observed_at)
    replace_dimensions(
        connection,
        dim_dates=build_calendar(first_on, last_on),
        dim_calendars=build_calendars(policy),
        dim_calendar_days=build_calendar_days(policy, first_on, last_on),
        dim_reasons=build_reasons(),
    )


def _stage_landing(connection: duckdb.DuckDBPyConnection, landing: Landing, *, keeps_notes: bool) -> None:
    organization_id = landing.facts.organization_id
    withholds_notes = landing.facts.keeps_notes and not keeps_notes  # read elsewhere, with another setting

    def read(segment: tuple[_Staged, Path]) -> tuple[StagedTable, pl.DataFrame, pl.DataFrame]:
        (kind, record_kind, table, normalise), path = segment
        landed = pl.read_parquet(path)
        if kind == "entries" and withholds_notes:
            landed = _without_notes(landed)
        rejects = collect_rejects(landed, organization_id=organization_id, record_kind=record_kind)
        return table, normalise(landed, organization_id=organization_id), rejects

    segments = ((staged, path) for staged in _STAGED for path in landing.segments(staged[0]))
    for table, rows, rejects in _one_ahead(read, segments):
        stage_rows(connection, table, rows)
        stage_rows(connection, "staged_rejects", rejects)


def _one_ahead(make: Callable[[_Item], _Made], items: Iterable[_Item]) -> Iterator[_Made]:
    """What `make` gives of each item, in order; the next is made on a thread while one is being used."""
    with ThreadPoolExecutor(1) as thread:
        made: Future[_Made] | None = None
        for item in items:
            last, made = made, thread.submit(make, item)
            if last is not None:
                yield last.result()
        if made is not None:
            yield made.result()


def _without_notes(landed: pl.DataFrame) -> pl.DataFrame:
    kept = pl.col("raw").map_elements(_without_note, return_dtype=pl.String)
    return landed.with_columns(pl.lit(None, pl.String).alias("notes"), kept)


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
