"""Export a published table or a named query, filtered by dates and a reason, as Parquet, CSV or Excel."""

import contextlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import polars as pl

from flows.report.filters import FILTER_COLUMNS, NO_FILTERS, Filters, select
from flows.report.plain_text import disarm_formulas
from flows.report.queries import DEFAULT_LIMITS, NAMED, Dates, QueryLimits, open_published, run_named
from flows.settings.errors import QueryError, QueryLimitError
from landing.files import write_atomically
from transforms.schema import PUBLISHED
from warehouse.errors import WarehouseError

MOST_EXCEL_ROWS = 1_048_575
"""The number of rows of an Excel sheet, less the header."""

MOST_EXCEL_CHARACTERS = 32_767
"""The number of UTF-16 characters in a cell of an Excel sheet."""

MOST_EXACT_INTEGER = 2**53
"""The largest integer up to which a floating-point number, as Excel stores it, is exact."""

_FIRST_EXCEL_YEAR = 1900
_MOST_MEASURED_ROWS = 1_000
_WIDEST_COLUMN = 60

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


def select_rows(  # noqa: PLR0913 - the options of an export
    database: Path,
    name: str,
    dates: Dates,
    filters: Filters = NO_FILTERS,
    *,
    min_group_size: int = 1,
    limits: QueryLimits = DEFAULT_LIMITS,
) -> pl.DataFrame:
    """Return the rows of a table or named query that overlap `dates`, without deleted entries.

    `filters` keep the rows of a reason, a team or a person. A table without dates is returned whole.
    `min_group_size` is as for `run_named`. Raises `QueryError` for a filter that the rows have no column for.
    """
    if name not in _TABLES:
        return run_named(database, name, dates, filters=filters, min_group_size=min_group_size, limits=limits)
    table = _TABLES[name]
    columns = [column.name for column in table.columns]
    conditions = {
        "date_on": "date_on BETWEEN $first_on AND $last_on",
        "ends_on": "starts_on <= $last_on AND ends_on >= $first_on",
        "deleted_at": "deleted_at IS NULL",
    }
    filters_of_dates = [condition for column, condition in conditions.items() if column in columns]
    where = f" WHERE {' AND '.join(filters_of_dates)}" if filters_of_dates else ""
    sql = f"SELECT * FROM {name}{where} ORDER BY {', '.join(table.key)}"  # noqa: S608 - declared names
    values = {"first_on": dates.from_date, "last_on": dates.to_date}
    with open_published(database, limits) as fetch:
        selection = select(fetch, filters)
        if options := selection.unmatched(columns):
            matching = [other.name for other in PUBLISHED if not selection.unmatched(other.polars_schema)]
            missing = " and no ".join(f"column {FILTER_COLUMNS[option]} for {option}" for option in options)
            raise QueryError(f"{name} has no {missing}; the tables with one are {', '.join(matching)}")
        return selection.matching(
            fetch(sql, {key: value for key, value in values.items() if f"${key}" in sql})
        )


def write_rows(rows: pl.DataFrame, path: Path, output: Format, *, is_raw: bool = False) -> None:
    """Write `rows` to `path`, as `open_output` does.

    CSV is for spreadsheets: it begins with a byte order mark, and an apostrophe disarms cells that would be
    executed. With `is_raw`, it has neither. Raises `QueryError` for more rows, and `QueryLimitError` for a longer
    text, than an Excel sheet holds, and `WarehouseError` if the disk fails.
    """
    if output is Format.XLSX and rows.height > MOST_EXCEL_ROWS:
        message = (
            f"{rows.height:,} rows do not fit in an Excel sheet, which holds {MOST_EXCEL_ROWS:,} and a header;"
            " choose a shorter range with --from and --to, or export parquet"
        )
        raise QueryError(message)
    with open_output(path) as temporary:
        if output is Format.PARQUET:
            rows.write_parquet(temporary)
        elif output is Format.CSV:
            try:
                (rows if is_raw else disarm_formulas(rows)).write_csv(temporary, include_bom=not is_raw)
            except pl.exceptions.PolarsError as error:
                raise QueryError(f"{error}; try --format parquet") from error
        else:
            _write_sheet(rows, temporary)


