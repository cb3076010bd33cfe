"""What the published tables have to be, from the wire's own records, in plain Python."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

STANDARD_REASONS = {"unspecified", "vacation", "travel", "sick", "public_holiday"}


def expected_entry(record: Mapping[str, Any]) -> dict[str, Any]:
    """The row of `fct_ooo_entries` for one record of `…/ooo`, without what only the warehouse knows."""
    starts_on, ends_on = date.fromisoformat(record["start"][:10]), date.fromisoformat(record["end"][:10])
    days = [starts_on + timedelta(days=n) for n in range((ends_on - starts_on).days + 1)]
    reason = record.get("reason", "custom")
    return {
        "organization_id": 1,
        "entry_id": record["id"],
        "entry_uuid": record["uuid"],
        "user_id": record["userId"],
        "covering_user_id": record["toUserId"],
        "starts_on": starts_on,
        "ends_on": ends_on,
        "calendar_days": len(days),
        "working_days": sum(day.weekday() < 5 for day in days),
        "reason": reason if reason in STANDARD_REASONS | {"custom"} else "unknown",
        "reason_raw": record.get("reason"),
        "has_notes": bool(record["notes"]),
        "starts_at_raw": _instant(record["start"]),
        "ends_at_raw": _instant(record["end"]),
        "is_day_aligned": (record["start"][11:19], record["end"][11:19]) == ("00:00:00", "23:59:59"),
        "deleted_at": None,
        "is_stale": False,
    }


def expected_person(user: Mapping[str, Any]) -> dict[str, Any]:
    """The row of `dim_people` for one record of `…/users`, without what only the warehouse knows."""
    return {
        "organization_id": 1,
        "user_id": user["id"],
        "email": user["email"],
        "name": user["name"],
        "username": user["username"],
        "time_zone": user["timeZone"],
        "locale": user["locale"],
        "created_at": _instant(user["createdDate"]),
        "left_at": None,
        "is_stale": False,
    }


def expected_person_days(records: Iterable[Mapping[str, Any]]) -> set[tuple[int, date]]:
    """Every (user, day) of absence."""
    return {
        (record["userId"], day)
        for record in records
        for day in _days(record["start"][:10], record["end"][:10])
    }


def published_rows(database: Path, table: str, gone: str, like: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows that are not `gone`, ascending by key, with the columns of `like`."""
    with duckdb.connect(str(database), read_only=True) as connection:
        columns = ", ".join(like)
        return (
            connection.sql(f"SELECT {columns} FROM {table} WHERE {gone} IS NULL ORDER BY ALL").pl().to_dicts()
        )


def assert_equals_truth(
    database: Path, entries: list[Mapping[str, Any]], users: list[Mapping[str, Any]]
) -> None:
    """The entries, people and days that are not gone are, row by row, those of the wire's records."""
    wanted = [expected_entry(record) for record in sorted(entries, key=lambda one: one["id"])]
    assert published_rows(database, "fct_ooo_entries", "deleted_at", wanted[0]) == wanted
    people = [expected_person(user) for user in sorted(users, key=lambda one: one["id"])]
    assert published_rows(database, "dim_people", "left_at", people[0]) == people
    with duckdb.connect(str(database), read_only=True) as connection:
        days = connection.execute("SELECT user_id, date_on FROM fct_absence_days").fetchall()
    assert len(days) == len(set(days))
    assert set(days) == expected_person_days(entries)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)


def _days(first: str, last: str) -> list[date]:
    start = date.fromisoformat(first)
    return [start + timedelta(days=n) for n in range((date.fromisoformat(last) - start).days + 1)]
