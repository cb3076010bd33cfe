"""Migrations: numbered, append-only and checksummed SQL files, each applied once, in order."""

import hashlib
import re
from importlib.resources import files
from pathlib import Path

import duckdb

from landing.files import TEMPORARY_PREFIX
from warehouse.connection import transaction
from warehouse.errors import MigrationError

BACKUPS = "backups"
"""Beside the warehouse file: what it was before each upgrade."""

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_LEDGER = """
CREATE SCHEMA IF NOT EXISTS ops;
CREATE TABLE IF NOT EXISTS ops.migrations (
    version INTEGER NOT NULL, name VARCHAR NOT NULL, checksum VARCHAR NOT NULL,
    applied_at TIMESTAMP NOT NULL DEFAULT current_timestamp::TIMESTAMP
)
"""


def shipped_migrations() -> list[tuple[int, str, str]]:
    """(version, name, text) of every migration of this program, in order."""
    found = [
        (int(match[1]), match[0], entry.read_text(encoding="utf-8"))
        for entry in files("warehouse").joinpath("load/migrations").iterdir()
        if (match := _NAME.fullmatch(entry.name))
    ]
    return sorted(found)


def migrate(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The warehouse has this program's tables; return the names of the migrations applied now, all or none.

    An older warehouse is first copied to `backups/` beside it, whole.
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
    """(version, name, text) of the migrations that the warehouse still lacks, in order.

    Raises `MigrationError` if it is of a newer version, or has one that was changed since.
    """
    applied = _read_applied(connection)
    shipped = shipped_migrations()
    if ahead := sorted(set(applied) - {version for version, _, _ in shipped}):
        message = (
            f"the warehouse is of a newer version: it has migration {ahead[-1]}, this program knows"
            f" up to {shipped[-1][0]}; upgrade the program, or restore an older warehouse file"
        )
        raise MigrationError(message)
    for version, name, text in shipped:
        if applied.get(version, _checksum(text)) != _checksum(text):
            message = (
                f"migration {name} was changed after it was applied to this warehouse; expected"
                f" checksum {applied[version]}, found {_checksum(text)}; install the program whole"
            )
            raise MigrationError(message)
    return [one for one in shipped if one[0] not in applied]


def back_up(connection: duckdb.DuckDBPyConnection, label: str) -> Path | None:
    """A copy of the warehouse is in `backups/` beside it, named by `label`; None of one in memory."""
    name, path = connection.execute(
        "SELECT database_name, path FROM duckdb_databases() WHERE database_name = current_database()"
    ).fetchall()[0]
    if path is None:
        return None
    source = Path(path)
    copy = source.parent / BACKUPS / f"{source.stem}-{label}{source.suffix}"
    aside = copy.with_name(f"{TEMPORARY_PREFIX}{copy.name}")
    copy.parent.mkdir(mode=0o700, exist_ok=True)
    aside.unlink(missing_ok=True)
    quoted = str(aside).replace("'", "''")
    connection.execute(f"ATTACH '{quoted}' AS backup").fetchall()
    try:
        connection.execute(f'COPY FROM DATABASE "{name}" TO backup').fetchall()
        connection.execute("CHECKPOINT backup").fetchall()
    finally:
        connection.execute("DETACH backup").fetchall()
    aside.chmod(0o600)
    aside.replace(copy)
    return copy


def _read_applied(connection: duckdb.DuckDBPyConnection) -> dict[int, str]:
    """Checksum by version, of the migrations that the warehouse has."""
    is_there = "SELECT 1 FROM duckdb_tables() WHERE schema_name = 'ops' AND table_name = 'migrations'"
    if not connection.execute(is_there).fetchall():
        return {}
    return dict(connection.execute("SELECT version, checksum FROM ops.migrations").fetchall())


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
