"""Render rows as text: a table for a terminal, CSV, or JSON."""

import json
import textwrap
import unicodedata
from collections.abc import Iterator

import polars as pl

from calcom.wording import count_of
from flows.report.plain_text import disarm_formulas, escape_cells, escape_controls, escape_json
from flows.settings.errors import QueryError

MOST_TABLE_ROWS = 100
"""The rows of a table, unless the user chooses another number."""

TEXT_WIDTHS = (60, 40, 30, 20)
"""The lengths in characters to which texts are cut, one after the other, until the table fits the terminal."""

_WIDEST_TABLE = 65_535
_ID_SUFFIXES = ("_id", "_uuid")


def render(  # noqa: PLR0913 - the options of the output
    rows: pl.DataFrame,
    output: str,
    *,
    draws_lines: bool = True,
    is_raw: bool = False,
    width: int | None = None,
    limit: int | None = None,
) -> str:
    """Return `rows` as text: a `table`, `csv` or `json`. Without `draws_lines`, the table's lines are ASCII.

    `limit` is the number of rows; by default all, but `MOST_TABLE_ROWS` in a table. A table is at most `width`
    columns wide. Control characters are escaped in tables and in JSON. CSV cells that a spreadsheet would execute
    begin with an apostrophe, unless `is_raw`.
    """
    if output == "table":
        return _render_table(
            rows, draws_lines=draws_lines, width=width, limit=MOST_TABLE_ROWS if limit is None else limit
        )
    shown = rows if limit is None else rows.head(limit)
    if output == "csv":
        try:
            return (shown if is_raw else disarm_formulas(shown)).write_csv().rstrip("\n")
        except pl.exceptions.PolarsError as error:
            raise QueryError(f"{error}; try --format json") from error
    return escape_json(json.dumps(shown.to_dicts(), default=str, ensure_ascii=False, indent=2))


def _render_table(rows: pl.DataFrame, *, draws_lines: bool, width: int | None, limit: int) -> str:
    """Return the first rows as a table of at most `width` characters, with notes below it about omitted content.

    To fit, the table omits ids, then cuts texts. If that is not enough, each row is a block of lines.
    """
    shown = escape_cells(rows.head(limit))
    notes = []
    if shown.height < rows.height:
        notes.append(
            f"showing {shown.height:,} of {count_of(rows.height, 'row')}; add --limit {rows.height} to see all"
        )
    for text_width, table in _layouts(shown):
        text = _draw(table, text_width, draws_lines=draws_lines)
        if width is None or max(map(text_columns, text.splitlines()), default=0) <= width:
            hidden = [name for name in shown.columns if name not in table.columns]
            if hidden:
                notes.append(
                    f"without {', '.join(hidden)}, to fit in {width} columns; --format csv has all columns"
                )
            if _longest_text(table) > text_width:
                notes.append(f"texts are cut to {text_width} characters; --format csv has them whole")
            break
    else:
        text = _draw_blocks(shown, width or 0) + "\n" * bool(notes)
    return "\n".join([text, *(line for note in notes for line in _wrap_note(note, width))])


def _layouts(rows: pl.DataFrame) -> Iterator[tuple[int, pl.DataFrame]]:
    """Yield the length of texts and the columns of each layout, from the widest to the narrowest."""
    yield TEXT_WIDTHS[0], rows
    ids = [name for name in rows.columns if name.endswith(_ID_SUFFIXES)]
    order = sorted(ids, key=lambda name: (name != "organization_id", -rows.columns.index(name)))
    for count in range(1, len(order) + 1):
        if count < rows.width:
            yield TEXT_WIDTHS[0], rows.drop(order[:count])
    rest = rows.drop(order) if len(order) < rows.width else rows
    yield from ((width, rest) for width in TEXT_WIDTHS[1:])


def _draw(rows: pl.DataFrame, text_width: int, *, draws_lines: bool) -> str:
    with pl.Config(
        tbl_rows=-1,
        tbl_cols=-1,
        tbl_width_chars=_WIDEST_TABLE,
        fmt_str_lengths=text_width,
        tbl_hide_column_data_types=True,
        tbl_hide_dataframe_shape=True,
        thousands_separator=False,
        tbl_formatting="UTF8_FULL_CONDENSED" if draws_lines else "ASCII_FULL_CONDENSED",
    ):
        return escape_controls(str(rows))


def _draw_blocks(rows: pl.DataFrame, width: int) -> str:
    """Return each row as a block with one line per column, its ids last. Long values continue on the next line."""
    ids = [name for name in rows.columns if name.endswith(_ID_SUFFIXES)]
    names = [*(name for name in rows.columns if name not in ids), *ids]
    label = max(map(len, names), default=0)
    blocks = []
    for row in rows.iter_rows(named=True):
        lines = []
        for name in names:
            value = "null" if row[name] is None else escape_controls(str(row[name]))
            indent = " " * (label + 2)
            lines += textwrap.wrap(
                f"{name:<{label}}  {value}",
                max(width, label + 20),
                subsequent_indent=indent,
                drop_whitespace=True,
                break_on_hyphens=False,
            )
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _longest_text(rows: pl.DataFrame) -> int:
    texts = [column for column in rows.iter_columns() if column.dtype == pl.String]
    return max((column.str.len_chars().max() or 0 for column in texts), default=0)  # type: ignore[return-value]


def _wrap_note(note: str, width: int | None) -> list[str]:
    return textwrap.wrap(note, width or _WIDEST_TABLE, break_on_hyphens=False)


def text_columns(text: str) -> int:
    """Return the number of columns of a terminal that `text` takes: wide characters take two, accents none."""
    return sum(
        0 if unicodedata.combining(character) else 1 + (unicodedata.east_asian_width(character) in "WF")
        for character in text
    )
