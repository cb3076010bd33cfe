"""Published tables: the declaration of a table, and the SQL that follows from it.

The caller passes the declarations: any object with these attributes is accepted. The warehouse imports no declaration.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Shown = Literal["itself", "pseudonym", "null"]
"""How a column is published: with its values, with a pseudonym in place of each user id, or empty."""


class DeclaredColumn(Protocol):
    """The attributes that the warehouse needs of a column's declaration."""

    @property
    def name(self) -> str:
        """The name of the column."""

    @property
    def sql_type(self) -> str:
        """The DuckDB type."""

    @property
    def is_nullable(self) -> bool:
        """True if the column may be null."""

    @property
    def meaning(self) -> str:
        """The comment of the column."""

    @property
    def personal(self) -> str | None:
        """`id` if it holds user ids, `text` or `trait` if it can name or single out a person, else None."""


class DeclaredTable(Protocol):
    """The attributes that the warehouse needs of a table's declaration."""

    @property
    def name(self) -> str:
        """The name of the table."""

    @property
    def grain(self) -> str:
        """The meaning of one row."""

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that identify a row."""

    @property
    def columns(self) -> Sequence[DeclaredColumn]:
        """The columns, in order."""


@dataclass(frozen=True)
class PublishedTable:
    """One table as it is published; its rows come from the relation of the same name in `marts`."""

    declaration: DeclaredTable
    extra_columns: tuple[DeclaredColumn, ...] = ()
    """Columns that are published after the declared ones."""
    is_pseudonymised: bool = False
    """Pseudonyms stand for user ids, and columns that can name or single out a person are empty."""

    @property
    def name(self) -> str:
        """The name of the table."""
        return self.declaration.name

    @property
    def grain(self) -> str:
        """The meaning of one row."""
        return self.declaration.grain

    @property
    def key(self) -> tuple[str, ...]:
        """The columns that identify a row."""
        return self.declaration.key

    @property
    def columns(self) -> tuple[DeclaredColumn, ...]:
        """The published columns, in order."""
        return (*self.declaration.columns, *self.extra_columns)

    @property
    def comment(self) -> str:
        """The comment of the table."""
        return f"One row: {self.grain}. Key: {self.key_list()}."

    @property
    def month_column(self) -> str | None:
        """The date column by which the table is partitioned into months; None if its rows are not days."""
        return "date_on" if self.name.startswith("fct_") and "date_on" in self.key else None

    @property
    def has_pseudonyms(self) -> bool:
        """True if pseudonyms stand for user ids in a column."""
        return any(self.shown_as(column) == "pseudonym" for column in self.columns)

    def shown_as(self, column: DeclaredColumn) -> Shown:
        """Return how the column is published."""
        if not self.is_pseudonymised or column.personal is None:
            return "itself"
        return "pseudonym" if column.personal == "id" else "null"

    def column_list(self) -> str:
        """Return the columns, in order, for a SELECT or an INSERT."""
        return ", ".join(column.name for column in self.columns)

    def key_list(self) -> str:
        """Return the columns of the key, in order, for an ORDER BY or a GROUP BY."""
        return ", ".join(self.key)

    def query(self) -> str:
        """Return the query of the published rows, ascending by the published key.

        The published key is the one with pseudonyms, so that the order does not reveal the order of the ids.
        """
        return f"{self.rows()} ORDER BY {self.key_list()}"

    def rows(self) -> str:
        """Return the FROM clause of the published rows, in no order.

        If pseudonyms stand for user ids, it reads the connection's temporary table `pseudonyms`.
        """
        selected = ", ".join(f"{self._expression(column)} AS {column.name}" for column in self.columns)
        joins = "".join(
            f" LEFT JOIN pseudonyms AS of_{column.name} ON of_{column.name}.organization_id ="
            f" mart.organization_id AND of_{column.name}.user_id = mart.{column.name}"
            for column in self.columns
            if self.shown_as(column) == "pseudonym"
        )
        return f"FROM (SELECT {selected} FROM marts.{self.name} AS mart{joins})"  # noqa: S608 - declared names

    def describe(self) -> tuple[object, ...]:
        """Return everything that decides how the table is written, for a fingerprint."""
        columns = [
            (column.name, column.sql_type, column.is_nullable, column.meaning, self.shown_as(column))
            for column in self.columns
        ]
        return (self.name, self.grain, self.key, columns, self.query())

    def _expression(self, column: DeclaredColumn) -> str:
        match self.shown_as(column):
            case "null":
                return f"NULL::{column.sql_type}"
            case "pseudonym":
                return f"of_{column.name}.pseudonym"
            case _:
                return f"mart.{column.name}"


def define_columns(columns: Sequence[DeclaredColumn], *, checks_nulls: bool = True) -> str:
    """Return the column definitions of a CREATE TABLE; without `checks_nulls`, every column may be null."""
    return ", ".join(
        f"{column.name} {column.sql_type}{'' if column.is_nullable or not checks_nulls else ' NOT NULL'}"
        for column in columns
    )


def personal_columns(tables: Sequence[PublishedTable]) -> list[str]:
    """Return `table.column` of every personal column that is published with its values, sorted."""
    return sorted(
        f"{table.name}.{column.name}"
        for table in tables
        for column in table.columns
        if column.personal is not None and table.shown_as(column) == "itself"
    )
