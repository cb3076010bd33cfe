"""Query the published database with named queries (its macros) or SQL, and render the rows as text."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from flows.settings.data_folder import require_publication
from flows.settings.errors import QueryError
from transforms.errors import TransformError
from transforms.privacy import suppress_small_groups
from warehouse.publish.measures import find_measures

NAMED = {measure.name: measure for measure in find_measures()}
"""The table macros of ooo.duckdb, by name."""


@dataclass(frozen=True)
class Dates:
    """A range of civil dates, both ends included."""

    from_date: date
    to_date: date


def run_named(
    database: Path,
    name: str,
    dates: Dates,
    as_of_at: datetime | None = None,
    *,
    min_group_size: int = 1,
) -> pl.DataFrame:
    """Return the rows of the named query `name` over `dates`.

    `as_of_at` is an instant, UTC without a zone, for the named queries that take one. `min_group_size` is in
    people: smaller groups are suppressed, as `suppress_small_groups` describes. Queries that list people are
    not changed by it. Raises as `run_sql`.
    """
    measure = NAMED[name]
    values = {"from_date": dates.from_date, "to_date": dates.to_date, "as_of_at": as_of_at}
    parameters = {name: values[name] for name in measure.parameters}
    sql = f"FROM {measure.name}({', '.join(f'${parameter}' for parameter in parameters)})"
    try:
        rows = run_sql(database, sql, parameters)
    except QueryError as error:
        if not isinstance(error.__cause__, duckdb.CatalogException):
            raise
        switch = f" with {measure.switch}=true" if measure.switch else " with this version"
        message = f"{database} was published without {name}; run `ooo sync`{switch}"
        raise QueryError(message) from error.__cause__
    if min_group_size > 1 and "user_id" not in rows.columns:
        try:
            return suppress_small_groups(rows, min_group_size)
        except TransformError as error:
            message = f"{name} can't be shown with OOO_MIN_GROUP_SIZE={min_group_size}: {error}"
            raise QueryError(message) from error
    return rows


def run_sql(database: Path, sql: str, parameters: Mapping[str, Any] | None = None) -> pl.DataFrame:
    """Return the rows of `sql`, which can only read. `parameters` are the values of its `$name` parameters.

    Raises `ConfigurationError` if nothing is published yet, and `QueryError` if DuckDB refuses the query.
    """
    require_publication(database)
    try:
        with duckdb.connect(str(database), read_only=True) as connection:
            relation = connection.sql(sql, params=parameters)
            rows: pl.DataFrame = pl.DataFrame() if relation is None else relation.pl()
    except (duckdb.Error, pl.exceptions.PolarsError) as error:
        raise QueryError(str(error)) from error
    return rows


def render(rows: pl.DataFrame, output: str, *, draws_lines: bool = True) -> str:
    """Return `rows` as text: a `table`, `csv` or `json`. Without `draws_lines`, the table's lines are ASCII."""
    if output == "csv":
        try:
            return rows.write_csv().rstrip("\n")
        except pl.exceptions.PolarsError as error:
            raise QueryError(f"{error}; try --output json") from error
    if output == "json":
        return json.dumps(rows.to_dicts(), default=str, ensure_ascii=False, indent=2)
    with pl.Config(
        tbl_rows=100,
        tbl_cols=-1,
        tbl_width_chars=220,
        fmt_str_lengths=60,
        tbl_hide_column_data_types=True,
        tbl_hide_dataframe_shape=True,
        thousands_separator=False,
        tbl_formatting="UTF8_FULL_CONDENSED" if draws_lines else "ASCII_FULL_CONDENSED",
    ):
        return str(rows)
