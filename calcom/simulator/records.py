"""The entries of the simulated database: the rows, their JSON, and the orders in which the API lists them."""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal, NamedTuple

# `OOO_REASON_ID_TO_REASON` of Cal.com's `UserOOOService`. A null id is shown as "unspecified". An id that is
# not in the table has no name, and its record has no key `reason`.
REASON_NAMES = {1: "unspecified", 2: "vacation", 3: "travel", 4: "sick", 5: "public_holiday"}
REASON_IDS = {name: reason_id for reason_id, name in REASON_NAMES.items()}
FIRST_CUSTOM_REASON_ID = 6

Instant = str | date | datetime
SortColumn = Literal["start", "end"]

_ENCODER = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":"))


def encode_json(value: object) -> bytes:
    """Return the bytes of JavaScript's `JSON.stringify`: no spaces, and only the necessary escapes."""
    return _ENCODER.encode(value).encode()


def format_instant(moment: datetime) -> str:
    """Return the instant as Cal.com writes it: in UTC, with milliseconds and a Z."""
    utc = moment.astimezone(UTC)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def start_instant(value: Instant) -> str:
    """Return the stored start: the first millisecond of a day, or a text unchanged."""
    if isinstance(value, str):
        return value
    return format_instant(value) if isinstance(value, datetime) else f"{value}T00:00:00.000Z"


def end_instant(value: Instant) -> str:
    """Return the stored end: the last millisecond of a day, or a text unchanged."""
    if isinstance(value, str):
        return value
    return format_instant(value) if isinstance(value, datetime) else f"{value}T23:59:59.999Z"


def reason_id_of(reason: str | int | None) -> int | None:
    """Return the stored reason of a name, of a custom reason's id, or of None for a reason never set."""
    if not isinstance(reason, str):
        return reason
    if reason not in REASON_IDS:
        message = f"Unknown reason {reason!r}; expected one of {sorted(REASON_IDS)} or a custom id."
        raise ValueError(message)
    return REASON_IDS[reason]


@dataclass(slots=True)
class Entry:
    """One row of Cal.com's table OutOfOfficeEntry, with the columns that the API shows."""

    entry_id: int
    uuid: str
    user_id: int
    to_user_id: int | None
    start: str
    end: str
    notes: str | None
    reason_id: int | None
    encoded: bytes | None = None
    """The JSON of the entry, once it was computed; set it to None after a change."""

    def wire(self) -> dict[str, Any]:
        """Return the entry as the API shows it, in the API's order of keys."""
        record: dict[str, Any] = {
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
            record["reason"] = reason
        return record

    def wire_bytes(self) -> bytes:
        """Return the JSON of the entry, computed once, because the pages of a large organization join it."""
        if self.encoded is None:
            self.encoded = encode_json(self.wire())
        return self.encoded


def entry_from_wire(record: Mapping[str, Any]) -> Entry:
    """Return the row for a record of the API; a missing reason becomes a custom reason."""
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


def entry_id_of(entry: Entry) -> int:
    """Return the sort key of the unsorted listings."""
    return entry.entry_id


class Sort(NamedTuple):
    """The column that orders a listing, and the direction."""

    column: SortColumn
    descending: bool


class Listings:
    """The listing of the organization and those of its users, updated with small changes.

    After a change of a row's start or end, call `forget_orders`. After people join or leave, create a new
    object. A page of a million entries is a slice.
    """

    def __init__(self, entries: Iterable[Entry], members: Container[int]) -> None:
        """List the entries of the organization's members; `entries` ascend by id."""
        self._all: list[Entry] = []
        self._of_user: dict[int, list[Entry]] = {}
        self._orders: dict[SortColumn, tuple[list[Entry], list[str]]] = {}
        for entry in entries:
            if entry.user_id in members:
                self.append(entry)

    def append(self, entry: Entry) -> None:
        """Add an entry with the highest id so far."""
        self._all.append(entry)
        self._of_user.setdefault(entry.user_id, []).append(entry)
        self._orders.clear()

    def remove(self, entry: Entry) -> None:
        """Remove the entry if it is listed."""
        _remove_by_id(self._all, entry)
        _remove_by_id(self._of_user.get(entry.user_id, []), entry)
        self._orders.clear()

    def forget_orders(self) -> None:
        """Discard the sorted listings, because the start or end of a row has changed."""
        self._orders.clear()

    def rows(self, user_id: int | None) -> Sequence[Entry]:
        """Return the listing by ascending id: of one user, or of the organization for None."""
        return self._all if user_id is None else self._of_user.get(user_id, ())

    def page(self, user_id: int | None, take: int, skip: int, sort: Sort | None) -> Sequence[Entry]:
        """Return one page: by ascending id if unsorted, without a tie-breaker if sorted."""
        if sort is None:
            return self.rows(user_id)[skip : skip + take]
        ordered, values = self._ordered(user_id, sort.column)
        return _page_without_tie_breaker(ordered, values, sort, take, skip)

    def _ordered(self, user_id: int | None, column: SortColumn) -> tuple[list[Entry], list[str]]:
        """Return the rows in the order of the column, and the values; cached for the organization."""
        if user_id is None and column in self._orders:
            return self._orders[column]
        value_of = _COLUMNS[column]
        ordered = sorted(self.rows(user_id), key=value_of)
        values = [value_of(entry) for entry in ordered]
        if user_id is None:
            self._orders[column] = ordered, values
        return ordered, values


_COLUMNS: dict[SortColumn, Callable[[Entry], str]] = {
    "start": lambda entry: entry.start,
    "end": lambda entry: entry.end,
}


def _remove_by_id(entries: list[Entry], entry: Entry) -> None:
    position = bisect_left(entries, entry.entry_id, key=entry_id_of)
    if position < len(entries) and entries[position] is entry:
        del entries[position]


def _page_without_tie_breaker(
    ordered: Sequence[Entry], values: Sequence[str], sort: Sort, take: int, skip: int
) -> list[Entry]:
    """Return a page of a listing that is sorted by a column with equal values.

    PostgreSQL guarantees no order of equal values and chooses a plan per page. So a row may be on two pages
    and another row on none, without any write (measured). Here, every second page has equal values in the
    reverse order: equal values across a page boundary always lose and repeat rows.
    """
    page = []
    is_reversed = skip // take % 2 == 1
    for position in range(skip, min(skip + take, len(ordered))):
        index = len(ordered) - 1 - position if sort.descending else position
        if is_reversed:
            first, after = bisect_left(values, values[index]), bisect_right(values, values[index])
            index = first + after - 1 - index
        page.append(ordered[index])
    return page
