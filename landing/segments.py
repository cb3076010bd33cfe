"""The columns of landing segments, and the conversion of wire records into their rows."""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.json

from calcom.models import OooEntry, OrgTeam, OrgUser, TeamMembership
from calcom.records import Records
from landing.record_filter import filter_rejected_text

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
        ("problem", pa.string()),  # not null: the record was rejected, and `raw` is its text, filtered
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
    """The layout of the segments of one kind of record."""

    schema: pa.Schema
    keys: Mapping[str, str]
    """The record's key for each column."""
    kept_keys: frozenset[str]
    """The keys of a rejected record that are stored: those of the wire model, which the warehouse stores, too.

    A server may add others, such as the whole profile of a covering user.
    """


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
    "users": SegmentKind(USER_SCHEMA, _USER_KEYS, frozenset(OrgUser.__annotations__)),
    "entries": SegmentKind(
        ENTRY_SCHEMA, _ENTRY_KEYS | {"notes": "notes"}, frozenset(OooEntry.__annotations__)
    ),
    "teams": SegmentKind(TEAM_SCHEMA, _TEAM_KEYS, frozenset(OrgTeam.__annotations__)),
    "memberships": SegmentKind(
        MEMBERSHIP_SCHEMA, _MEMBERSHIP_KEYS, frozenset(TeamMembership.__annotations__)
    ),
}
NOTELESS_ENTRIES = SegmentKind(ENTRY_SCHEMA, _ENTRY_KEYS, _NOTELESS_KEYS)
"""Entries without the text of their notes; `has_notes` still says whether there is one."""


class Rows:
    """The rows of one segment, held page by page as JSON until the segment is written as columns."""

    def __init__(self, kind: SegmentKind) -> None:
        """Start without a row."""
        self._kind = kind
        self._accepted: list[bytes] = []
        self._accepted_rows = 0
        self._rejected: dict[str, list[Any]] = {name: [] for name in kind.schema.names}

    def __len__(self) -> int:
        """Return the number of rows."""
        return self._accepted_rows + len(self._rejected["page"])

    def add(self, page: int, records: Records, *, user_id: int | None, team_id: int | None) -> None:
        """Append the records of one page. Rejected records are assigned to the scope's user or team, if it has one."""
        rows = len(records.accepted)
        pages = b",".join([b"%d" % page] * rows)
        has_notes = b",".join([b"true" if record.get("notes") else b"false" for record in records.accepted])
        self._accepted.append(
            b'{"page":[%b],"has_notes":[%b],"answer":%b}' % (pages, has_notes, records.as_json())
        )
        self._accepted_rows += rows
        for record in records.rejected:
            row = {
                "page": page,
                "id": record.record_id,
                "user_id": record.user_id or user_id,
                "team_id": team_id,
                "problem": record.problem,
                "raw": filter_rejected_text(record.raw, self._kind.kept_keys),
            }
            for name, values in self._rejected.items():
                values.append(row.get(name))

    def as_table(self) -> pa.Table:
        """Return all rows: accepted records in the order read, then rejected ones."""
        accepted = [self._accepted_table()] if self._accepted else []
        rejected = [self._rejected_table()] if self._rejected["page"] else []
        # Built from JSON, because `pyarrow.array` and similar functions import pandas if it is installed.
        return pa.concat_tables([pa.Table.from_batches([], self._kind.schema), *accepted, *rejected])

    def _accepted_table(self) -> pa.Table:
        """Decode the pages' own bytes: converting Python objects costs four times as much."""
        schema, keys = self._kind.schema, self._kind.keys
        own = [("page", pa.list_(pa.int32())), ("has_notes", pa.list_(pa.bool_()))]
        record = pa.struct([(key, schema.field(column).type) for column, key in keys.items()])
        expected_schema = pa.schema([*own, ("answer", pa.struct([("data", pa.list_(record))]))])
        try:
            lines = _decode(b"\n".join(self._accepted), expected_schema)
        except pa.ArrowInvalid:  # a key is repeated: Arrow refuses that, Pydantic and json use the last one
            plain = [json.dumps(json.loads(page)) for page in self._accepted]
            lines = _decode("\n".join(plain).encode(), expected_schema)
        records = lines["answer"].chunk(0).field("data").values
        columns = {column: records.field(key) for column, key in keys.items()}
        columns |= {name: lines[name].chunk(0).values for name, _ in own}
        arrays = [columns.get(column.name, pa.nulls(len(records), column.type)) for column in schema]
        return pa.Table.from_arrays(arrays, schema=schema)

    def _rejected_table(self) -> pa.Table:
        schema = self._kind.schema
        listed = pa.schema([(column.name, pa.list_(column.type)) for column in schema])
        table = _decode(json.dumps(self._rejected).encode(), listed)
        return pa.Table.from_arrays([table[name].chunk(0).values for name in schema.names], schema=schema)


def _decode(lines: bytes, schema: pa.Schema) -> pa.Table:
    """Return the fields of `schema` in one chunk; a field that is missing from a line is null."""
    return pa.json.read_json(
        pa.BufferReader(lines),
        read_options=pa.json.ReadOptions(block_size=len(lines) + 1, use_threads=False),
        parse_options=pa.json.ParseOptions(
            explicit_schema=schema, newlines_in_values=True, unexpected_field_behavior="ignore"
        ),
    )
