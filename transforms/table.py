"""Declare a table once: its name, its grain, its key, and its columns with their types and meanings.

Frames, DDL, staging tables, published comments and the data dictionary are derived from these declarations.
Instants are UTC without a zone (`TIMESTAMP`), so that the time zone of a session never moves a date.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from types import NoneType
from typing import Any, Self, get_args, get_type_hints

import polars as pl

from transforms.errors import TransformError

INSTANT = pl.Datetime("us")

_SQL_TYPES: dict[object, str] = {
    pl.Int64: "BIGINT",
    pl.Int32: "INTEGER",
    pl.Float64: "DOUBLE",
    pl.String: "VARCHAR",
    pl.Boolean: "BOOLEAN",
    pl.Date: "DATE",
    INSTANT: "TIMESTAMP",
}
_RECORD_TYPES: dict[object, pl.DataType | type[pl.DataType]] = {
    int: pl.Int64,
    float: pl.Float64,
    str: pl.String,
    datetime: INSTANT,
}


class Personal(StrEnum):
    """The way in which a column can identify a person."""

    ID = "id"
    """The column holds user ids. A pseudonym can replace them, and joins still work."""
    TEXT = "text"
    """The column holds names or free text. It is published empty where pseudonyms are, so it is nullable."""
    TRAIT = "trait"
    """The column can single out a person among few. It is published empty where pseudonyms are, as `TEXT` is."""


@dataclass(frozen=True)
class Column:
    """One column: its Polars type, its meaning, and whether it is nullable or can identify a person."""

    name: str
    dtype: pl.DataType | type[pl.DataType]
    meaning: str
    is_nullable: bool = False
    personal: Personal | None = None

    @property
    def sql_type(self) -> str:
        """The DuckDB type that corresponds to the Polars type."""
        return _SQL_TYPES[self.dtype]


@dataclass(frozen=True)
class Table:
    """One table: the meaning of a row, the columns that identify it, and all columns in order."""

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @classmethod
    def of(cls, name: str, grain: str, key: tuple[str, ...], *columns: Column) -> Self:
        """Return the table with these columns, in this order."""
        return cls(name, grain, key, columns)

    @classmethod
    def from_record(cls, name: str, grain: str, key: tuple[str, ...], record: type[Any]) -> Self:
        """Return the table whose columns are the fields of the dataclass `record`, in their order.

        Each field is annotated as `Annotated[int, "The meaning."]`. The column is nullable if the annotated
        type is a union with None. A member of `Personal` after the meaning marks a personal column.
        """
        hints = get_type_hints(record, include_extras=True)
        return cls(
            name, grain, key, tuple(_read_column(field.name, hints[field.name]) for field in fields(record))
        )

    @property
    def polars_schema(self) -> pl.Schema:
        """The columns as a Polars schema."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    def check(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return `frame`. Raise `TransformError` if its columns or types differ from those of the table."""
        if frame.schema != self.polars_schema:
            message = f"{self.name}: expected columns {self.polars_schema}, found {frame.schema}"
            raise TransformError(message)
        return frame


def _read_column(name: str, annotation: Any) -> Column:
    meaning, *personal = annotation.__metadata__
    types = get_args(annotation.__origin__) or (annotation.__origin__,)
    (value_type,) = (member for member in types if member is not NoneType)
    return Column(name, _RECORD_TYPES[value_type], meaning, NoneType in types, *personal)
