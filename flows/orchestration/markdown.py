"""A summary as Markdown, whatever fields it has: one that is added is shown without a change here."""

from collections.abc import Mapping, Sequence
from typing import Any

MAX_ROWS = 50
"""Rows of a list that a page shows; the summary's JSON has all."""


def summary_markdown(title: str, facts: Mapping[str, Any]) -> str:
    """`facts` (JSON types) as a page: plain values in one table, each mapping and each list in its own."""
    plain = {key: value for key, value in facts.items() if not isinstance(value, dict | list)}
    parts = [f"# {title}", _pairs(plain)]
    for key, value in facts.items():
        if isinstance(value, dict) and value:
            parts += [f"## {_words(key)}", _pairs(value)]
        elif isinstance(value, list) and value:
            parts += [f"## {_words(key)} ({len(value):,})", _rows(value)]
    return "\n\n".join(parts) + "\n"


def _pairs(facts: Mapping[str, Any]) -> str:
    return _grid([("", ""), *((_words(key), _cell(value)) for key, value in facts.items())])


def _rows(values: Sequence[Any]) -> str:
    shown = [value if isinstance(value, Mapping) else {"": value} for value in values[:MAX_ROWS]]
    columns = list(dict.fromkeys(column for one in shown for column in one))
    lines = [tuple(_cell(one.get(column)) for column in columns) for one in shown]
    rest = f"\n\n… and {len(values) - MAX_ROWS:,} more" if len(values) > MAX_ROWS else ""
    return _grid([tuple(map(_words, columns)), *lines]) + rest


def _grid(lines: Sequence[tuple[str, ...]]) -> str:
    header, *rest = lines
    rows = [header, tuple("---" for _ in header), *rest]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _words(key: str) -> str:
    return key.replace("_", " ")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return " ".join(str(value).split()).replace("|", "\\|")
