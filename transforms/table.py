"""What a table is: its columns in order, their types and meanings, its key and its grain.

Instants are UTC without a zone (`TIMESTAMP`), so that no reader's session time zone ever moves a date.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Self

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


_FIELD_TYPES: dict[object, pl.DataType | type[pl.DataType]] = {
    int: pl.Int64,
    float: pl.Float64,
    str: pl.String,
    str | None: pl.String,
    datetime: INSTANT,
}


def column_type(annotation: object) -> pl.DataType | type[pl.DataType]:
    """Return the Polars type of a dataclass field with this annotation."""
    return _FIELD_TYPES[annotation]


class Personal(StrEnum):
    """How a column tells who someone is."""

    ID = "id"
    """Names a person by number: a pseudonym can stand for it, and joins still hold."""
    TEXT = "text"
    """Names a person in words, or is a text that may: nothing can stand for it. Always nullable."""


@dataclass(frozen=True)
class Column:
    """One column: its Polars type, what it means, whether it may be null, whether it tells who someone is."""

    name: str
    dtype: pl.DataType | type[pl.DataType]
    meaning: str
    is_nullable: bool = False
    personal: Personal | None = None

    @property
    def sql_type(self) -> str:
        """The DuckDB type of the same values."""
        return _SQL_TYPES[self.dtype]


@dataclass(frozen=True)
class Table:
    """One table: what a row is, which columns identify it, and its columns in order."""

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @classmethod
    def of(cls, name: str, grain: str, key: tuple[str, ...], *columns: Column) -> Self:
        """The table of these columns, written out one after the other."""
        return cls(name, grain, key, columns)

    @property
    def polars_schema(self) -> pl.Schema:
        """The columns as a Polars schema."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    def check(self, frame: pl.DataFrame) -> pl.DataFrame:
        """`frame` itself, if its columns and types are exactly this table's; else `TransformError`."""
        if frame.schema != self.polars_schema:
            message = f"{self.name}: expected columns {self.polars_schema}, found {frame.schema}"
            raise TransformError(message)
        return frame
