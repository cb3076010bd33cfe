"""Erasure: remove a person or an organization from every table, and keep later runs from storing a person again.

A row in a table with a column `user_id` is about that person and is deleted. A column `…_user_id` names the
person in a row about another one, and is set to null. A new table is therefore covered by its column names.

Compaction: rewrite the warehouse file so that it holds no byte of removed rows.

DuckDB marks removed rows and reuses their pages later; until then the bytes stay in the file. A copy of the
remaining rows into a new file has none of them. The copy replaces the old file by a rename, so a kill leaves
the old file or the new one. `ops.pending_purges` is emptied only in the new file, so it shows which file is in place.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from landing.files import build_atomically
from landing.record_filter import WITHHELD, find_people
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


def find_organizations(connection: duckdb.DuckDBPyConnection, user_id: int) -> list[int]:
    """Return the ids of the organizations that have the person or have erased the person, ascending."""
    selects = [
        f"SELECT organization_id FROM {table} WHERE {column} = $user_id"  # noqa: S608 - names from the catalogue
        for table, column in _person_columns(connection)
    ]
    query = f"{' UNION '.join(selects)} UNION {_ERASED} ORDER BY ALL"
    return [
        organization_id for (organization_id,) in connection.execute(query, {"user_id": user_id}).fetchall()
    ]


def find_people_by_email(connection: duckdb.DuckDBPyConnection, email: str) -> list[tuple[int, int]]:
    """Return (organization id, user id) of every person with the e-mail address, ascending."""
    return [
        (row[0], row[1])
        for row in run_statement(connection, "load/sql/select_people_by_email", {"email": email})
    ]


def describe_person(
    connection: duckdb.DuckDBPyConnection, organization_id: int, user_id: int
) -> tuple[str | None, str | None, int]:
    """Return the name and the e-mail address of a person, and the number of entries, deleted ones included."""
    parameters = {"organization_id": organization_id, "user_id": user_id}
    ((name, email, entries),) = run_statement(connection, "load/sql/select_described_person", parameters)
    return name, email, entries


_ERASED = "SELECT organization_id FROM ops.erased_people WHERE user_id = $user_id"


def find_erased_organizations(connection: duckdb.DuckDBPyConnection) -> set[int]:
    """Return the ids of all organizations from which a person was erased."""
    rows = run_statement(connection, "load/sql/select_erased_organizations")
    return {organization_id for (organization_id,) in rows}


def erase_person(
    connection: duckdb.DuckDBPyConnection, organization_id: int, user_id: int, *, at: datetime
) -> dict[str, int]:
    """Remove the person from every table, and request a purge of the files. Return the rows removed per table.

    The id is kept, as that of an erased person. Run this inside a transaction, and derive the days of the
    colleagues for whom the person covered again in it, from `take_changed_entries`.
    """
    parameters = {
        "organization_id": organization_id,
        "user_id": user_id,
        "erased_at": at,
        "identifying_texts": _identifying_texts(connection, organization_id, user_id),
        "user_path": f"/users/{user_id}/",
    }
    run_statement(connection, "load/sql/insert_erased_person", parameters)
    request_purge(connection, ERASURE, at)
    run_statement(connection, "load/sql/create_erased_changes", parameters)
    deleted = run_statement(connection, "load/sql/delete_erased_history", parameters)[0][0]
    removed = {"core.ooo_entry_history": deleted, "ops.quarantine": _erase_quarantine(connection, parameters)}
    for name in ("update_erased_errors", "update_erased_problems"):
        run_statement(connection, f"load/sql/{name}", parameters)
    person = {"organization_id": organization_id, "user_id": user_id}
    for table, column in _person_columns(connection):
        where = f"organization_id = $organization_id AND {column} = $user_id"
        if column == "user_id":
            count = connection.execute(f"DELETE FROM {table} WHERE {where}", person).fetchall()[0][0]  # noqa: S608
            removed[table] = removed.get(table, 0) + count
        else:
            connection.execute(f"UPDATE {table} SET {column} = NULL WHERE {where}", person).fetchall()  # noqa: S608
    return {table: rows for table, rows in removed.items() if rows}


def remove_organization(
    connection: duckdb.DuckDBPyConnection,
    organization_id: int | None,
    fleet_name: str | None,
    *,
    at: datetime,
) -> dict[str, int]:
    """Remove every row of the organization, and request a purge of the files. Return the rows removed per table.

    A row in a table with a column `organization_id` belongs to that organization. The list of erased people stays, so
    that no later run stores them again. Attempts under `fleet_name` that failed before the id was known go, too. Run
    this inside a transaction.
    """
    request_purge(connection, ERASURE, at)
    own = {"organization_id": organization_id, "fleet_name": fleet_name}
    removed = {"ops.audits": run_statement(connection, "load/sql/delete_removed_audits", own)[0][0]}
    unread = run_statement(connection, "load/sql/delete_unread_runs", own)[0][
        0
    ]  # while the runs have its names
    for (table,) in run_statement(connection, "load/sql/select_organization_tables"):
        delete = f"DELETE FROM {table} WHERE organization_id = $organization_id"  # noqa: S608 - from the catalog
        removed[table] = connection.execute(delete, {"organization_id": organization_id}).fetchall()[0][0]
    removed["ops.runs"] += unread
    return {table: rows for table, rows in removed.items() if rows}


def _erase_quarantine(connection: duckdb.DuckDBPyConnection, parameters: Mapping[str, Any]) -> int:
    """Delete the quarantined records that name the person, and return their number.

    The texts of records whose owner cannot be read are withheld, as in a landing: they may belong to the person.
    """
    texts = [text.lower() for text in parameters["identifying_texts"]]
    named, withheld = [], []
    for row_id, kind, scope_user_id, raw in run_statement(
        connection, "load/sql/select_quarantine", parameters
    ):
        record = json.loads(raw)
        owner, people = find_people(record, key="id" if kind == "user" else "userId")
        decoded = json.dumps(record).lower()
        if parameters["user_id"] in people or any(text in decoded or text in raw.lower() for text in texts):
            named.append(row_id)
        elif owner is None and scope_user_id is None:
            withheld.append(row_id)
    facts = {"row_ids": withheld, "withheld": WITHHELD}
    run_statement(connection, "load/sql/update_withheld_quarantine", facts)
    deleted: int = run_statement(connection, "load/sql/delete_erased_quarantine", {"row_ids": named})[0][0]
    return deleted


def _person_columns(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Return (table, column) of every column that holds user ids."""
    return [(table, column) for table, column in run_statement(connection, "load/sql/select_person_columns")]


def _identifying_texts(
    connection: duckdb.DuckDBPyConnection, organization_id: int, user_id: int
) -> list[str]:
    """Return the texts by which stored texts can name the person: the e-mail address, and names as JSON."""
    person = {"organization_id": organization_id, "user_id": user_id}
    rows = run_statement(connection, "load/sql/select_identity", person)
    texts: set[str] = set()
    for email, *names in rows:
        texts |= {email, json.dumps(email)[1:-1]} if email else set()
        texts |= {json.dumps(name) for name in names if name}
    return sorted(texts)
