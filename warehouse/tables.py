"""What a published table is, as the caller declares it: its columns, key and meaning."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PublishedColumn:
    """One column as readers get it."""

    name: str
    sql_type: str
    is_nullable: bool
    meaning: str


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
