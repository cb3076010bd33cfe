"""The measures over person-time, in plain loops over a `NaiveWarehouse`: no frames and no SQL.

Each public function with the name of a macro returns the rows of the macro in the same order.
"""

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

from tests.support.naive import NaiveWarehouse
from tests.support.naive_entry_measures import absence_spells, bradford_factor
from tests.support.naive_rules import by_reason, count_people, days_between

Rows = list[tuple[Any, ...]]
People = dict[tuple[int, int], list[date]]


def membership(warehouse: NaiveWarehouse, first: date, last: date) -> People:
    """Return the days of the range on which each person is a member, without those people who have none."""
    members = {}
    for row in warehouse.tables()["dim_people"]:
        from_on, to_on = row["member_from_on"], row["member_to_on"] or date.max
        days = [day for day in days_between(first, last) if from_on <= day <= to_on]
        if days:
            members[row["organization_id"], row["user_id"]] = days
    return members


def counted_days_of_people(
    warehouse: NaiveWarehouse, first: date, last: date, *, until_snapshot: bool = True
) -> People:
    """Return the days on which each person counts, without those people who have none."""
    members = {}
    for key, days in membership(warehouse, first, last).items():
        snapshot_on = warehouse.latest[key[0]].date()
        if counted := [day for day in days if not until_snapshot or day <= snapshot_on]:
            members[key] = counted
    return members


def available_days(warehouse: NaiveWarehouse, organization_id: int, user_id: int, days: list[date]) -> int:
    """Return the number of working days among the days. Public holidays are known in the calendar's dates only."""
    calendar = warehouse.calendar_of(organization_id, user_id)[1]
    known = warehouse.calendar
    return sum(
        calendar.is_working(day)
        if known is not None and known[0] <= day <= known[1]
        else day.isoweekday() in calendar.weekdays
        for day in days
    )


def average_people(
    warehouse: NaiveWarehouse, members: People, organization_id: int, first: date, last: date
) -> float:
    """Return the number of member days of the organization per day that counts."""
    member_days = sum(len(days) for key, days in members.items() if key[0] == organization_id)
    return member_days / _range_days(warehouse, organization_id, first, last)


