"""Asking the published database: named queries (its macros) or SQL, as a table, CSV or JSON."""

import json
from datetime import date
from pathlib import Path

import duckdb
import polars as pl

from flows.errors import ConfigurationError, QueryError

NAMED = (
    "absence_by_reason",
    "absence_by_day",
    "absence_by_person",
    "absence_by_month",
    "who_is_out",
    "coverage_conflicts",
    "absence_rate",
    "peak_absence",
)
"""The table macros of ooo.duckdb, each over (from_date, to_date), both included."""


def run_query(
    database: Path, query: str, from_date: date | None = None, to_date: date | None = None
) -> pl.DataFrame:
    """The rows of a named query over the dates, or of SQL. Reads only.

    Raises `ConfigurationError` if nothing is published yet, `QueryError` for what DuckDB refuses.
    """
    if not database.exists():
        message = f"nothing is published at {database} yet; run `ooo sync`, or set OOO_DATA_DIR"
        raise ConfigurationError(message)
    parameters = {}
    if query in NAMED:
        query = f"FROM {query}($from_date, $to_date)"
        parameters = {"from_date": from_date, "to_date": to_date}
    try:
        with duckdb.connect(str(database), read_only=True) as connection:
            relation = connection.sql(query, params=parameters)
            rows: pl.DataFrame = pl.DataFrame() if relation is None else relation.pl()
    except (duckdb.Error, pl.exceptions.PolarsError) as error:
        raise QueryError(str(error)) from error
    return rows


def render(rows: pl.DataFrame, output: str) -> str:
    """`rows` as `table`, `csv` or `json` text."""
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
    ):
        return str(rows)
