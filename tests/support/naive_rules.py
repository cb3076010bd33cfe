"""The rules of the naive engine, each in plain Python: dates, days and the order of reasons.

They are written a second time, without code of the product.
"""

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

from tests.support.readings import Absence

REASONS = {
    "public_holiday": "Public holiday",
    "sick": "Sick leave",
    "vacation": "Vacation",
    "travel": "Travel",
    "custom": "Custom reason",
    "unspecified": "Unspecified",
    "unknown": "Unknown to this version",
}
ORDER = {code: position for position, code in enumerate(REASONS)}
NAMED_BY_THE_SOURCE = {"public_holiday", "sick", "vacation", "travel", "unspecified"}
TEN_YEARS = 3_653
HORIZON = (date(1970, 1, 1), date(2099, 12, 31))
Row = dict[str, Any]


def facts_of(absence: Absence) -> Row:
    """Return the columns of `fct_ooo_entries` that follow from the record alone."""
    reason = absence.reason
    first_on, last_on, rule = dates_of(absence.starts_at, absence.ends_at)
    standard = reason if reason in NAMED_BY_THE_SOURCE else "unknown"
    return {
        "entry_uuid": f"uuid-{absence.entry_id}",
        "user_id": absence.user_id,
        "covering_user_id": absence.cover,
        "starts_on": first_on,
        "ends_on": last_on,
        "calendar_days": max((last_on - first_on).days + 1, 0),
        "materialized_days": len(materialized_days(first_on, last_on)),
        "reason": "custom" if reason is None else standard,
        "reason_raw": reason,
        "has_notes": bool(absence.notes),
        "starts_at_raw": absence.starts_at,
        "ends_at_raw": absence.ends_at,
        "is_day_aligned": rule == "day_aligned",
        "date_rule": rule,
    }


def dates_of(start: datetime, end: datetime) -> tuple[date, date, str]:
    """Return the first day, the last day and the date rule of an entry that Cal.com stores with these instants.

    A span of whole days that does not begin at midnight has the dates of the nearest midnights. It can be an hour
    shorter or longer, because of a clock change, and the last second of it can be stored with or without its end.
    """
    ends_at_midnight = end.replace(microsecond=0).time() == time(23, 59, 59)
    if start.time() == time(0) and ends_at_midnight:
        return start.date(), end.date(), "day_aligned"
    day = timedelta(days=1)
    days = (end - start + day / 2) // day
    if days >= 1 and abs(end - start - days * day) <= timedelta(hours=1, seconds=1):
        last = _nearest_midnight(end - day + timedelta(milliseconds=1))  # year 10000 does not exist
        return _nearest_midnight(start), last, "nearest_midnight"
    return start.date(), end.date(), "date_parts"


def _nearest_midnight(instant: datetime) -> date:
    before = instant.date()
    is_nearer_to_next = instant - datetime.combine(before, time(0)) >= timedelta(hours=12)
    return before + timedelta(days=1) if is_nearer_to_next else before


def days_between(first: date, last: date) -> list[date]:
    """Return every day from `first` to `last`, both inclusive."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def materialized_days(first: date, last: date) -> list[date]:
    """Return the materialized days: at most ten years, and none if the entry starts outside 1970 to 2099."""
    if not HORIZON[0] <= first <= HORIZON[1]:
        return []
    count = min(TEN_YEARS, (last - first).days + 1, (HORIZON[1] - first).days + 1)
    return [first + timedelta(days=number) for number in range(count)]


def counted_days(entry: Row) -> list[date]:
    """Return the days of an entry that count: none if a person deleted it, and those up to a departure."""
    days = materialized_days(entry["starts_on"], entry["ends_on"])
    if entry["deleted_at"] is None:
        return days
    is_kept = entry["deletion_cause"] in {"person_left", "cover_deleted"}
    return [day for day in days if is_kept and day <= entry["deleted_at"].date()]


def by_reason(groups: dict[tuple[int, str], list[Any]]) -> list[tuple[tuple[int, str], list[Any]]]:
    """Return groups by organization and reason, in the order of the organizations and the precedence."""
    return sorted(groups.items(), key=lambda group: (group[0][0], ORDER[group[0][1]]))


def count_people(rows: Iterable[tuple[Any, ...]]) -> int:
    """Return the number of different people in rows that begin with the user id."""
    return len({row[0] for row in rows})
