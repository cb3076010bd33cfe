"""Compute the expected published rows from the records of the API, in plain Python."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

STANDARD_REASONS = {"unspecified", "vacation", "travel", "sick", "public_holiday"}


def expected_entry(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of `fct_ooo_entries` for a record of `…/ooo`, without the columns of the snapshots."""
    rule, days = expected_days(record)
    reason = record.get("reason", "custom")
    return {
        "organization_id": 1,
        "entry_id": record["id"],
        "entry_uuid": record["uuid"],
        "user_id": record["userId"],
        "covering_user_id": record["toUserId"],
        "starts_on": days[0],
        "ends_on": days[-1],
        "calendar_days": len(days),
        "working_days": sum(day.weekday() < 5 for day in days),
        "reason": reason if reason in STANDARD_REASONS | {"custom"} else "unknown",
        "reason_raw": record.get("reason"),
        "has_notes": bool(record["notes"]),
        "starts_at_raw": _instant(record["start"]),
        "ends_at_raw": _instant(record["end"]),
        "is_day_aligned": rule == "day_aligned",
        "date_rule": rule,
        "deleted_at": None,
        "is_stale": False,
    }


def expected_days(record: Mapping[str, Any]) -> tuple[str, list[date]]:
    """Return the rule for the dates of a record, and its days in order.

    The dates are the date parts, unless the record covers whole days in another time than UTC: then they are those
    of the nearest midnights. A clock change makes such a record an hour longer or shorter.
    """
    start, end = _instant(record["start"]), _instant(record["end"])
    if (record["start"][11:19], record["end"][11:19]) == ("00:00:00", "23:59:59"):
        return "day_aligned", _days_between(start.date(), end.date())
    midnights = [(instant + timedelta(hours=12)).date() for instant in (start, end + timedelta(seconds=1))]
    whole_days = midnights[1] - midnights[0]
    if whole_days and abs(end - start - whole_days) <= timedelta(hours=1, seconds=1):
        return "nearest_midnight", _days_between(midnights[0], midnights[1] - timedelta(days=1))
    return "date_parts", _days_between(start.date(), end.date())


def expected_person(user: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of `dim_people` for a record of `…/users`, without the columns of the snapshots."""
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
    """Return the user id and the date of each day of absence."""
    return {(record["userId"], day) for record in records for day in expected_days(record)[1]}


def published_rows(
    database: Path, table: str, end_column: str, columns: Iterable[str]
) -> list[dict[str, Any]]:
    """Return `columns` of the rows in which `end_column` is null, ascending by key."""
    query = f"SELECT {', '.join(columns)} FROM {table} WHERE {end_column} IS NULL ORDER BY ALL"
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.sql(query).pl().to_dicts()


def assert_equals_truth(
    database: Path, entries: list[Mapping[str, Any]], users: list[Mapping[str, Any]]
) -> None:
    """Assert that the published live entries, current people and days equal the records, row by row."""
    rows = [expected_entry(record) for record in sorted(entries, key=lambda record: record["id"])]
    assert published_rows(database, "fct_ooo_entries", "deleted_at", rows[0]) == rows
    people = [expected_person(user) for user in sorted(users, key=lambda user: user["id"])]
    assert published_rows(database, "dim_people", "left_at", people[0]) == people
    with duckdb.connect(str(database), read_only=True) as connection:
        days = connection.execute("SELECT user_id, date_on FROM fct_absence_days").fetchall()
    assert len(days) == len(set(days))
    assert set(days) == expected_person_days(entries)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)


def _days_between(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]
