"""What a table holds, in one short text: where it is the same in two generations, so are the rows.

So what did not change since the last generation is not written again. Rows are compared as they are
published, whoever changed them and why (a load, an erasure, another calendar, other settings).
"""

import hashlib
from collections.abc import Sequence
from importlib.metadata import version

import duckdb

from warehouse.tables import PublishedTable


def fingerprint_table(connection: duckdb.DuckDBPyConnection, table: PublishedTable) -> tuple[int, str]:
    """How many rows `table` has in `marts`, and what tells them, as published and in whatever order.

    Rows are hashed twice: DuckDB's hash of several values is such that two rows could swap some unnoticed.
    It may be another in another DuckDB, so the version is part of the declaration.
    """
    values = ", ".join(f"{column.name}::{column.sql_type}" for column in table.columns)
    query = f"SELECT count(*), coalesce(sum(hash(hash({values}))), 0) {table.rows()}"
    rows, hashed = connection.execute(query).fetchall()[0]
    return rows, f"{declared([table])}-{rows}-{hashed}"


def declared(tables: Sequence[PublishedTable], *statements: str) -> str:
    """What decides how the tables are written, and what else the `statements` make, as a short digest."""
    program = version("calcom-ooo-warehouse")
    queries = (table.query() for table in tables)
    texts = (duckdb.__version__, program, *map(repr, tables), *queries, *statements)
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()[:16]
