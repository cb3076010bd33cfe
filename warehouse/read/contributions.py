"""Read what each person contributes to a measure: the measure over organizations of one person each."""

from collections.abc import Callable, Iterable

import polars as pl

from warehouse.connection import read_statement
from warehouse.tables import DeclaredTable

PEOPLE = "dim_people"


def isolate_people(fetch: Callable[[str], pl.DataFrame], tables: Iterable[DeclaredTable]) -> None:
    """Make each person an organization of their own, for every later statement of `fetch`.

    Temporary views hide the published tables of the same names, so that the macros read the views. The table
    `numbered_people` has the organization and the id of each person, whose number stands for the organization. Raise
    as `fetch` does.
    """
    fetch(read_statement("read/sql/create_numbered_people"))
    database = fetch("SELECT current_database() AS name").item()
    for table in tables:
        names = {column.name for column in table.columns}
        if "organization_id" not in names:
            continue
        joined = "organization_id, user_id" if "user_id" in names else "organization_id"
        rows = f'FROM "{database}".main.{table.name} AS t JOIN numbered_people AS n USING ({joined})'
        query = f"SELECT t.* REPLACE (n.person AS organization_id) {rows}"
        if table.name == PEOPLE:
            query += f" UNION ALL {_absent_covers(database)}"
        fetch(f"CREATE OR REPLACE TEMP VIEW {table.name} AS {query}")


def _absent_covers(database: str) -> str:
    """Return the query of the covers of each person, who are members on no day."""
    covers = (
        f'SELECT DISTINCT organization_id, user_id, covering_user_id FROM "{database}".main.fct_absence_days'  # noqa: S608
    )
    return (
        "SELECT c.* REPLACE (n.person AS organization_id, '9999-12-31'::DATE AS member_from_on)"  # noqa: S608
        f" FROM ({covers}) AS d JOIN numbered_people AS n USING (organization_id, user_id)"
        f' JOIN "{database}".main.dim_people AS c'
        " ON c.organization_id = d.organization_id AND c.user_id = d.covering_user_id AND c.user_id <> d.user_id"
    )
