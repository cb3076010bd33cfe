"""Compaction: the warehouse file holds its rows and no byte of what was removed from them.

DuckDB marks removed rows and reuses their pages some day; until then the bytes are in the file. A copy
of the rows into a fresh file has none of them. It takes the old one's place by a rename, so a kill
leaves the old file or the new one, and `ops.pending_purges`, emptied in the new one alone, says which.
"""

from datetime import datetime
from pathlib import Path

import duckdb

from landing.files import TEMPORARY_PREFIX, flush
from warehouse.connection import open_warehouse, run_statement
from warehouse.errors import WarehouseError
from warehouse.publish.database import quoted

ERASURE, NOTES = "erasure", "notes"
"""Why a purge is due: a person was erased, or notes are no longer to be stored."""


def request_purge(connection: duckdb.DuckDBPyConnection, reason: str, at: datetime) -> None:
    """A purge is due from whenever the caller's transaction is committed until the file was compacted."""
    run_statement(connection, "load/sql/insert_pending_purge", {"reason": reason, "since": at})


def pending_purges(connection: duckdb.DuckDBPyConnection) -> set[str]:
    """Why the files hold bytes that they are to lose; empty if they hold none."""
    return {reason for (reason,) in run_statement(connection, "load/sql/select_pending_purges")}


def compact(path: Path, *, memory_limit: str | None = None) -> None:
    """The warehouse at `path` is a fresh file of the same rows, with no log and no purge pending.

    Nobody may have it open. Raises `WarehouseError` if the disk refuses; the old file then stands.
    """
    aside = path.with_name(f"{TEMPORARY_PREFIX}{path.name}")
    for leftover in (aside, aside.with_name(f"{aside.name}.wal")):
        leftover.unlink(missing_ok=True)
    try:
        with open_warehouse(path, memory_limit=memory_limit) as connection:
            own = connection.execute("SELECT current_database()").fetchall()[0][0]
            # A log beside the new file would be the old one's.
            connection.execute("CHECKPOINT").fetchall()
            connection.execute(f"ATTACH '{quoted(aside)}' AS fresh").fetchall()
            connection.execute(f'COPY FROM DATABASE "{own}" TO fresh').fetchall()
            connection.execute("DELETE FROM fresh.ops.pending_purges").fetchall()
            connection.execute("CHECKPOINT fresh").fetchall()
            connection.execute("DETACH fresh").fetchall()
        for log in (path, aside):
            if log.with_name(f"{log.name}.wal").exists():
                message = f"{log} still has a write-ahead log after its checkpoint; run again"
                raise WarehouseError(message)
        aside.chmod(0o600)
        flush(aside)
        aside.replace(path)
        flush(path.parent)
    except OSError as error:
        message = (
            f"can't compact {path}: {error}; it stands as it was, and what was removed is still in its"
            " pages. Free as much space as it takes, then run again"
        )
        raise WarehouseError(message) from error
