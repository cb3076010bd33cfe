"""Pseudonyms: what stands for each person in a publication that names nobody."""

from collections.abc import Callable, Sequence

import duckdb
import polars as pl

from warehouse.tables import PublishedTable

Assign = Callable[[pl.DataFrame], pl.DataFrame]
"""From one row a person (`organization_id`, `user_id`) to the same with `pseudonym`."""


def create_pseudonyms(
    connection: duckdb.DuckDBPyConnection, tables: Sequence[PublishedTable], assign: Assign
) -> None:
    """Everyone whom a published table names has a pseudonym, in a table private to the connection.

    It stays in memory: no file ever holds a person's id beside their pseudonym.
    """
    named = [
        f"SELECT organization_id, {column.name} AS user_id FROM marts.{table.name}"  # noqa: S608 - declared names
        f" WHERE {column.name} IS NOT NULL"
        for table in tables
        for column in table.columns
        if column.shown_as == "pseudonym"
    ]
    people = connection.sql(f"{' UNION '.join(named)} ORDER BY ALL").pl()
    pseudonyms = assign(people)
    connection.register("assigned_pseudonyms", pseudonyms)
    try:
        connection.execute("CREATE OR REPLACE TEMP TABLE pseudonyms AS FROM assigned_pseudonyms").fetchall()
    finally:
        connection.unregister("assigned_pseudonyms")
