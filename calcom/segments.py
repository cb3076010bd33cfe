"""The rows of landing segments: what is kept of a record, and in which columns."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.json

from calcom.models import OooEntry, OrgTeam, TeamMembership

_NOTELESS_KEYS = frozenset(OooEntry.__annotations__) - {"notes"}

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
TEAM_SCHEMA = pa.schema(
    [
        ("page", pa.int32()),
        ("id", pa.int64()),
        ("parent_id", pa.int64()),
        ("name", pa.string()),
        ("slug", pa.string()),
        ("is_private", pa.bool_()),
        ("time_zone", pa.string()),
        ("problem", pa.string()),
        ("raw", pa.string()),
    ]
)
MEMBERSHIP_SCHEMA = pa.schema(
    [
        ("page", pa.int32()),
        ("id", pa.int64()),
        ("team_id", pa.int64()),
        ("user_id", pa.int64()),
        ("role", pa.string()),
        ("is_accepted", pa.bool_()),
        ("problem", pa.string()),
        ("raw", pa.string()),
    ]
)


def entry_row(record: dict[str, Any]) -> dict[str, Any]:
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
        "notes": notes,
    }


def noteless_entry_row(record: dict[str, Any]) -> dict[str, Any]:
    """One entry with the fact that it has a note, and no note."""
    return entry_row(record) | {"notes": None}


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


def team_row(record: dict[str, Any]) -> dict[str, Any]:
    """One team as `TEAM_SCHEMA` has it, without its page."""
    return {
        "id": record["id"],
        "parent_id": record.get("parentId"),
        "name": record["name"],
        "slug": record.get("slug"),
        "is_private": record.get("isPrivate"),
        "time_zone": record.get("timeZone"),
    }


def membership_row(record: dict[str, Any]) -> dict[str, Any]:
    """One membership as `MEMBERSHIP_SCHEMA` has it, without its page."""
    return {
        "id": record["id"],
        "team_id": record["teamId"],
        "user_id": record["userId"],
        "role": record["role"],
        "is_accepted": record["accepted"],
    }


class SegmentKind(NamedTuple):
    """What the segments of one name hold: the columns, a record's row, and what of a rejected one is kept."""

    schema: pa.Schema
    row: Callable[[dict[str, Any]], dict[str, Any]]
    kept_keys: frozenset[str] | None = None
    """None keeps all of it. A membership carries its user's profile, a team its logo: neither is needed."""


SEGMENT_KINDS = {
    "users": SegmentKind(USER_SCHEMA, user_row),
    "entries": SegmentKind(ENTRY_SCHEMA, entry_row),
    "teams": SegmentKind(TEAM_SCHEMA, team_row, frozenset(OrgTeam.__annotations__)),
    "memberships": SegmentKind(MEMBERSHIP_SCHEMA, membership_row, frozenset(TeamMembership.__annotations__)),
}
NOTELESS_ENTRIES = SegmentKind(ENTRY_SCHEMA, noteless_entry_row, _NOTELESS_KEYS)
"""Entries where notes are not to be stored."""


def kept_text(raw: str, keys: frozenset[str] | None) -> str:
    """A rejected record as it may be kept: whole, or with nothing but `keys`."""
    if keys is None:
        return raw
    record = json.loads(raw)
    if not isinstance(record, dict):
        return json.dumps(f"a JSON {type(record).__name__}")
    kept = {key: value for key, value in record.items() if key in keys}
    return json.dumps(kept, sort_keys=True)


def columns_of(rows: list[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    """`rows` as columns; a key that a row lacks is null.

    By way of one JSON object of arrays, because `pyarrow.array` loads pandas wherever that is installed.
    """
    if not rows:
        return schema.empty_table()
    arrays = json.dumps({name: [row.get(name) for row in rows] for name in schema.names}).encode()
    listed = pa.schema([(column.name, pa.list_(column.type)) for column in schema])
    table = pa.json.read_json(
        pa.BufferReader(arrays),
        read_options=pa.json.ReadOptions(block_size=len(arrays) + 1, use_threads=False),
        parse_options=pa.json.ParseOptions(explicit_schema=listed),
    )
    return pa.Table.from_arrays([table[name].chunk(0).flatten() for name in schema.names], schema=schema)