def person_time(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    return [
        (
            *key,
            warehouse.people[key]["name"],
            warehouse.calendar_of(*key)[0],
            days[0],
            days[-1],
            len(days),
            available_days(warehouse, *key, days),
            _range_days(warehouse, key[0], first, last),
        )
        for key, days in sorted(counted_days_of_people(warehouse, first, last).items())
    ]


def headcount_by_day(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    members = membership(warehouse, first, last)
    return [
        (organization_id, day, sum(day in days for key, days in members.items() if key[0] == organization_id))
        for organization_id, latest in sorted(warehouse.latest.items())
        for day in days_between(first, last)
        if day <= latest.date()
    ]


def spell_frequency(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    members = counted_days_of_people(warehouse, first, last)
    groups: dict[tuple[int, str], list[tuple[int]]] = defaultdict(list)
    for organization_id, user_id, reason, starts_on, *_ in absence_spells(warehouse, first, last):
        if starts_on in members.get((organization_id, user_id), []):
            groups[organization_id, reason].append((user_id,))
    result = []
    for (organization_id, reason), rows in by_reason(groups):
        own = [days for key, days in members.items() if key[0] == organization_id]
        years = sum(map(len, own)) / 365.25
        average = average_people(warehouse, members, organization_id, first, last)
        counts = (len(rows), count_people(rows), len(own), years, len(rows) / average, len(rows) / years)
        result.append((organization_id, reason, *counts))
    return result


def sickness_absence_rate(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    members = counted_days_of_people(warehouse, first, last)
    spells = [row for row in absence_spells(warehouse, first, last) if row[2] == "sick"]
    result = []
    for organization_id in sorted({key[0] for key in members}):
        own = {key: days for key, days in members.items() if key[0] == organization_id}
        sick = _sick_days(warehouse, own, first, last)
        long = [
            (user_id, day)
            for user_id, day in sick
            for _, spell_user_id, _, starts_on, ends_on, calendar_days, *_ in (
                spell for spell in spells if spell[0] == organization_id
            )
            if spell_user_id == user_id and starts_on <= day <= ends_on and calendar_days >= 28
        ]
        available = sum(available_days(warehouse, *key, days) for key, days in own.items())
        counts = (len(sick), len(long), len(sick) - len(long))
        rates = tuple(count / available if available else None for count in counts)
        new = sum(spell[3] in own.get((spell[0], spell[1]), []) for spell in spells)
        years = sum(map(len, own.values())) / 365.25
        average = average_people(warehouse, members, organization_id, first, last)
        people = (len({user_id for user_id, _ in sick}), len(own), average)
        result.append(
            (organization_id, *counts, available, *rates, len(sick) / average, new, new / years, *people)
        )
    return result


def rolling_sickness_rate(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    result = []
    for organization_id, month, start, day in _rolling_windows(warehouse, first, last):
        own = {
            key: days for key, days in membership(warehouse, start, day).items() if key[0] == organization_id
        }
        if own:
            sick = _sick_days(warehouse, own, start, day)
            available = sum(available_days(warehouse, *key, days) for key, days in own.items())
            rate = len(sick) / available if available else None
            people = (len({user_id for user_id, _ in sick}), len(own))
            result.append((organization_id, month, start, day, len(sick), available, rate, *people))
    return result


def rolling_bradford_factor(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    result = []
    for organization_id, month, start, day in _rolling_windows(warehouse, first, last):
        own = [row for row in bradford_factor(warehouse, start, day) if row[0] == organization_id]
        result += [(*row[:3], month, start, day, *row[3:]) for row in own]
    return result


def _rolling_windows(
    warehouse: NaiveWarehouse, first: date, last: date
) -> list[tuple[int, date, date, date]]:
    """Return the organization, month, first day and last day of each window of twelve months before the snapshot."""
    windows = []
    for organization_id, latest in sorted(warehouse.latest.items()):
        for day in days_between(first, last):
            if (day + timedelta(days=1)).day == 1 and day <= latest.date():
                months = day.year * 12 + day.month - 12
                start = date(months // 12, months % 12 + 1, 1)
                windows.append((organization_id, day.replace(day=1), start, day))
    return windows


def bridge_days(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    known = warehouse.calendar_days()
    absent = {(org, user_id, day) for org, user_id, day, _ in warehouse.absent_days(first, last)}
    groups: dict[tuple[int, str, date], list[bool]] = defaultdict(list)
    for (organization_id, user_id), days in membership(warehouse, first, last).items():
        name, calendar = warehouse.calendar_of(organization_id, user_id)
        for day in days:
            neighbors = [day - timedelta(days=1), day + timedelta(days=1)]
            if not all((name, other) in known for other in (*neighbors, day)) or not calendar.is_working(day):
                continue
            is_holiday = [other.isoweekday() in calendar.weekdays for other in neighbors]
            if not any(map(calendar.is_working, neighbors)) and any(is_holiday):
                groups[organization_id, name, day].append((organization_id, user_id, day) in absent)
    return [(*key, sum(rows), len(rows), sum(rows) / len(rows)) for key, rows in sorted(groups.items())]


def _range_days(warehouse: NaiveWarehouse, organization_id: int, first: date, last: date) -> int:
    return len(days_between(first, min(last, warehouse.latest[organization_id].date())))


def _sick_days(warehouse: NaiveWarehouse, members: People, first: date, last: date) -> list[tuple[int, date]]:
    """Return the person and the day of each sick working day of the members."""
    return [
        (user_id, day)
        for organization_id, user_id, day, row in warehouse.absent_days(first, last)
        if day in members.get((organization_id, user_id), [])
        and row["reason"] == "sick"
        and row["is_working_day"]
    ]
