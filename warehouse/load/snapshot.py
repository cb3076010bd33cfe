"""Applying a snapshot: staged rows become core rows, history, tombstones and verdicts, in one transaction.

The caller holds the transaction, so that what is derived from core can be part of it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

import duckdb
import polars as pl

from warehouse.connection import insert_frame, run_statement
from warehouse.errors import GuardError
from warehouse.load.compact import NOTES, request_purge

StagedTable = Literal[
    "staged_entries", "staged_people", "staged_teams", "staged_team_members", "staged_rejects"
]

_SCOPE_TYPES: dict[str, Any] = {
    "user_id": pl.Int64,
    "team_id": pl.Int64,
    "problem": pl.String,
    "proven_spans": pl.List(pl.Struct({"from_id": pl.Int64, "to_id": pl.Int64})),
}

_NEVER_AGAIN = (
    "delete_erased_people",
    "delete_erased_entries",
    "delete_erased_team_members",
    "update_erased_covers",
    "delete_erased_rejects",
    "delete_erased_scopes",
)
_TIDY = (
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
    "update_unchanged_entries",
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
)


@dataclass(frozen=True)
class ScopeRow:
    """One scope's verdict, as `ops.scopes` keeps it."""

    scope_kind: str
    user_id: int | None
    verdict: str
    pages: int
    requests: int
    repairs: int
    proven_spans: Sequence[tuple[int, int]]
    """The ids that were proved whole, from … to …, both included; what of them was not read is gone."""
    problem: str | None
    team_id: int | None = None


@dataclass(frozen=True)
class Snapshot:
    """What is being applied: whose, as of when, and what was proved."""

    run_id: str
    organization_id: int
    observed_at: datetime
    """UTC without a zone, later than every earlier snapshot of the organization."""
    scopes: Sequence[ScopeRow]
    organization_pages: Sequence[int] | None = None
    """The pages that were read org-wide, if the same entries were read user by user too, to be compared."""


@dataclass(frozen=True)
class Guards:
    """How much one snapshot may delete or set aside without a person's consent."""

    max_deleted_share: float = 0.20
    max_deleted_rows: int = 50
    allows_mass_delete: bool = False
    max_quarantined_share: float = 0.05
    max_quarantined_rows: int = 50


@dataclass(frozen=True)
class Changes:
    """Entries by what became of them; `rows_in` is what was read, each entry once."""

    rows_in: int
    inserted: int
    updated: int
    unchanged: int
    quarantined: int
    deleted: int


def create_staging(connection: duckdb.DuckDBPyConnection) -> None:
    """Empty staging tables exist on this connection."""
    for table in get_args(StagedTable):
        run_statement(connection, f"load/sql/create_{table}")


def stage_rows(connection: duckdb.DuckDBPyConnection, table: StagedTable, rows: pl.DataFrame) -> None:
    """`rows` are in the staging table; columns go by name."""
    insert_frame(connection, table, rows)


def drop_notes(
    connection: duckdb.DuckDBPyConnection, kept_text: Callable[[str], str], *, at: datetime
) -> None:
    """No note is stored any more, in entries or in quarantine; if one was, a purge of its bytes is due.

    `kept_text` gives what may be kept of a quarantined entry's text, and leaves alone what it gave.
    """
    ((dropped,),) = run_statement(connection, "load/sql/update_dropped_notes")
    for (raw,) in run_statement(connection, "load/sql/select_quarantined_texts"):
        if (kept := kept_text(raw)) != raw:
            run_statement(connection, "load/sql/update_quarantined_text", {"raw": raw, "kept": kept})
            dropped += 1
    if dropped:
        request_purge(connection, NOTES, at)


def apply_snapshot(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot, guards: Guards) -> Changes:
    """Core, history, quarantine and verdicts are as the staged rows and `snapshot.scopes` say.

    Runs inside the caller's transaction. Raises `GuardError` before anything in core has changed if
    the snapshot would delete or set aside more than `guards` allow.
    """
    parameters: dict[str, Any] = {
        "run_id": snapshot.run_id,
        "organization_id": snapshot.organization_id,
        "observed_at": snapshot.observed_at,
        "organization_pages": snapshot.organization_pages,
    }
    _insert_scopes(connection, snapshot)
    for name in _NEVER_AGAIN:
        run_statement(connection, f"load/sql/{name}", parameters)
    if snapshot.organization_pages is not None:
        run_statement(connection, "load/sql/insert_differences", parameters)
    run_statement(connection, "load/sql/create_absent_people", parameters)
    for name in _TIDY:
        run_statement(connection, f"load/sql/{name}")
    run_statement(connection, "load/sql/update_scope_rows", parameters)
    run_statement(connection, "load/sql/create_proven_spans", parameters)
    run_statement(connection, "load/sql/create_entry_changes", parameters)
    accepted, quarantined, inserted, updated, unchanged, deleted, live = run_statement(
        connection, "load/sql/select_change_counts", parameters
    )[0]
    changes = Changes(accepted + quarantined, inserted, updated, unchanged, quarantined, deleted)
    _check_guards(changes, live, guards)
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


def _check_guards(changes: Changes, live: int, guards: Guards) -> None:
    share = changes.deleted / live if live else 0.0
    if (
        changes.deleted > guards.max_deleted_rows
        and share > guards.max_deleted_share
        and not guards.allows_mass_delete
    ):
        message = (
            f"mass delete: this snapshot would delete {changes.deleted} of {live} live entries"
            f" ({share:.0%}; the limit is {guards.max_deleted_share:.0%} and {guards.max_deleted_rows}"
            " entries); nothing was changed. If the deletion is real, run again with --allow-mass-delete"
        )
        raise GuardError(message)
    share = changes.quarantined / changes.rows_in if changes.rows_in else 0.0
    if changes.quarantined > guards.max_quarantined_rows and share > guards.max_quarantined_share:
        message = (
            f"quarantine limit: {changes.quarantined} of {changes.rows_in} entries could not be read"
            f" ({share:.0%}; the limit is {guards.max_quarantined_share:.0%} and"
            f" {guards.max_quarantined_rows} entries); nothing was changed. Cal.com's answers have"
            " probably changed shape; raise OOO_MAX_QUARANTINED_SHARE to load the rest all the same"
        )
        raise GuardError(message)
