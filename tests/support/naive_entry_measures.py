"""The measures over entries and spells, in plain loops over a `NaiveWarehouse`: no frames and no SQL.

Each function has the name of its macro, and returns the rows of the macro in the same order.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any

from tests.support.naive import NaiveWarehouse
from tests.support.naive_rules import (
    ORDER,
    Row,
    by_reason,
    count_people,
    dates_of,
    days_between,
    materialized_days,
)

Rows = list[tuple[Any, ...]]


def who_is_out(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    result = []
    for organization_id, entry_id, entry in warehouse.live_entries():
        starts_on, ends_on = entry["starts_on"], entry["ends_on"]
        if starts_on <= ends_on and starts_on <= last and ends_on >= first:
            cover = entry["covering_user_id"]
            cover_name = warehouse.people.get((organization_id, cover), {}).get("name")
            name = warehouse.people[organization_id, entry["user_id"]]["name"]
            facts = (organization_id, entry_id, entry["user_id"], name, starts_on, ends_on)
            result.append((*facts, entry["reason"], cover, cover_name))
    return sorted(result, key=lambda row: (row[0], row[4], row[3] is None, row[3] or "", row[1]))


def who_is_out_by_team(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    if not warehouse.teams.tables(warehouse.latest)["dim_teams"]:
        message = "expected teams, found none"
        raise LookupError(message)
    result = []
    for organization_id, team_id, name in warehouse.teams.live_teams():
        people = warehouse.team_people(organization_id, team_id)
        result += [
            (organization_id, team_id, name, *row[1:])
            for row in who_is_out(warehouse, first, last)
            if row[0] == organization_id and row[2] in people
        ]
    return result


def as_of(warehouse: NaiveWarehouse, at: datetime, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    result = []
    for organization_id in warehouse.latest:
        for entry_id, version in warehouse.as_of(organization_id, at).items():
            starts_on, ends_on = version["starts_on"], version["ends_on"]
            days = [day for day in days_between(first, last) if starts_on <= day <= ends_on]
            if days:
                user_id = version["user_id"]
                name = warehouse.people[organization_id, user_id]["name"]
                working = warehouse.version_working_days(version)
                dates = (starts_on, ends_on, version["calendar_days"], working, len(days))
                details = (version["reason"], version["covering_user_id"], version["has_notes"])
                result.append(
                    (organization_id, entry_id, user_id, name, *dates, *details, version["valid_from"])
                )
    return sorted(result, key=lambda row: (row[0], row[4], row[2], row[1]))


def lead_time(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    leads: dict[tuple[int, str], list[tuple[int, int | None]]] = defaultdict(list)
    for organization_id, _, entry in _starting_entries(warehouse, first, last):
        user_id, seen_at = entry["user_id"], entry["first_seen_at"]
        complete_at = warehouse.first_complete.get(organization_id)
        person_seen_at = warehouse.people[organization_id, user_id]["first_seen_at"]
        is_known = complete_at is not None and complete_at < seen_at and person_seen_at < seen_at
        lead = (entry["starts_on"] - seen_at.date()).days if is_known else None
        leads[organization_id, entry["reason"]].append((user_id, lead))
    result = []
    for (organization_id, reason), rows in by_reason(leads):
        known = [lead for _, lead in rows if lead is not None]
        late = sum(lead < 0 for lead in known) if known else None
        counts = (len(rows), len(known), len(known) / len(rows), _mean(known), _median(known), late)
        result.append((organization_id, reason, *counts, count_people(rows)))
    return result


def cancelled_leave(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    cancelled: dict[tuple[int, str], list[tuple[int, bool, int, int]]] = defaultdict(list)
    for (organization_id, _), entry in sorted(warehouse.entries.items()):
        gone_at, user_id = entry["deleted_at"], entry["user_id"]
        if entry["deletion_cause"] != "deleted":
            continue
        planned = materialized_days(entry["starts_on"], entry["ends_on"])
        lost = [day for day in planned if first <= day <= last and day >= gone_at.date()]
        if lost:
            is_before = gone_at.date() <= entry["starts_on"]
            working = sum(map(warehouse.calendar_of(organization_id, user_id)[1].is_working, lost))
            cancelled[organization_id, entry["reason"]].append((user_id, is_before, len(lost), working))
    return [
        (
            organization_id,
            reason,
            len(rows),
            sum(row[1] for row in rows),
            sum(not row[1] for row in rows),
            sum(row[2] for row in rows),
            sum(row[3] for row in rows),
            count_people(rows),
        )
        for (organization_id, reason), rows in by_reason(cancelled)
    ]


def changed_leave(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    changes: dict[tuple[int, str], list[tuple[int, bool, int]]] = defaultdict(list)
    appeared = {
        (version["organization_id"], version["entry_id"]): version
        for version in warehouse.history
        if version["change"] == "appeared"
    }
    for organization_id, entry_id, entry in _starting_entries(warehouse, first, last):
        original = appeared[organization_id, entry_id]
        first_on, last_on, _ = dates_of(original["starts_at_raw"], original["ends_at_raw"])
        is_changed = (entry["starts_on"], entry["ends_on"]) != (first_on, last_on)
        added = entry["calendar_days"] - len(days_between(first_on, last_on))
        changes[organization_id, entry["reason"]].append((entry["user_id"], is_changed, added))
    result = []
    for (organization_id, reason), rows in by_reason(changes):
        added = [days for _, is_changed, days in rows if is_changed]
        kinds = (
            sum(days < 0 for days in added),
            sum(days > 0 for days in added),
            sum(days == 0 for days in added),
        )
        share = len(added) / len(rows)
        result.append((organization_id, reason, len(rows), *kinds, share, sum(added), count_people(rows)))
    return result


def absence_spells(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    entries: dict[tuple[int, int, int], list[list[date]]] = defaultdict(list)
    for organization_id, _, entry, days in warehouse.counted_entries():
        entries[organization_id, entry["user_id"], ORDER[entry["reason"]]].append(days)
    result = []
    for (organization_id, user_id, reason), spans in sorted(entries.items()):
        is_working = warehouse.calendar_of(organization_id, user_id)[1].is_working
        for starts_on, ends_on in _runs({day for days in spans for day in days}, is_working):
            whole = days_between(starts_on, ends_on)
            count = sum(starts_on <= days[0] <= ends_on for days in spans)
            if first <= last and starts_on <= last and ends_on >= first:
                lengths = (len(whole), sum(map(is_working, whole)))
                code = list(ORDER)[reason]
                result.append((organization_id, user_id, code, starts_on, ends_on, *lengths, count))
    return result


def spell_duration(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    groups: dict[tuple[int, str], list[tuple[int, int, int]]] = defaultdict(list)
    for organization_id, user_id, reason, starts_on, _, *lengths, _ in absence_spells(warehouse, first, last):
        if starts_on >= first:
            groups[organization_id, reason].append((user_id, *lengths))
    result = []
    for (organization_id, reason), rows in by_reason(groups):
        statistics: list[Any] = []
        for column in (1, 2):
            days = [row[column] for row in rows]
            statistics += [_mean(days), _median(days), max(days)]
        result.append((organization_id, reason, len(rows), *statistics, count_people(rows)))
    return result


def longest_absence(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    groups: dict[tuple[int, int], set[date]] = defaultdict(set)
    for organization_id, user_id, day, _ in warehouse.absent_days(first, last):
        groups[organization_id, user_id].add(day)
    result = []
    for key, days in groups.items():
        is_working = warehouse.calendar_of(*key)[1].is_working
        consecutive = _longest(_runs(days, lambda _: True))
        unbroken = _longest(_runs(days, is_working))
        working = sum(map(is_working, days_between(*unbroken[1:])))
        result.append((*key, warehouse.people[key]["name"], *consecutive, *unbroken, working))
    return sorted(result, key=lambda row: (row[0], -row[6], -row[3], row[1]))


def bradford_factor(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    staying = warehouse.staying_people()
    spells: dict[tuple[int, int], list[int]] = defaultdict(list)
    for organization_id, user_id, reason, starts_on, ends_on, *_ in absence_spells(warehouse, first, last):
        is_working = warehouse.calendar_of(organization_id, user_id)[1].is_working
        within = days_between(max(starts_on, first), min(ends_on, last))
        if reason == "sick" and (organization_id, user_id) in staying:
            spells[organization_id, user_id].append(sum(map(is_working, within)))
    result = []
    for key, lengths in spells.items():
        count, days = sum(length > 0 for length in lengths), sum(lengths)
        if count:
            result.append((*key, warehouse.people[key]["name"], count, days, count**2 * days))
    return sorted(result, key=lambda row: (row[0], -row[5], row[1]))


def _starting_entries(warehouse: NaiveWarehouse, first: date, last: date) -> Iterable[tuple[int, int, Row]]:
    """Yield the live entries that have a day and start in the range."""
    for organization_id, entry_id, entry in warehouse.live_entries():
        if entry["starts_on"] <= entry["ends_on"] and first <= entry["starts_on"] <= last:
            yield organization_id, entry_id, entry


def _runs(days: set[date], is_breaking: Callable[[date], bool]) -> list[tuple[date, date]]:
    """Return the first and last day of each run of days without a breaking day between them, ascending."""
    result: list[tuple[date, date]] = []
    for day in sorted(days):
        if result:
            first, last = result[-1]
            between = days_between(last, day)[1:-1]
            if not any(map(is_breaking, between)):
                result[-1] = (first, day)
                continue
        result.append((day, day))
    return result


def _longest(runs: list[tuple[date, date]]) -> tuple[int, date, date]:
    """Return the length, first day and last day of the longest run; of equal ones, of the earliest."""
    first, last = max(runs, key=lambda run: (run[1] - run[0], -run[0].toordinal()))
    return (last - first).days + 1, first, last


def _mean(values: list[int]) -> float | None:
    return sum(values) / len(values) if values else None


def _median(values: list[int]) -> float | None:
    """Return the middle value; of an even number of values, the mean of the two middle ones."""
    ordered = sorted(values)
    middle = ordered[(len(ordered) - 1) // 2 : len(ordered) // 2 + 1]
    return _mean(middle)
