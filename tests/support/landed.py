"""Read the records of a landing back in the shape of the API."""

from datetime import datetime
from typing import Any

import pyarrow.parquet as pq

from landing.folder import Landing
from landing.run_facts import RunFacts

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


def facts(*, page_size: int = 250, run_id: str = "20260301T060000Z-aaaaaa") -> RunFacts:
    """Return the facts of a run that reads organization 1 with its notes."""
    return RunFacts(
        run_id=run_id,
        started_at=datetime(2026, 3, 1, 6),  # noqa: DTZ001 - UTC without a zone, as in the landing
        api_url="http://simulator",
        organization_id=1,
        strategy="auto",
        page_size=page_size,
        keeps_notes=True,
    )


def landed_records(landing: Landing, *, rejected: bool = False) -> list[dict[str, Any]]:
    """Return the newest version of each landed entry, by ascending id; or the rows of the rejected records."""
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
