"""The rows of the simulated database and how Cal.com writes them as JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

# OOO_REASON_ID_TO_REASON of Cal.com's UserOOOService. A null id reads as "unspecified"; an id that
# is not in the table has no name, and the key is then missing from the answer.
REASON_NAMES = {1: "unspecified", 2: "vacation", 3: "travel", 4: "sick", 5: "public_holiday"}
REASON_IDS = {name: reason_id for reason_id, name in REASON_NAMES.items()}
FIRST_CUSTOM_REASON_ID = 6

Instant = str | date | datetime

_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))


def encode_json(value: object) -> bytes:
    """The bytes that JavaScript's JSON.stringify gives: no spaces, nothing escaped beyond need."""
    return _ENCODER.encode(value).encode()


def format_instant(moment: datetime) -> str:
    """The instant as Cal.com writes it: UTC, milliseconds, a trailing Z."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def start_instant(value: Instant) -> str:
    """The stored start: a day gives its first millisecond, text is kept as it is."""
    if isinstance(value, str):
        return value
    return format_instant(value) if isinstance(value, datetime) else f"{value}T00:00:00.000Z"


def end_instant(value: Instant) -> str:
    """The stored end: a day gives its last millisecond, text is kept as it is."""
    if isinstance(value, str):
        return value
    return format_instant(value) if isinstance(value, datetime) else f"{value}T23:59:59.999Z"


def reason_id_of(reason: str | int | None) -> int | None:
    """The stored reason: one of the five names, a custom reason's id, or None for never set."""
    if not isinstance(reason, str):
        return reason
    if reason not in REASON_IDS:
        message = f"Unknown reason {reason!r}; expected one of {sorted(REASON_IDS)} or a custom id."
        raise ValueError(message)
    return REASON_IDS[reason]


@dataclass(slots=True)
class Entry:
    """One row of Cal.com's OutOfOfficeEntry table, as far as the API shows it."""

    entry_id: int
    uuid: str
    user_id: int
    to_user_id: int | None
    start: str
    end: str
    notes: str | None
    reason_id: int | None
    encoded: bytes | None = None

    def wire(self) -> dict[str, Any]:
        """The entry as the API shows it, in the API's key order."""
        shown: dict[str, Any] = {
            "userId": self.user_id,
            "toUserId": self.to_user_id,
            "id": self.entry_id,
            "uuid": self.uuid,
            "start": self.start,
            "end": self.end,
            "notes": self.notes,
        }
        reason = REASON_NAMES.get(self.reason_id or REASON_IDS["unspecified"])
        if reason is not None:
            shown["reason"] = reason
        return shown

    def wire_bytes(self) -> bytes:
        """The encoded entry, computed once: pages of a big organization are joins of these."""
        if self.encoded is None:
            self.encoded = encode_json(self.wire())
        return self.encoded


def entry_from_wire(record: Mapping[str, Any]) -> Entry:
    """The row behind a record of the API; a missing reason becomes a custom one."""
    reason = record.get("reason")
    return Entry(
        entry_id=record["id"],
        uuid=record["uuid"],
        user_id=record["userId"],
        to_user_id=record["toUserId"],
        start=record["start"],
        end=record["end"],
        notes=record["notes"],
        reason_id=FIRST_CUSTOM_REASON_ID if reason is None else REASON_IDS[reason],
    )