@contextlib.contextmanager
def open_output(path: Path) -> Iterator[Path]:
    """Yield a temporary file, and write its content to `path` at the end of the block.

    A regular file is replaced in one step and keeps its permissions. A symbolic link is followed. A pipe or a device
    receives the content. Raises `WarehouseError` for a folder or a socket, and if the disk fails.
    """
    try:
        try:
            mode: int | None = path.stat().st_mode
        except FileNotFoundError:
            mode = None
        is_special = str(path.absolute()).startswith(("/dev/", "/proc/"))
        if mode is not None and (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or is_special):
            with tempfile.TemporaryDirectory(prefix="ooo-") as folder:
                temporary = Path(folder, f"export{path.suffix}")
                yield temporary
                with temporary.open("rb") as source, path.open("wb", buffering=0) as target:
                    shutil.copyfileobj(source, target)
        elif mode is None or stat.S_ISREG(mode):
            with write_atomically(Path(os.path.realpath(path))) as temporary:
                yield temporary
                if mode is not None:
                    temporary.chmod(stat.S_IMODE(mode))
        else:
            message = f"can't write {path}: expected a file or a pipe, found a folder, a socket or a disk"
            raise WarehouseError(f"{message}; choose another file with --output")
    except OSError as error:
        message = f"can't write {path}: {error}; free disk space, or choose another file with --output"
        raise WarehouseError(message) from error


def _write_sheet(rows: pl.DataFrame, path: Path) -> None:
    """Write `rows` as an Excel workbook of one sheet, in which no text is a link, a formula or a number."""
    import xlsxwriter  # type: ignore[import-untyped]  # noqa: PLC0415 - only this format needs it

    options = {
        "strings_to_urls": False,
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "default_date_format": "yyyy-mm-dd",
    }
    columns = [_excel_cells(column) for column in rows.iter_columns()]
    try:
        with xlsxwriter.Workbook(path, options) as workbook:
            sheet = workbook.add_worksheet("out of office")
            formats = {
                int: workbook.add_format({"num_format": "0"}),
                datetime: workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
                date: workbook.add_format({"num_format": "yyyy-mm-dd"}),
            }
            writers: dict[type, Callable[..., Any]] = {
                str: sheet.write_string,
                bool: sheet.write_boolean,
                int: sheet.write_number,
                float: sheet.write_number,
                datetime: sheet.write_datetime,
                date: sheet.write_datetime,
            }
            bold = workbook.add_format({"bold": True})
            for number, (name, cells) in enumerate(zip(rows.columns, columns, strict=True)):
                sheet.write_string(0, number, name, bold)
                for row, value in enumerate(cells, start=1):
                    if value is not None:
                        writers[type(value)](row, number, value, formats.get(type(value)))
                widest = max((len(str(value)) for value in cells[:_MOST_MEASURED_ROWS]), default=0)
                sheet.set_column(number, number, min(max(widest, len(name)) + 3, _WIDEST_COLUMN))
            if rows.width:
                sheet.autofilter(0, 0, rows.height, rows.width - 1)
            sheet.freeze_panes(1, 0)
    except xlsxwriter.exceptions.XlsxFileError as error:
        raise OSError(str(error)) from error


def _excel_cells(column: pl.Series) -> list[Any]:
    """Return the values of the column as types of Excel; those that it would change are texts."""
    cells = [_excel_value(value) for value in column.to_list()]
    for row, value in enumerate(cells, start=1):
        if isinstance(value, str) and len(value.encode("utf-16-le")) // 2 > MOST_EXCEL_CHARACTERS:
            message = (
                f"the text in column {column.name}, row {row:,} has {len(value):,} characters, but a cell of an Excel"
                f" sheet holds {MOST_EXCEL_CHARACTERS:,}; export csv or parquet"
            )
            raise QueryLimitError(message)
    return cells


def _excel_value(value: Any) -> Any:  # noqa: PLR0911 - one for each type
    """Return `value` as a type that Excel stores without a change."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if abs(value) <= MOST_EXACT_INTEGER else str(value)
    if isinstance(value, float):
        return value if abs(value) < float("inf") else str(value)
    if isinstance(value, datetime):
        return value if value.year >= _FIRST_EXCEL_YEAR and value.tzinfo is None else value.isoformat(" ")
    if isinstance(value, date):
        return value if value.year >= _FIRST_EXCEL_YEAR else value.isoformat()
    if isinstance(value, list | dict):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)
