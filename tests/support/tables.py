"""Tables as text drawings: parse a drawing into rows, and turn rows into the cells of a drawing."""

from datetime import date, datetime
from typing import Any

from tests.support.naive import Absence


def parse(drawing: str) -> list[dict[str, str | None]]:
    """Return the rows of a drawn table, with every cell as text; an empty cell is None."""
    lines = [line.strip() for line in drawing.strip().splitlines()]
    header, *body = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [dict(zip(header, [cell or None for cell in cells], strict=True)) for cells in body]


def parse_absences(drawing: str) -> tuple[Absence, ...]:
    """Return the entries of a drawn table. Without the column `reason` they are vacations; an empty cell is None."""
    return tuple(
        Absence(
            entry_id=int(row["entry_id"] or 0),
            user_id=int(row["user_id"] or 0),
            first=date.fromisoformat(row["first"] or ""),
            last=date.fromisoformat(row["last"] or ""),
            reason=row.get("reason", "vacation"),
            cover=int(row.get("cover") or 0) or None,
        )
        for row in parse(drawing)
    )


def draw(rows: list[dict[str, Any]], columns: list[str]) -> list[dict[str, str | None]]:
    """Return `rows` as `parse` does: only `columns`, with every value as text."""
    return [{name: _text(row[name]) for name in columns} for row in rows]


def _text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (date, datetime)):
        return value.isoformat()
    return None if value is None else str(value)
