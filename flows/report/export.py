"""Export a published table or a named query, filtered by dates and a reason, as Parquet, CSV or Excel."""

from enum import StrEnum
from pathlib import Path

import polars as pl

from flows.report.queries import NAMED, Dates, run_named, run_sql
from flows.settings.errors import QueryError
from landing.files import write_atomically
from transforms.schema import PUBLISHED
from warehouse.errors import WarehouseError

MOST_EXCEL_ROWS = 1_048_575
"""The number of rows of an Excel sheet, less the header."""

_TABLES = {table.name: table for table in PUBLISHED}
EXPORTABLE = (
    *_TABLES,
    *(name for name, measure in NAMED.items() if measure.parameters == ("from_date", "to_date")),
)
"""The names of the published tables, and of the named queries over a range of dates."""


class Format(StrEnum):
    """The file format of an export."""

    PARQUET = "parquet"
    CSV = "csv"
    XLSX = "xlsx"


def select_rows(
    database: Path, name: str, dates: Dates, reason: str | None = None, *, min_group_size: int = 1
) -> pl.DataFrame:
    """Return the rows of a table or named query that overlap `dates`, without deleted entries.

    A `reason` keeps the rows with that reason code only. A table without dates is returned whole.
    `min_group_size` is as for `run_named`. Raises `QueryError` for a reason if the rows have no reason.
    """
    if name not in _TABLES:
        rows = run_named(database, name, dates, min_group_size=min_group_size)
        _require_reason(name, rows.columns, reason)
        return rows if reason is None else rows.filter(pl.col("reason") == reason)
    table = _TABLES[name]
    columns = [column.name for column in table.columns]
    _require_reason(name, columns, reason)
    conditions = {
        "date_on": "date_on BETWEEN $first_on AND $last_on",
        "ends_on": "starts_on <= $last_on AND ends_on >= $first_on",
        "deleted_at": "deleted_at IS NULL",
    }
    filters = [condition for column, condition in conditions.items() if column in columns]
    filters += ["reason = $reason"] if reason else []
    where = f" WHERE {' AND '.join(filters)}" if filters else ""
    sql = f"SELECT * FROM {name}{where} ORDER BY {', '.join(table.key)}"  # noqa: S608 - declared names
    values = {"first_on": dates.from_date, "last_on": dates.to_date, "reason": reason}
    return run_sql(database, sql, {key: value for key, value in values.items() if f"${key}" in sql})


def write_rows(rows: pl.DataFrame, path: Path, output: Format) -> None:
    """Write `rows` to `path`, atomically.

    Raises `QueryError` for more rows than a sheet holds, and `WarehouseError` if the disk fails.
    """
    if output is Format.XLSX and rows.height > MOST_EXCEL_ROWS:
        message = (
            f"{rows.height:,} rows do not fit in an Excel sheet, which holds {MOST_EXCEL_ROWS:,} and a header;"
            " choose a shorter range with --from and --to, or export parquet"
        )
        raise QueryError(message)
    try:
        with write_atomically(path) as temporary:
            if output is Format.PARQUET:
                rows.write_parquet(temporary)
            elif output is Format.CSV:
                rows.write_csv(temporary)
            else:
                rows.write_excel(temporary, worksheet="out of office", autofit=True, freeze_panes=(1, 0))
    except OSError as error:
        message = f"can't write {path}: {error}; free disk space, or choose another file with --output"
        raise WarehouseError(message) from error


def _require_reason(name: str, columns: list[str], reason: str | None) -> None:
    if reason is not None and "reason" not in columns:
        tables = ", ".join(table.name for table in _TABLES.values() if "reason" in table.polars_schema)
        raise QueryError(f"{name} has no column reason to filter by; the tables with one are: {tables}")
