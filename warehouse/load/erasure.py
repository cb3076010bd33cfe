"""Erasure: no row says anything of a person any more, and none will again.

Whatever table has a column named `user_id` is about that person, and loses the row; whatever column is
named `…_user_id` names them beside someone else, and is emptied. So a new table is covered by its names.
"""

import json
from datetime import datetime

import duckdb

from warehouse.connection import run_statement
from warehouse.load.compact import ERASURE, request_purge


def find_organizations(connection: duckdb.DuckDBPyConnection, user_id: int) -> list[int]:
    """The organizations that know the person or have erased them, ascending."""
    known = [
        f"SELECT organization_id FROM {table} WHERE {column} = $user_id"  # noqa: S608 - names from the catalogue
        for table, column in _person_columns(connection)
    ]
    query = f"{' UNION '.join(known)} UNION {_ERASED} ORDER BY ALL"
    return [found for (found,) in connection.execute(query, {"user_id": user_id}).fetchall()]


_ERASED = "SELECT organization_id FROM ops.erased_people WHERE user_id = $user_id"


def erased_people(connection: duckdb.DuckDBPyConnection, organization_id: int) -> frozenset[int]:
    """The ids of everyone who was erased from the organization."""
    rows = run_statement(connection, "load/sql/select_erased_people", {"organization_id": organization_id})
    return frozenset(user_id for (user_id,) in rows)


def erase_person(
    connection: duckdb.DuckDBPyConnection, organization_id: int, user_id: int, *, at: datetime
) -> dict[str, int]:
    """No table says anything of the person; that they were erased is kept, and a purge of the files is due.

    Runs inside the caller's transaction, who then derives the days of whom they covered again, from
    `take_changed_entries`. Returns the rows removed of each table that had any.
    """
    parameters = {
        "organization_id": organization_id,
        "user_id": user_id,
        "erased_at": at,
        "needles": _needles(connection, organization_id, user_id),
        "mention": rf'"(userId|toUserId)": "?{user_id}"?[,}}]',
        "path": f"/users/{user_id}/",
    }
    run_statement(connection, "load/sql/insert_erased_person", parameters)
    request_purge(connection, ERASURE, at)
    run_statement(connection, "load/sql/create_erased_changes", parameters)
    removed = {}
    for name, table in (
        ("delete_erased_history", "core.ooo_entry_history"),
        ("delete_erased_quarantine", "ops.quarantine"),
    ):
        removed[table] = run_statement(connection, f"load/sql/{name}", parameters)[0][0]
    for name in ("update_erased_errors", "update_erased_problems"):
        run_statement(connection, f"load/sql/{name}", parameters)
    whose = {"organization_id": organization_id, "user_id": user_id}
    for table, column in _person_columns(connection):
        where = f"organization_id = $organization_id AND {column} = $user_id"
        if column == "user_id":
            count = connection.execute(f"DELETE FROM {table} WHERE {where}", whose).fetchall()[0][0]  # noqa: S608
            removed[table] = removed.get(table, 0) + count
        else:
            connection.execute(f"UPDATE {table} SET {column} = NULL WHERE {where}", whose).fetchall()  # noqa: S608
    return {table: rows for table, rows in removed.items() if rows}


def _person_columns(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """(table, column) of every column that names a person."""
    return [(table, column) for table, column in run_statement(connection, "load/sql/select_person_columns")]


def _needles(connection: duckdb.DuckDBPyConnection, organization_id: int, user_id: int) -> list[str]:
    """How texts that were kept may quote the person: the e-mail address anywhere, names as JSON texts."""
    whose = {"organization_id": organization_id, "user_id": user_id}
    rows = run_statement(connection, "load/sql/select_identity", whose)
    needles: set[str] = set()
    for email, *names in rows:
        needles |= {email, json.dumps(email)[1:-1]} if email else set()
        needles |= {json.dumps(name) for name in names if name}
    return sorted(needles)
