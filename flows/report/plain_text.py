"""Make text from outside harmless: for a terminal, which obeys control characters, and for a spreadsheet."""

import json
import re

import polars as pl
from polars import selectors

_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""C0 without tab and line feed, C1, and the invisible characters of Unicode that reorder or hide text."""

_FORMULA = "^[=+\\-@\t\r\n\uff1d\uff0b\uff0d\uff20]"
"""The first characters of a cell that a spreadsheet executes; the last four are the full-width forms."""


def escape_controls(text: str) -> str:
    r"""Return `text` with each control character as an escape such as `\x1b`. Tabs and line feeds stay."""
    return _CONTROLS.sub(_escape, text)


def escape_json(text: str) -> str:
    r"""Return the JSON `text` with each control character as `\uXXXX`, which a parser reads as the character."""
    return _CONTROLS.sub(lambda match: json.dumps(match[0])[1:-1], text)


def escape_cells(rows: pl.DataFrame) -> pl.DataFrame:
    """Return `rows` with the controls in names of columns and in texts escaped, line ends and tabs included."""
    text = selectors.string()
    escaped = rows.with_columns(
        text.map_elements(_escape_line, return_dtype=pl.String, skip_nulls=True) if rows.height else text
    )
    return escaped.rename({name: _escape_line(name) for name in rows.columns})


def disarm_formulas(rows: pl.DataFrame) -> pl.DataFrame:
    """Return `rows` with an apostrophe before each text, and name of a column, that a spreadsheet would execute."""
    texts = selectors.string() | selectors.categorical() | selectors.enum()
    disarmed = rows.with_columns(texts.cast(pl.String).str.replace(_FORMULA, "'$0"))
    return disarmed.rename({name: re.sub(_FORMULA, r"'\g<0>", name) for name in rows.columns})


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004


def _escape_line(text: str) -> str:
    return escape_controls(text).replace("\n", "\\n").replace("\t", "\\t")
