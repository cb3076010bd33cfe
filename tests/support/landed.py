"""What an extraction landed, in the shape in which the API had shown it."""

from datetime import datetime
from typing import Any

import pyarrow.parquet as pq

from calcom.scopes import RunFacts, Scope, ScopeResult
from landing.folder import Landing

_WIRE_NAMES = {
    "user_id": "userId",
    "to_user_id": "toUserId",
    "id": "id",
    "uuid": "uuid",
    "start": "start",
    "end": "end",
    "notes": "notes",
    "reason": "reason",
}


class SilentProgress:
    """Nobody who wants to know."""

    def page_read(self, scope: Scope, rows: int) -> None:
        """A page was read."""

    def scope_ended(self, result: ScopeResult) -> None:
        """A scope has ended."""


def facts(*, page_size: int = 250, run_id: str = "20260301T060000Z-aaaaaa") -> RunFacts:
    """A run that reads organization 1 with its notes."""
    return RunFacts(
        run_id=run_id,
        started_at=datetime(2026, 3, 1, 6),  # noqa: DTZ001 - UTC without a zone, as runs say it
        api_url="http://simulator",
        organization_id=1,
        strategy="auto",
        page_size=page_size,
        keeps_notes=True,
    )


def landed_records(landing: Landing, *, rejected: bool = False) -> list[dict[str, Any]]:
    """The newest version of every landed entry by ascending id; or the rejected records' rows."""
    rows = [row for path in landing.segments("entries") for row in pq.ParquetFile(path).read().to_pylist()]
    if rejected:
        return [row for row in rows if row["problem"] is not None]
    newest = {row["id"]: row for row in sorted(rows, key=lambda row: row["page"]) if row["problem"] is None}
    return [_as_wire(newest[entry_id]) for entry_id in sorted(newest)]


def _as_wire(row: dict[str, Any]) -> dict[str, Any]:
    record = {wire_name: row[name] for name, wire_name in _WIRE_NAMES.items()}
    if record["reason"] is None:
        del record["reason"]
    return record
