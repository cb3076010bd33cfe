"""The rows of landing segments: what is kept of a record, and in which columns."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.json

from calcom.models import OooEntry, OrgTeam, TeamMembership

_NOTELESS_KEYS = frozenset(OooEntry.__annotations__) - {"notes"}
_SHAPES = tuple(f"a JSON {shape}" for shape in ("list", "str", "int", "float", "bool", "NoneType"))

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


class SegmentKind(NamedTuple):
    """What segments of one name hold: columns, where records have them, what of a rejected one is kept."""

    schema: pa.Schema
    keys: Mapping[str, str]
    """By column, the record's key."""
    kept_keys: frozenset[str] | None = None
    """None keeps all of it. A membership carries its user's profile, a team its logo: neither is needed."""

    def columns_of(self, records: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
        """The records' columns as far as the records tell them; a key that a record lacks is None."""
        columns = {column: [one.get(key) for one in records] for column, key in self.keys.items()}
        if "has_notes" in self.schema.names:
            columns["has_notes"] = [bool(one.get("notes")) for one in records]
        return columns


_ENTRY_KEYS = {
    "id": "id",
    "uuid": "uuid",
    "user_id": "userId",
    "to_user_id": "toUserId",
    "start": "start",
    "end": "end",
    "reason": "reason",
}
_USER_KEYS = {
    "id": "id",
    "email": "email",
    "name": "name",
    "username": "username",
    "time_zone": "timeZone",
    "locale": "locale",
    "created_at": "createdDate",
}
_TEAM_KEYS = {
    "id": "id",
    "parent_id": "parentId",
    "name": "name",
    "slug": "slug",
    "is_private": "isPrivate",
    "time_zone": "timeZone",
}
_MEMBERSHIP_KEYS = {
    "id": "id",
    "team_id": "teamId",
    "user_id": "userId",
    "role": "role",
    "is_accepted": "accepted",
}
SEGMENT_KINDS = {
    "users": SegmentKind(USER_SCHEMA, _USER_KEYS),
    "entries": SegmentKind(ENTRY_SCHEMA, _ENTRY_KEYS | {"notes": "notes"}),
    "teams": SegmentKind(TEAM_SCHEMA, _TEAM_KEYS, frozenset(OrgTeam.__annotations__)),
    "memberships": SegmentKind(
        MEMBERSHIP_SCHEMA, _MEMBERSHIP_KEYS, frozenset(TeamMembership.__annotations__)
    ),
}
NOTELESS_ENTRIES = SegmentKind(ENTRY_SCHEMA, _ENTRY_KEYS, _NOTELESS_KEYS)
"""Entries where notes are not to be stored: with the fact that there is one, and no note."""


class Columns:
    """Rows that come page by page, kept column by column until they are written."""

    def __init__(self, schema: pa.Schema) -> None:
        """No row yet."""
        self._schema = schema
        self._values: dict[str, list[Any]] = {name: [] for name in schema.names}
        self.rows = 0

    def add(self, page: int, rows: int, columns: Mapping[str, list[Any]]) -> None:
        """Append `rows` rows of one page; a column of the schema that is not in `columns` is null in them."""
        for name, values in self._values.items():
            values.extend(columns.get(name) or [page if name == "page" else None] * rows)
        self.rows += rows

    def as_table(self) -> pa.Table:
        """All rows.

        By way of one JSON object of arrays, because `pyarrow.array` loads pandas wherever that is installed.
        """
        if not self.rows:
            return self._schema.empty_table()
        arrays = json.dumps(self._values).encode()
        listed = pa.schema([(column.name, pa.list_(column.type)) for column in self._schema])
        table = pa.json.read_json(
            pa.BufferReader(arrays),
            read_options=pa.json.ReadOptions(block_size=len(arrays) + 1, use_threads=False),
            parse_options=pa.json.ParseOptions(explicit_schema=listed),
        )
        values = [table[name].chunk(0).values for name in self._schema.names]
        return pa.Table.from_arrays(values, schema=self._schema)


def kept_text(raw: str, keys: frozenset[str] | None) -> str:
    """A rejected record as it may be kept: whole, or with nothing but `keys`, and texts and numbers in them.

    What was kept so is kept as it is.
    """
    if keys is None:
        return raw
    record = json.loads(raw)
    if not isinstance(record, dict):
        return raw if record in _SHAPES else json.dumps(f"a JSON {type(record).__name__}")
    kept = {key: _flat(value) for key, value in record.items() if key in keys}
    return json.dumps(kept, sort_keys=True)


def _flat(value: Any) -> Any:
    """`value`, or its type's name for what could hold anything."""
    return f"a JSON {type(value).__name__}" if isinstance(value, dict | list) else value
