"""The rows of landing segments: what is kept of a record, and in which columns."""

import json
from typing import Any

import pyarrow as pa
import pyarrow.json

from calcom.models import OooEntry

_NOTELESS_KEYS = OooEntry.__annotations__.keys() - {"notes"}

ENTRY_SCHEMA = pa.schema(
    [
        ("page", pa.int32()),  # of this run, in the order read: the later page has the newer version
        ("id", pa.int64()),
        ("uuid", pa.string()),
        ("user_id", pa.int64()),
        ("to_user_id", pa.int64()),
        ("start", pa.string()),
        ("end", pa.string()),
        ("reason", pa.string()),
        ("has_notes", pa.bool_()),
        ("notes", pa.string()),
        ("problem", pa.string()),  # not null: the record was rejected, and `raw` is all of it
        ("raw", pa.string()),
    ]
)
USER_SCHEMA = pa.schema(
    [
        ("page", pa.int32()),
        ("id", pa.int64()),
        ("email", pa.string()),
        ("name", pa.string()),
        ("username", pa.string()),
        ("time_zone", pa.string()),
        ("locale", pa.string()),
        ("created_at", pa.string()),
        ("problem", pa.string()),
        ("raw", pa.string()),
    ]
)


def entry_row(record: dict[str, Any], *, keeps_notes: bool) -> dict[str, Any]:
    """One entry as `ENTRY_SCHEMA` has it, without its page."""
    notes = record.get("notes")
    return {
        "id": record["id"],
        "uuid": record["uuid"],
        "user_id": record["userId"],
        "to_user_id": record.get("toUserId"),
        "start": record["start"],
        "end": record["end"],
        "reason": record.get("reason"),
        "has_notes": bool(notes),
        "notes": notes if keeps_notes else None,
    }


def user_row(record: dict[str, Any]) -> dict[str, Any]:
    """One user as `USER_SCHEMA` has it, without its page."""
    return {
        "id": record["id"],
        "email": record["email"],
        "name": record.get("name"),
        "username": record.get("username"),
        "time_zone": record.get("timeZone"),
        "locale": record.get("locale"),
        "created_at": record.get("createdDate"),
    }


def kept_text(raw: str, *, keeps_notes: bool) -> str:
    """A rejected entry as it may be kept: whole, or with nothing that could be a note."""
    if keeps_notes:
        return raw
    record = json.loads(raw)
    if not isinstance(record, dict):
        return json.dumps(f"a JSON {type(record).__name__}")
    kept = {key: value for key, value in record.items() if key in _NOTELESS_KEYS}
    return json.dumps(kept, sort_keys=True)


def columns_of(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """`rows` as columns; by way of JSON, because `pyarrow.array` loads pandas wherever that is installed."""
    if not rows:
        return schema.empty_table()
    lines = "\n".join(map(json.dumps, rows)).encode()
    return pa.json.read_json(
        pa.BufferReader(lines),
        read_options=pa.json.ReadOptions(block_size=len(lines) + 1, use_threads=False),
        parse_options=pa.json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
    )
