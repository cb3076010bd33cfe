"""Exporting what is published, cut to dates and a reason, as one Parquet, CSV or Excel file."""

from enum import StrEnum
from pathlib import Path

import polars as pl

from flows.report.queries import NAMED, Dates, run_named, run_sql
from flows.settings.errors import QueryError
from landing.files import TEMPORARY_PREFIX
from transforms.schema import PUBLISHED
from warehouse.errors import WarehouseError

MOST_EXCEL_ROWS = 1_048_575
"""Excel's own limit, less the header."""

_TABLES = {table.name: table for table in PUBLISHED}
EXPORTABLE = (
    *_TABLES,
    *(name for name, one in NAMED.items() if one.parameters == ("from_date", "to_date")),
)
"""Every published table, and every named query over two dates."""


class Format(StrEnum):
    """What an export is written as."""

    PARQUET = "parquet"
    CSV = "csv"
    XLSX = "xlsx"


def select_rows(
    database: Path, what: str, dates: Dates, reason: str | None = None, *, min_group_size: int = 1
) -> pl.DataFrame:
    """The rows of a table or named query that touch `dates`; of the entries, those that are not deleted.

    Only those with the `reason`, if one is given. A table without dates is whole. `min_group_size` is as for
    `run_named`. Raises `QueryError` if a reason is asked for of what has none.
    """
    if what not in _TABLES:
        rows = run_named(database, what, dates, min_group_size=min_group_size)
        _require_reason(what, rows.columns, reason)
        return rows if reason is None else rows.filter(pl.col("reason") == reason)
    table = _TABLES[what]
    columns = [column.name for column in table.columns]
    _require_reason(what, columns, reason)
    conditions = {
        "date_on": "date_on BETWEEN $first_on AND $last_on",
        "ends_on": "starts_on <= $last_on AND ends_on >= $first_on",
        "deleted_at": "deleted_at IS NULL",
    }
    wanted = [condition for column, condition in conditions.items() if column in columns]
    wanted += ["reason = $reason"] if reason else []
    where = f" WHERE {' AND '.join(wanted)}" if wanted else ""
    sql = f"SELECT * FROM {what}{where} ORDER BY {', '.join(table.key)}"  # noqa: S608 - names of our own
    given = {"first_on": dates.from_date, "last_on": dates.to_date, "reason": reason}
    return run_sql(database, sql, {name: value for name, value in given.items() if f"${name}" in sql})


def write_rows(rows: pl.DataFrame, path: Path, output: Format) -> None:
    """`rows` are at `path`, whole.

    Raises `QueryError` if a sheet can't hold them, `WarehouseError` if the disk refuses.
    """
    if output is Format.XLSX and rows.height > MOST_EXCEL_ROWS:
        message = (
            f"{rows.height:,} rows don't fit in an Excel sheet, which ends at {MOST_EXCEL_ROWS + 1:,}; narrow"
            " --from and --to, or export parquet"
        )
        raise QueryError(message)
    aside = path.with_name(f"{TEMPORARY_PREFIX}{path.name}")
    try:
        if output is Format.PARQUET:
            rows.write_parquet(aside)
        elif output is Format.CSV:
            rows.write_csv(aside)
        else:
            rows.write_excel(aside, worksheet="out of office", autofit=True, freeze_panes=(1, 0))
        aside.replace(path)
    except OSError as error:
        message = f"can't write {path}: {error}; free space, or choose another place with --output"
        raise WarehouseError(message) from error
    finally:
        aside.unlink(missing_ok=True)


def _require_reason(what: str, columns: list[str], reason: str | None) -> None:
    if reason is not None and "reason" not in columns:
        having = ", ".join(name for name, table in _TABLES.items() if "reason" in table.polars_schema)
        raise QueryError(f"{what} has no reasons to choose one from; these tables have: {having}")
