"""Apply a snapshot: turn staged rows into core rows, history, tombstones and verdicts.

The caller opens the transaction, so that it can derive the days from core in the same one.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import duckdb
import polars as pl

from warehouse.connection import insert_frame, run_statement
from warehouse.errors import GuardError
from warehouse.load.erasure import NOTES, erased_people, request_purge
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
    "merge_teams",
    "merge_team_members",
    "insert_quarantine",
    "merge_organization",
)


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
    departed_user_ids: Sequence[int] = ()
    """Users who were listed, but left while the organization was read."""
    differences: Sequence[Difference] = ()
    """The entries that two strategies returned differently."""


@dataclass(frozen=True)
class Guards:
    """The most that one snapshot may delete or quarantine without the operator's consent."""

    max_deleted_share: float = 0.20
    max_deleted_rows: int = 50
    allows_mass_delete: bool = False
    max_quarantined_share: float = 0.05
    max_quarantined_rows: int = 50
    allows_new_host: bool = False
    """True accepts that the organization is read from another API host than before."""


ALL_AT_LEAST = 10
"""All entries, or all people, of an organization with at least this number never vanish without consent."""


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


def apply_snapshot(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, guards: Guards) -> Changes:
    """Apply the staged rows and `snapshot.scopes` to core, history, quarantine and verdicts.

    Run this inside a transaction. Raise `GuardError`, before core has changed, if the snapshot would delete or
    quarantine more than `guards` allow.
    """
    parameters: dict[str, Any] = {
        "run_id": snapshot.run_id,
        "organization_id": snapshot.organization_id,
        "observed_at": snapshot.observed_at,
        "api_url": snapshot.api_url,
        "organization_name": snapshot.organization_name,
        "departed_user_ids": list(snapshot.departed_user_ids),
    }
    check_host(connection, snapshot, guards)
    _insert_scopes(connection, snapshot)
    if erased_people(connection, snapshot.organization_id):
        for name in _REMOVE_ERASED:
            run_statement(connection, f"load/sql/{name}", parameters)
    insert_differences(connection, snapshot)
    run_statement(connection, "load/sql/delete_departed_people", parameters)
    run_statement(connection, "load/sql/delete_departed_entries", parameters)
    run_statement(connection, "load/sql/create_absent_people", parameters)
    for name in _REMOVE_REPEATED:
        run_statement(connection, f"load/sql/{name}")
    run_statement(connection, "load/sql/update_scope_rows", parameters)
    run_statement(connection, "load/sql/create_proven_spans", parameters)
    run_statement(connection, "load/sql/create_entry_changes", parameters)
    counts = run_statement(connection, "load/sql/select_change_counts", parameters)[0]
    accepted, quarantined, inserted, updated, unchanged, notes_changed, deleted, live, left, people = counts
    changes = Changes(
        accepted + quarantined, inserted, updated, unchanged, quarantined, deleted, notes_changed
    )
    _check_deletions("live entries", deleted, live, guards)
    _check_deletions("people", left, people, guards)
    _check_quarantine(changes, guards)
    for name in _APPLY:
        run_statement(connection, f"load/sql/{name}", parameters)
    return changes


def _insert_scopes(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> None:
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
            for scope in snapshot.scopes
        ],
        schema_overrides=_SCOPE_TYPES,
        infer_schema_length=None,
    )
    insert_frame(connection, "ops.scopes", scopes)


def insert_differences(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> None:
    """Insert the entries that two strategies returned differently into `ops.differences`."""
    rows = [
        {"run_id": snapshot.run_id, "organization_id": snapshot.organization_id, **asdict(difference)}
        for difference in snapshot.differences
    ]
    insert_frame(connection, "ops.differences", pl.DataFrame(rows, infer_schema_length=None))


def check_host(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, guards: Guards) -> None:
    """Raise `GuardError` if the organization was read from another API host before, unless `guards` allow it."""
    parameters = {"organization_id": snapshot.organization_id}
    for (stored_url,) in run_statement(connection, "load/sql/select_organization_url", parameters):
        raise_if_moved(snapshot.organization_id, stored_url, snapshot.api_url, guards)


def raise_if_moved(organization_id: int, stored_url: str, api_url: str | None, guards: Guards) -> None:
    """Raise `GuardError` if the two URLs name different hosts, unless `guards` allow it."""
    if api_url is None or guards.allows_new_host or urlsplit(stored_url).netloc == urlsplit(api_url).netloc:
        return
    message = (
        f"organization {organization_id} was read from {stored_url} before, and CALCOM_API_URL is {api_url} now:"
        " an organization with the same id on another server would replace this one; nothing was changed. If the"
        " server has moved, run once with OOO_ALLOW_NEW_HOST=true; else correct CALCOM_API_URL or OOO_DATA_DIR"
    )
    raise GuardError(message)


def _check_deletions(noun: str, gone: int, live: int, guards: Guards) -> None:
    """Raise `GuardError` if too many live rows vanish together: a large share, or all of ten or more."""
    share = gone / live if live else 0.0
    is_mass = gone > guards.max_deleted_rows and share > guards.max_deleted_share
    if (is_mass or gone == live >= ALL_AT_LEAST) and not guards.allows_mass_delete:
        message = (
            f"mass delete: this snapshot would delete {gone} of {live} {noun}"
            f" ({share:.0%}; the limit is {guards.max_deleted_share:.0%} and {guards.max_deleted_rows}"
            f" {noun}, and never all of {ALL_AT_LEAST} or more); nothing was changed. If the deletion is real, run"
            " again with --allow-mass-delete"
        )
        raise GuardError(message)


def _check_quarantine(changes: Changes, guards: Guards) -> None:
    share = changes.quarantined / changes.rows_in if changes.rows_in else 0.0
    if changes.quarantined > guards.max_quarantined_rows and share > guards.max_quarantined_share:
        message = (
            f"quarantine limit: {changes.quarantined} of {changes.rows_in} entries failed validation"
            f" ({share:.0%}; the limit is {guards.max_quarantined_share:.0%} and"
            f" {guards.max_quarantined_rows} entries); nothing was changed. The format of"
            " Cal.com's responses has probably changed; raise OOO_MAX_QUARANTINED_SHARE to load the rest"
        )
        raise GuardError(message)
