"""Write rows as an Excel workbook, in which no text is a link, a formula or a number."""

import json
from collections.abc import Callable
from datetime import date, datetime
from typing import Any, BinaryIO

import polars as pl

from flows.report.render import text_columns
from flows.settings.errors import QueryLimitError

MOST_EXCEL_ROWS = 1_048_575
"""The number of rows of an Excel sheet, less the header."""

MOST_EXCEL_CHARACTERS = 32_767
"""The number of UTF-16 characters in a cell of an Excel sheet."""

MOST_EXACT_INTEGER = 2**53
"""The largest integer up to which a floating-point number, as Excel stores it, is exact."""

_FIRST_EXCEL_YEAR = 1900
_WIDEST_COLUMN = 60
_FILTER_BUTTON = 4
"""The width of the indent, and of the button of the filter in the header, in characters."""

_SHARES = ("share", "rate", "incidence")
"""The words in the name of a column whose fractions are shown as percentages."""

_A4 = 9
"""Excel's number of the paper size."""


def write_sheet(rows: pl.DataFrame, content: BinaryIO) -> None:
    """Write `rows` as an Excel workbook of one sheet, in which no text is a link, a formula or a number."""
    import xlsxwriter  # type: ignore[import-untyped]  # noqa: PLC0415 - only this format needs it

    options = {
        "in_memory": True,
        "strings_to_urls": False,
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "default_date_format": "yyyy-mm-dd",
    }
    columns = {column.name: _excel_cells(column) for column in rows.iter_columns()}
    with xlsxwriter.Workbook(content, options) as workbook:
        sheet = workbook.add_worksheet("out of office")
        header = workbook.add_format({"bold": True, "bottom": 1, "bg_color": "#E8EEF4", "indent": 1})
        for number, (name, cells) in enumerate(columns.items()):
            sheet.write_string(0, number, name, header)
            _write_column(workbook, sheet, number, name, cells)
        if rows.width:
            sheet.autofilter(0, 0, rows.height, rows.width - 1)
        sheet.freeze_panes(1, 0)
        sheet.set_landscape()
        sheet.set_paper(_A4)
        sheet.fit_to_pages(1, 0)
        sheet.repeat_rows(0)


def _write_column(workbook: Any, sheet: Any, number: int, name: str, cells: list[Any]) -> None:
    """Write the cells below the header, in a column that is as wide as its longest value; long texts wrap."""
    widest = max(map(text_columns, {name, *map(str, cells)}))
    is_wrapped = widest > _WIDEST_COLUMN
    is_share = any(word in name.lower() for word in _SHARES)
    formats = {
        str: workbook.add_format({"align": "left", "indent": 1, "text_wrap": is_wrapped, "valign": "top"}),
        int: workbook.add_format({"num_format": "0"}),
        float: workbook.add_format({"num_format": "0.0%"}) if is_share else None,
        datetime: workbook.add_format({"num_format": "yyyy-mm-dd hh:mm:ss", "align": "left", "indent": 1}),
        date: workbook.add_format({"num_format": "yyyy-mm-dd", "align": "left", "indent": 1}),
    }
    writers: dict[type, Callable[..., Any]] = {
        str: sheet.write_string,
        bool: sheet.write_boolean,
        int: sheet.write_number,
        float: sheet.write_number,
        datetime: sheet.write_datetime,
        date: sheet.write_datetime,
    }
    for row, value in enumerate(cells, start=1):
        if value is not None:
            writers[type(value)](row, number, value, formats.get(type(value)))
    sheet.set_column(number, number, min(widest + _FILTER_BUTTON, _WIDEST_COLUMN))


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
