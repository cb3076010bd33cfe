"""Export a published table or a named query, filtered by dates and a reason, as Parquet, CSV or Excel."""

import contextlib
import io
import os
import stat
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import polars as pl

from flows.report.filters import FILTER_COLUMNS, NO_FILTERS, Filters, select
from flows.report.for_people import ABSENCES, shape_for_people
from flows.report.plain_text import disarm_formulas
from flows.report.queries import DEFAULT_LIMITS, NAMED, Dates, QueryLimits, open_published, run_named
from flows.report.workbook import MOST_EXCEL_ROWS, write_sheet
from flows.settings.errors import QueryError
from landing.files import write_atomically
from transforms.schema import ENTRIES, PUBLISHED
from warehouse.errors import WarehouseError
from warehouse.publish.views import find_views

_SORTED_BY = {table.name: ", ".join(table.key) for table in PUBLISHED} | {
    ABSENCES: "organization_id, starts_on, name, entry_id"
}
_COLUMNS = {table.name: [column.name for column in table.columns] for table in PUBLISHED} | {
    view.name: list(view.columns) for view in find_views()
}
EXPORTABLE = (
    *_COLUMNS,
    *(name for name, measure in NAMED.items() if measure.parameters == ("from_date", "to_date")),
)
"""The names of the published tables and views, and of the named queries over a range of dates."""


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
    """Return the rows of a table, view or named query that overlap `dates`, without deleted entries.

    `filters` keep the rows of a reason, a team or a person. A table without dates is returned whole.
    `min_group_size` is as for `run_named`. Raises `QueryError` for a filter that the rows have no column for.
    """
    if name not in _COLUMNS:
        return run_named(database, name, dates, filters=filters, min_group_size=min_group_size, limits=limits)
    columns = _COLUMNS[name]
    conditions = {
        "date_on": "date_on BETWEEN $first_on AND $last_on",
        "month_on": "month_on BETWEEN date_trunc('month', $first_on) AND $last_on",
        "ends_on": "starts_on <= $last_on AND ends_on >= $first_on",
        "deleted_at": "deleted_at IS NULL",
    }
    filters_of_dates = [condition for column, condition in conditions.items() if column in columns]
    where = f" WHERE {' AND '.join(filters_of_dates)}" if filters_of_dates else ""
    sql = f"SELECT * FROM {name}{where} ORDER BY {_SORTED_BY.get(name, 'ALL')}"  # noqa: S608 - declared names
    values = {"first_on": dates.from_date, "last_on": dates.to_date}
    with open_published(database, limits) as fetch:
        selection = select(fetch, filters)
        if options := selection.unmatched(columns):
            matching = [other for other in _COLUMNS if not selection.unmatched(_COLUMNS[other])]
            missing = " and no ".join(f"column {FILTER_COLUMNS[option]} for {option}" for option in options)
            raise QueryError(f"{name} has no {missing}; the tables with one are {', '.join(matching)}")
        return selection.matching(
            fetch(sql, {key: value for key, value in values.items() if f"${key}" in sql})
        )


def name_for_people(name: str) -> str:
    """Return the table, view or named query that an export of `name` for people contains."""
    return ABSENCES if name == ENTRIES.name else name


def shape_rows(database: Path, rows: pl.DataFrame, *, limits: QueryLimits = DEFAULT_LIMITS) -> pl.DataFrame:
    """Return `rows` of the published database as `shape_for_people` does."""
    with open_published(database, limits) as fetch:
        return shape_for_people(fetch, rows)


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
    with open_output(path) as content:
        if output is Format.PARQUET:
            rows.write_parquet(content)
        elif output is Format.CSV:
            try:
                (rows if is_raw else disarm_formulas(rows)).write_csv(content, include_bom=not is_raw)
            except pl.exceptions.PolarsError as error:
                raise QueryError(f"{error}; try --format parquet") from error
        else:
            write_sheet(rows, content)


@contextlib.contextmanager
def open_output(path: Path) -> Iterator[io.BytesIO]:
    """Yield a buffer in memory, and write its content to `path` at the end of the block.

    A regular file is replaced in one step and keeps its permissions. A symbolic link is followed. A pipe or a device
    receives the content. Raises `WarehouseError` for a folder or a socket, and if the disk fails. No library writes to
    the disk itself, because not all of them report a full disk or accept any file name.
    """
    content = io.BytesIO()
    yield content
    try:
        _write(path, content.getbuffer())
    except BrokenPipeError:  # the reader of the pipe needs no more
        raise
    except FileNotFoundError as error:
        message = (
            f"can't write {path}: expected the folder {path.parent}, found none; create it, or choose another"
        )
        raise WarehouseError(f"{message} file with --output") from error
    except OSError as error:
        message = (
            f"can't write {path}: {error.strerror}; correct the permissions, free disk space, or choose another"
            " file with --output"
        )
        raise WarehouseError(message) from error


def _write(path: Path, content: memoryview) -> None:
    try:
        mode: int | None = path.stat().st_mode
    except FileNotFoundError:
        mode = None
    is_special = str(path.absolute()).startswith(("/dev/", "/proc/"))
    if mode is not None and (stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or is_special):
        with path.open("wb") as target:
            target.write(content)
    elif mode is None or stat.S_ISREG(mode):
        with write_atomically(Path(os.path.realpath(path))) as temporary:
            temporary.write_bytes(content)
            if mode is not None:
                temporary.chmod(stat.S_IMODE(mode))
    else:
        message = f"can't write {path}: expected a file or a pipe, found a folder, a socket or a disk"
        raise WarehouseError(f"{message}; choose another file with --output")
