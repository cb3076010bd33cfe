"""Migrations: numbered, append-only and checksummed SQL files, each applied once, in order."""

import hashlib
import re
from importlib.resources import files

import duckdb

from warehouse.connection import transaction
from warehouse.errors import MigrationError

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
        for entry in files("warehouse").joinpath("migrations").iterdir()
        if (match := _NAME.fullmatch(entry.name))
    ]
    return sorted(found)


def migrate(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The warehouse has this program's tables; return the names of the migrations applied now."""
    connection.execute(_LEDGER)
    rows = connection.execute("SELECT version, checksum FROM ops.migrations").fetchall()
    applied: dict[int, str] = dict(rows)
    shipped = shipped_migrations()
    newest = shipped[-1][0]
    if ahead := sorted(set(applied) - {version for version, _, _ in shipped}):
        message = (
            f"the warehouse is of a newer version: it has migration {ahead[-1]}, this program knows"
            f" up to {newest}; upgrade the program, or restore an older warehouse file"
        )
        raise MigrationError(message)
    done = []
    for version, name, text in shipped:
        checksum = hashlib.sha256(text.encode()).hexdigest()
        if version not in applied:
            with transaction(connection):
                connection.execute(text)
                connection.execute(
                    "INSERT INTO ops.migrations (version, name, checksum) VALUES ($v, $n, $c)",
                    {"v": version, "n": name, "c": checksum},
                )
            done.append(name)
        elif applied[version] != checksum:
            message = (
                f"migration {name} was changed after it was applied to this warehouse; expected"
                f" checksum {applied[version]}, found {checksum}; install the program whole"
            )
            raise MigrationError(message)
    return done
