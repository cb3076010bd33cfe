"""Migrations: numbered, append-only and checksummed SQL files, each applied once, in order."""

import hashlib
import re
from importlib.resources import files
from pathlib import Path

import duckdb

from landing.files import build_atomically
from warehouse.connection import quote, transaction
from warehouse.errors import MigrationError

BACKUPS = "backups"
"""The folder beside the warehouse file that holds a copy from before each upgrade."""

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_LEDGER = """
CREATE SCHEMA IF NOT EXISTS ops;
CREATE TABLE IF NOT EXISTS ops.migrations (
    version INTEGER NOT NULL, name VARCHAR NOT NULL, checksum VARCHAR NOT NULL,
    applied_at TIMESTAMP NOT NULL DEFAULT current_timestamp::TIMESTAMP
)
"""


def shipped_migrations() -> list[tuple[int, str, str]]:
    """Return (version, name, text) of every migration of this program, in order."""
    migrations = [
        (int(match[1]), match[0], entry.read_text(encoding="utf-8"))
        for entry in files("warehouse").joinpath("load/migrations").iterdir()
        if (match := _NAME.fullmatch(entry.name))
    ]
    return sorted(migrations)


def migrate(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Apply the migrations that the warehouse lacks, in one transaction, and return their names.

    An older warehouse is copied to `backups/` beside it first.
    """
    pending = pending_migrations(connection)
    if not pending:
        return []
    if older := pending[0][0] - 1:
        back_up(connection, f"{older:04}")
    with transaction(connection):
        connection.execute(_LEDGER)
        for version, name, text in pending:
            connection.execute(text)
            connection.execute(
                "INSERT INTO ops.migrations (version, name, checksum) VALUES ($v, $n, $c)",
                {"v": version, "n": name, "c": _checksum(text)},
            )
    return [name for _, name, _ in pending]


def pending_migrations(connection: duckdb.DuckDBPyConnection) -> list[tuple[int, str, str]]:
    """Return (version, name, text) of the migrations that the warehouse lacks, in order.

    Raise `MigrationError` if the warehouse is of a newer version, or if a migration was changed afterwards.
    """
    applied = _read_applied(connection)
    shipped = shipped_migrations()
    if ahead := sorted(set(applied) - {version for version, _, _ in shipped}):
        message = (
            f"the warehouse is of a newer version: it has migration {ahead[-1]}, this program has"
            f" migrations up to {shipped[-1][0]}; upgrade the program, or restore an older warehouse file"
        )
        raise MigrationError(message)
    for version, name, text in shipped:
        if applied.get(version, _checksum(text)) != _checksum(text):
            message = (
                f"migration {name} was changed after it was applied to this warehouse; expected"
                f" checksum {applied[version]}, found {_checksum(text)}; install the program again"
            )
            raise MigrationError(message)
    return [migration for migration in shipped if migration[0] not in applied]


def back_up(connection: duckdb.DuckDBPyConnection, label: str) -> Path | None:
    """Copy the warehouse to `backups/` beside it, and return the path of the copy; None if it is in memory.

    `label` becomes part of the name of the copy.
    """
    name, path = connection.execute(
        "SELECT database_name, path FROM duckdb_databases() WHERE database_name = current_database()"
    ).fetchall()[0]
    if path is None:
        return None
    source = Path(path)
    copy = source.parent / BACKUPS / f"{source.stem}-{label}{source.suffix}"
    copy.parent.mkdir(mode=0o700, exist_ok=True)
    with build_atomically(copy) as temporary:
        connection.execute(f"ATTACH '{quote(temporary)}' AS backup").fetchall()
        try:
            temporary.chmod(0o600)
            connection.execute(f'COPY FROM DATABASE "{name}" TO backup').fetchall()
            connection.execute("CHECKPOINT backup").fetchall()
        finally:
            connection.execute("DETACH backup").fetchall()
    return copy


def _read_applied(connection: duckdb.DuckDBPyConnection) -> dict[int, str]:
    """Return the checksum per version of the migrations that the warehouse has."""
    find_ledger = "SELECT 1 FROM duckdb_tables() WHERE schema_name = 'ops' AND table_name = 'migrations'"
    if not connection.execute(find_ledger).fetchall():
        return {}
    return dict(connection.execute("SELECT version, checksum FROM ops.migrations").fetchall())


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
