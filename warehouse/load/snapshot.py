"""Apply a snapshot: turn staged rows into core rows, history, tombstones and verdicts.

The caller opens the transaction, so that it can derive the days from core in the same one.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import duckdb
import polars as pl

from warehouse.connection import insert_frame, run_statement
from warehouse.errors import GuardError
from warehouse.load.erasure import NOTES, request_purge
from warehouse.load.guards import Guards, check_deletions, check_quarantine, raise_if_moved
from warehouse.load.runs import Difference
from warehouse.tables import DeclaredTable, define_columns

_SCOPE_TYPES: dict[str, Any] = {
    "user_id": pl.Int64,
    "team_id": pl.Int64,
    "problem": pl.String,
    "proven_spans": pl.List(pl.Struct({"from_id": pl.Int64, "to_id": pl.Int64})),
}

_REMOVE_ERASED = (
    "delete_erased_people",
    "delete_erased_entries",
    "delete_erased_team_members",
    "update_erased_covers",
    "delete_erased_rejects",
    "delete_erased_scopes",
)
_REMOVE_REPEATED = (
    "delete_repeated_entries",
    "delete_repeated_people",
    "delete_repeated_teams",
    "delete_repeated_team_members",
    "delete_repeated_rejects",
    "delete_redeemed_rejects",
)
_COMPARE = (
    "delete_departed_people",
    "delete_departed_entries",
    "create_absent_people",
    *_REMOVE_REPEATED,
    "update_scope_rows",
    "create_proven_spans",
    "create_entry_changes",
)
_APPLY = (
    "update_closed_versions",
    "insert_entry_versions",
    "update_vanished_entries",
    "update_seen_entries",
    "delete_replaced_entries",
    "insert_entries",
    "create_former_people",
    "delete_seen_people",
    "insert_people",
    "update_left_people",
    "update_returned_people",
    "insert_named_people",
    "update_entries_as_of",
    "insert_quarantine",
    "merge_organizations",
)
_APPLY_TEAMS = ("merge_teams", "update_deleted_teams", "merge_team_members", "update_left_team_members")
_STAGING = ("staged_entries", "staged_people", "staged_teams", "staged_team_members", "staged_rejects")
_COMPARED = ("staged_snapshots", "absent_people", "proven_spans", "entry_changes")
"""The temporary tables that a comparison of the staged rows with the stored ones reads and writes."""


@dataclass(frozen=True)
class ScopeRow:
    """The verdict of one scope, as a row of `ops.scopes`."""

    scope_kind: str
    user_id: int | None
    verdict: str
    pages: int
    requests: int
    repairs: int
    proven_spans: Sequence[tuple[int, int]]
    """The proved ranges of ids, both ends included: an id in them that was not read is gone."""
    problem: str | None
    team_id: int | None = None


@dataclass(frozen=True)
class Snapshot:
    """The facts of one snapshot: its organization, its instant, and the verdicts of its scopes."""

    run_id: str
    organization_id: int
    observed_at: datetime
    """UTC without a zone, later than every earlier snapshot of the organization."""
    scopes: Sequence[ScopeRow]
    api_url: str | None = None
    """The API from which the organization was read."""
    organization_name: str | None = None
    fleet_name: str | None = None
    """The name of the organization in the fleet file."""
    departed_user_ids: Sequence[int] = ()
    """Users who were listed, but left while the organization was read."""
    differences: Sequence[Difference] = ()
    """The entries that two strategies returned differently."""


@dataclass(frozen=True)
class Changes:
    """The number of entries per kind of change; `rows_in` counts each entry that was read once."""

    rows_in: int
    inserted: int
    updated: int
    unchanged: int
    quarantined: int
    deleted: int
    notes_changed: int = 0
    """Entries with another text in the note and no other change; they count as unchanged."""


def create_staging(connection: duckdb.DuckDBPyConnection, tables: Sequence[DeclaredTable]) -> None:
    """Create the staging tables, empty and private to this connection, in place of earlier ones.

    Every column may be null: audits check the values after they were applied.
    """
    for table in tables:
        columns = define_columns(table.columns, checks_nulls=False)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE {table.name} ({columns})").fetchall()


def stage_rows(connection: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame) -> None:
    """Append `rows` to the staging table of that name; columns are matched by name."""
    insert_frame(connection, table, rows)


def drop_notes(
    connection: duckdb.DuckDBPyConnection, kept_text: Callable[[str], str], *, at: datetime
) -> None:
    """Remove every note from entries and quarantine, and request a purge if there was one.

    `kept_text` returns the part of a quarantined entry's text that may be kept; applied again, it changes nothing.
    """
    ((dropped,),) = run_statement(connection, "load/sql/update_dropped_notes")
    for (raw,) in run_statement(connection, "load/sql/select_quarantined_texts"):
        if (kept := kept_text(raw)) != raw:
            run_statement(connection, "load/sql/update_quarantined_text", {"raw": raw, "kept": kept})
            dropped += 1
    if dropped:
        request_purge(connection, NOTES, at)


def apply_snapshots(
    connection: duckdb.DuckDBPyConnection, snapshots: Sequence[Snapshot], guards: Guards
) -> dict[int, Changes | GuardError]:
    """Apply the staged rows and the verdicts of `snapshots` to core, history and quarantine.

    Each statement serves all snapshots, which are of different organizations. Run this inside a transaction. Returns
    per organization id the changes, or the error of the guard that refused the snapshot before core has changed.
    """
    outcomes: dict[int, Changes | GuardError] = {}
    stored_urls = dict(run_statement(connection, "load/sql/select_organization_urls"))
    for snapshot in snapshots:
        organization_id = snapshot.organization_id
        try:
            raise_if_moved(organization_id, stored_urls.get(organization_id), snapshot.api_url, guards)
        except GuardError as error:
            outcomes[organization_id] = error
    remove_staged(connection, list(outcomes))
    accepted = [snapshot for snapshot in snapshots if snapshot.organization_id not in outcomes]
    _stage_snapshots(connection, accepted)
    if run_statement(connection, "load/sql/select_staged_erasures")[0][0]:
        _run_each(connection, _REMOVE_ERASED)
    _run_each(connection, _COMPARE)
    refused = []
    for organization_id, *counts in run_statement(connection, "load/sql/select_change_counts"):
        try:
            outcomes[organization_id] = _check_changes(counts, guards)
        except GuardError as error:
            outcomes[organization_id] = error
            refused.append(organization_id)
    if refused:
        for name in ("delete_refused_scopes", "delete_refused_differences"):
            run_statement(connection, f"load/sql/{name}", {"organization_ids": refused})
        remove_staged(connection, refused, (*_STAGING, *_COMPARED))
    _run_each(connection, _APPLY)
    if run_statement(connection, "load/sql/select_staged_teams")[0][0]:
        _run_each(connection, _APPLY_TEAMS)
    return outcomes


def _run_each(connection: duckdb.DuckDBPyConnection, names: Sequence[str]) -> None:
    for name in names:
        run_statement(connection, f"load/sql/{name}")


def remove_staged(
    connection: duckdb.DuckDBPyConnection,
    organization_ids: Sequence[int],
    tables: Sequence[str] = _STAGING,
) -> None:
    """Remove the rows of these organizations from the staging tables, so that the others can be loaded."""
    if organization_ids:
        for table in tables:
            delete = f"DELETE FROM {table} WHERE list_contains($organization_ids::BIGINT[], organization_id)"  # noqa: S608
            connection.execute(delete, {"organization_ids": list(organization_ids)}).fetchall()


def _check_changes(counts: Sequence[Any], guards: Guards) -> Changes:
    *numbers, problem = counts
    accepted, quarantined, inserted, updated, unchanged, notes_changed, deleted, live, left, people = numbers
    changes = Changes(
        accepted + quarantined, inserted, updated, unchanged, quarantined, deleted, notes_changed
    )
    check_deletions("live entries", deleted, live, guards)
    check_deletions("people", left, people, guards)
    check_quarantine(quarantined, changes.rows_in, problem, guards)
    return changes


def _stage_snapshots(connection: duckdb.DuckDBPyConnection, snapshots: Sequence[Snapshot]) -> None:
    """Stage the facts of the snapshots, and insert their verdicts and differences."""
    run_statement(connection, "load/sql/create_staged_snapshots")
    run_statement(connection, "load/sql/create_staged_departures")
    facts = [
        {
            "organization_id": snapshot.organization_id,
            "run_id": snapshot.run_id,
            "observed_at": snapshot.observed_at,
            "api_url": snapshot.api_url,
            "organization_name": snapshot.organization_name,
            "fleet_name": snapshot.fleet_name,
        }
        for snapshot in snapshots
    ]
    names = dict.fromkeys(("api_url", "organization_name", "fleet_name"), pl.String)
    insert_frame(connection, "staged_snapshots", pl.DataFrame(facts, schema_overrides=names))
    departures = [
        {"organization_id": snapshot.organization_id, "user_id": user_id}
        for snapshot in snapshots
        for user_id in snapshot.departed_user_ids
    ]
    insert_frame(connection, "staged_departures", pl.DataFrame(departures))
    _insert_scopes(connection, snapshots)
    differences = [
        {"run_id": snapshot.run_id, "organization_id": snapshot.organization_id, **asdict(difference)}
        for snapshot in snapshots
        for difference in snapshot.differences
    ]
    insert_frame(connection, "ops.differences", pl.DataFrame(differences, infer_schema_length=None))


def _insert_scopes(connection: duckdb.DuckDBPyConnection, snapshots: Sequence[Snapshot]) -> None:
    scopes = pl.DataFrame(
        [
            {
                "run_id": snapshot.run_id,
                "organization_id": snapshot.organization_id,
                "scope_kind": scope.scope_kind,
                "user_id": scope.user_id,
                "team_id": scope.team_id,
                "verdict": scope.verdict,
                "pages": scope.pages,
                "requests": scope.requests,
                "repairs": scope.repairs,
                "proven_spans": [{"from_id": low, "to_id": high} for low, high in scope.proven_spans],
                "problem": scope.problem,
            }
            for snapshot in snapshots
            for scope in snapshot.scopes
        ],
        schema_overrides=_SCOPE_TYPES,
        infer_schema_length=None,
    )
    insert_frame(connection, "ops.scopes", scopes)
