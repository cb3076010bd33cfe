"""Compaction: rewrite the warehouse file so that it holds no byte of removed rows.

DuckDB marks removed rows and reuses their pages later; until then the bytes stay in the file. A copy of the
remaining rows into a new file has none of them. The copy replaces the old file by a rename, so a kill leaves
the old file or the new one. `ops.pending_purges` is emptied only in the new file, so it shows which file is in place.
"""

from datetime import datetime
from pathlib import Path

import duckdb

from landing.files import build_atomically
from warehouse.connection import open_warehouse, quote, run_statement
from warehouse.errors import WarehouseError

ERASURE, NOTES = "erasure", "notes"
"""The reasons for a purge: a person was erased, or notes may no longer be stored."""


def request_purge(connection: duckdb.DuckDBPyConnection, reason: str, at: datetime) -> None:
    """Record that a purge is due. It is due from the commit of the caller's transaction until a compaction."""
    run_statement(connection, "load/sql/insert_pending_purge", {"reason": reason, "since": at})


def pending_purges(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Return the reasons for which a purge is due; empty if the files hold no removed bytes."""
    return {reason for (reason,) in run_statement(connection, "load/sql/select_pending_purges")}


def compact(path: Path, *, memory_limit: str | None = None) -> None:
    """Replace the warehouse at `path` by a new file of the same rows, without a log or a pending purge.

    No other process may have it open. Raise `WarehouseError` if the disk refuses; the old file then stands.
    """
    try:
        with build_atomically(path) as temporary:
            _log_of(temporary).unlink(missing_ok=True)
            with open_warehouse(path, memory_limit=memory_limit) as connection:
                _copy_rows(connection, temporary)
            for database in (path, temporary):
                if _log_of(database).exists():
                    message = f"{database} still has a write-ahead log after its checkpoint; run again"
                    raise WarehouseError(message)
    except OSError as error:
        message = (
            f"can't compact {path}: {error}; the file is unchanged, and the removed rows are still in its"
            " pages. Free as much space as the file takes, then run again"
        )
        raise WarehouseError(message) from error


def _copy_rows(connection: duckdb.DuckDBPyConnection, target: Path) -> None:
    own = connection.execute("SELECT current_database()").fetchall()[0][0]
    # The log would stay beside the new file, to which it does not belong.
    connection.execute("CHECKPOINT").fetchall()
    connection.execute(f"ATTACH '{quote(target)}' AS fresh").fetchall()
    target.chmod(0o600)
    connection.execute(f'COPY FROM DATABASE "{own}" TO fresh').fetchall()
    connection.execute("DELETE FROM fresh.ops.pending_purges").fetchall()
    connection.execute("CHECKPOINT fresh").fetchall()
    connection.execute("DETACH fresh").fetchall()


def _log_of(database: Path) -> Path:
    return database.with_name(f"{database.name}.wal")
