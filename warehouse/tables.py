"""What a published table is, as the caller declares it: its columns, key and meaning."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class PublishedColumn:
    """One column as readers get it."""

    name: str
    sql_type: str
    is_nullable: bool
    meaning: str
    is_personal: bool = False
    """It tells who someone is, or is a text that may."""
    shown_as: Literal["itself", "pseudonym", "null"] = "itself"
    """What stands in it: its values, each person's pseudonym in place of their id, or nothing."""


@dataclass(frozen=True)
class PublishedTable:
    """One table as readers get it; its rows come from the relation of the same name in `marts`."""

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[PublishedColumn, ...]

    @property
    def month_column(self) -> str | None:
        """The date by whose months the table can be cut, if its rows are facts of days; else None."""
        return "date_on" if self.name.startswith("fct_") and "date_on" in self.key else None

    def column_list(self) -> str:
        """The columns, in order, for a SELECT or an INSERT."""
        return ", ".join(column.name for column in self.columns)

    def key_list(self) -> str:
        """The key's columns, in order, for an ORDER BY or a GROUP BY."""
        return ", ".join(self.key)

    def query(self) -> str:
        """`rows`, ascending by the key as readers get it: so the order of the ids does not show through."""
        return f"{self.rows()} ORDER BY {self.key_list()}"

    def rows(self) -> str:
        """The FROM of the rows as readers get them.

        Where pseudonyms stand for people, it needs the connection's table `pseudonyms`.
        """
        shown = ", ".join(f"{_shown(column)} AS {column.name}" for column in self.columns)
        joins = "".join(
            f" LEFT JOIN pseudonyms AS of_{column.name} ON of_{column.name}.organization_id ="
            f" shown.organization_id AND of_{column.name}.user_id = shown.{column.name}"
            for column in self.columns
            if column.shown_as == "pseudonym"
        )
        return f"FROM (SELECT {shown} FROM marts.{self.name} AS shown{joins})"  # noqa: S608 - declared names

    @property
    def has_pseudonyms(self) -> bool:
        """Pseudonyms stand for people in it."""
        return any(column.shown_as == "pseudonym" for column in self.columns)


def _shown(column: PublishedColumn) -> str:
    if column.shown_as == "null":
        return f"NULL::{column.sql_type}"
    return f"of_{column.name}.pseudonym" if column.shown_as == "pseudonym" else f"shown.{column.name}"


def personal_columns(tables: Sequence[PublishedTable]) -> list[str]:
    """`table.column` of everything that tells who someone is and is shown as itself, sorted."""
    return sorted(
        f"{table.name}.{column.name}"
        for table in tables
        for column in table.columns
        if column.is_personal and column.shown_as == "itself"
    )
