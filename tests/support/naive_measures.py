"""The measures over days of absence, in plain loops over a `NaiveWarehouse`: no frames and no SQL.

Each function has the name of its macro, and returns the rows of the macro in the same order.
"""

from collections import defaultdict
from datetime import date, datetime
from typing import Any

from tests.support import naive_entry_measures, naive_person_time
from tests.support.naive import NaiveWarehouse
from tests.support.naive_person_time import available_days, average_people, counted_days_of_people
from tests.support.naive_rules import ORDER, REASONS, Row, by_reason, count_people, days_between

Rows = list[tuple[Any, ...]]
Group = list[tuple[int, Row]]

POLICY = (
    "working days by the work calendar of each person; people count from member_from_on to member_to_on, until the"
    " last snapshot of the organization unless asked otherwise; vacation counts as absence, public holidays do not"
)
MODULES = (naive_entry_measures, naive_person_time)


def compute(warehouse: NaiveWarehouse, name: str, arguments: dict[str, date | datetime]) -> Rows:
    """Return the rows that the macro `name` should return for the arguments, given in the macro's order.

    Raise `LookupError` where the macro should fail: for a reversed range, and for teams that are not loaded.
    """
    if "from_date" in arguments and arguments["from_date"] > arguments["to_date"]:
        message = "expected from_date <= to_date"
        raise LookupError(message)
    measure = globals().get(name) or next(
        getattr(module, name) for module in MODULES if hasattr(module, name)
    )
    rows: Rows = measure(warehouse, *arguments.values())
    return rows


def absence_by_reason(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    groups: dict[tuple[int, int, str], Group] = defaultdict(list)
    for organization_id, user_id, _, row in warehouse.absent_days(first, last):
        groups[organization_id, ORDER[row["reason"]], row["reason"]].append((user_id, row))
    return [
        (organization_id, reason, REASONS[reason], *_days_and_people(rows))
        for (organization_id, _, reason), rows in sorted(groups.items())
    ]


def absence_by_month(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    groups: dict[tuple[int, date, int, str], Group] = defaultdict(list)
    for organization_id, user_id, day, row in warehouse.absent_days(first, last):
        key = (organization_id, day.replace(day=1), ORDER[row["reason"]], row["reason"])
        groups[key].append((user_id, row))
    return [
        (organization_id, month, reason, *_days_and_people(rows))
        for (organization_id, month, _, reason), rows in sorted(groups.items())
    ]


def absence_by_year(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    groups: dict[tuple[int, int, int], Group] = defaultdict(list)
    for organization_id, user_id, day, row in warehouse.absent_days(first, last):
        groups[organization_id, day.year, ORDER[row["reason"]]].append((user_id, row))
    result = []
    for (organization_id, year, _), rows in sorted(groups.items()):
        days = sum(day.year == year for day in days_between(first, last))
        counts = (*_days_and_people(rows), days, len(rows) / days)
        result.append((organization_id, year, rows[0][1]["reason"], *counts))
    return result


def absence_by_day(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    absent = list(warehouse.absent_days(first, last))
    result = []
    for organization_id in sorted({organization_id for organization_id, _ in warehouse.people}):
        for day in days_between(first, last):
            rows = [row for org, _, on, row in absent if (org, on) == (organization_id, day)]
            sick = sum(row["reason"] == "sick" for row in rows)
            entries = sum(row["entry_count"] for row in rows)
            weekday = day.isoweekday()
            result.append((organization_id, day, weekday, weekday > 5, len(rows), sick, entries))
    return result


def absence_by_weekday(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    groups: dict[tuple[int, str], list[tuple[int, int, bool]]] = defaultdict(list)
    for organization_id, user_id, day, row in warehouse.absent_days(first, last):
        groups[organization_id, row["reason"]].append((user_id, day.isoweekday(), row["is_working_day"]))
    result = []
    for (organization_id, reason), rows in by_reason(groups):
        all_working = sum(is_working for _, _, is_working in rows)
        for weekday in sorted({weekday for _, weekday, _ in rows}):
            own = [row for row in rows if row[1] == weekday]
            working = sum(is_working for _, _, is_working in own)
            share = working / all_working if all_working else None
            result.append((organization_id, reason, weekday, len(own), working, share, count_people(own)))
    return result


def absence_seasonality(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    groups: dict[tuple[int, str], list[int]] = defaultdict(list)
    for organization_id, _, day, row in warehouse.absent_days(first, last):
        groups[organization_id, row["reason"]].append(day.month)
    calendar = days_between(first, last)
    result = []
    for (organization_id, reason), months in by_reason(groups):
        for month in sorted({day.month for day in calendar}):
            days = [day for day in calendar if day.month == month]
            years = len({day.year for day in days})
            average = months.count(month) / len(days)
            index = average / (len(months) / len(calendar))
            counts = (years, months.count(month), len(days))
            result.append((organization_id, reason, month, *counts, average, index))
    return result


def absence_by_person(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    groups: dict[tuple[int, int], list[tuple[date, Row]]] = defaultdict(list)
    for organization_id, user_id, day, row in warehouse.absent_days(first, last):
        groups[organization_id, user_id].append((day, row))
    result = []
    for (organization_id, user_id), days in groups.items():
        person = warehouse.people[organization_id, user_id]
        working = sum(row["is_working_day"] for _, row in days)
        sick = sum(row["reason"] == "sick" for _, row in days)
        span = (min(day for day, _ in days), max(day for day, _ in days))
        names = (person["name"], person["email"])
        result.append((organization_id, user_id, *names, len(days), working, sick, *span))
    return sorted(result, key=lambda row: (row[0], -row[4], row[1]))


def absence_by_team(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    if not warehouse.teams.tables(warehouse.latest)["dim_teams"]:
        message = "expected teams, found none"
        raise LookupError(message)
    rates = {row[:2]: row for row in absence_rate_by_person(warehouse, first, last)}
    days: dict[tuple[int, int], list[Row]] = defaultdict(list)
    for organization_id, user_id, _, row in warehouse.absent_days(first, last):
        days[organization_id, user_id].append(row)
    result = []
    for organization_id, team_id, name in warehouse.teams.live_teams():
        people = warehouse.team_people(organization_id, team_id)
        own = [days[organization_id, user_id] for user_id in people]
        lost, available = (
            sum(
                rates[organization_id, user_id][column]
                for user_id in people
                if (organization_id, user_id) in rates
            )
            for column in (5, 6)
        )
        absent = sum(bool(rows) for rows in own)
        share = absent / len(people) if people else None
        working = sum(row["is_working_day"] for rows in own for row in rows)
        counts = (sum(map(len, own)), working, lost / available if available else None)
        result.append((organization_id, team_id, name, len(people), absent, share, *counts))
    return result


def absence_incidence(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    members = counted_days_of_people(warehouse, first, last)
    result = []
    for organization_id in sorted({organization_id for organization_id, _ in members}):
        people = sum(organization == organization_id for organization, _ in members)
        absent: dict[str, set[int]] = {"any": set()}
        for organization, user_id, day, row in warehouse.absent_days(first, last):
            if organization == organization_id and day in members.get((organization, user_id), []):
                absent.setdefault(row["reason"], set()).add(user_id)
                if row["reason"] != "public_holiday":
                    absent["any"].add(user_id)
        for reason in sorted(absent, key=lambda code: ORDER.get(code, len(ORDER))):
            count = len(absent[reason])
            result.append((organization_id, reason, count, people, count / people))
    return result


def absence_rate_by_person(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    members = counted_days_of_people(warehouse, first, last)
    result = []
    for (organization_id, user_id), days in sorted(members.items()):
        person = warehouse.people[organization_id, user_id]
        name = warehouse.calendar_of(organization_id, user_id)[0]
        available = available_days(warehouse, organization_id, user_id, days)
        lost = sum(
            row["is_working_day"] and row["reason"] != "public_holiday"
            for organization, absent_id, day, row in warehouse.absent_days(first, last)
            if (organization, absent_id) == (organization_id, user_id) and day in days
        )
        facts = (organization_id, user_id, person["name"], person["email"], name)
        result.append((*facts, lost, available, lost / available if available else None, POLICY))
    return sorted(result, key=lambda row: (row[0], row[7] is None, -(row[7] or 0), row[1]))


def lost_time_rate(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    rates = absence_rate_by_person(warehouse, first, last)
    members = counted_days_of_people(warehouse, first, last)
    result = []
    for organization_id in sorted({row[0] for row in rates}):
        own = [row for row in rates if row[0] == organization_id]
        lost, available = (sum(row[column] for row in own) for column in (5, 6))
        rate = lost / available if available else None
        average = average_people(warehouse, members, organization_id, first, last)
        counts = (lost, available, rate, len(own), average, lost / average)
        result.append((organization_id, *counts, POLICY))
    return result


def absence_rate(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    return lost_time_rate(warehouse, first, last)


def absence_rate_by_reason(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    members = counted_days_of_people(warehouse, first, last)
    result = []
    for organization_id, _, available, *_, policy in lost_time_rate(warehouse, first, last):
        lost: dict[str, list[int]] = defaultdict(list)
        for org, user_id, day, row in warehouse.absent_days(first, last):
            if org == organization_id and day in members.get((org, user_id), []) and row["is_working_day"]:
                lost[row["reason"]].append(user_id)
        for reason in sorted(lost.keys() - {"public_holiday"}, key=ORDER.__getitem__):
            days, people = len(lost[reason]), len(set(lost[reason]))
            rate = days / available if available else None
            result.append((organization_id, reason, days, available, rate, people, policy))
    return result


def peak_absence(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    members = counted_days_of_people(warehouse, first, last, until_snapshot=False)
    result = []
    for organization_id in sorted(warehouse.latest):
        absent: dict[date, int] = defaultdict(int)
        for org, _, day, _ in warehouse.absent_days(first, last):
            if org == organization_id:
                absent[day] += 1
        for day, count in absent.items():
            if sum(other > count for other in absent.values()) < 10:
                people = sum(day in days for key, days in members.items() if key[0] == organization_id)
                result.append((organization_id, day, count, count / people))
    return sorted(result, key=lambda row: (row[0], -row[2], row[1]))


def coverage_conflicts(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    days = warehouse.absence_days()
    result = []
    for organization_id, user_id, day, row in warehouse.absent_days(first, last):
        if row["is_cover_absent"]:
            cover = row["covering_user_id"]
            name = warehouse.people[organization_id, user_id]["name"]
            cover_name = warehouse.people[organization_id, cover]["name"]
            cover_reason = days[organization_id, cover, day]["reason"]
            facts = (organization_id, day, user_id, name, row["reason"], cover, cover_name)
            result.append((*facts, cover_reason, row["is_working_day"]))
    return sorted(result, key=lambda row: row[:3])


def coverage_rate(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    staying = warehouse.staying_people()
    groups: dict[tuple[int, str], list[tuple[int, bool, bool]]] = defaultdict(list)
    for organization_id, user_id, _, row in warehouse.absent_days(first, last):
        if row["is_working_day"]:
            cover = row["covering_user_id"]
            is_present = (organization_id, cover) in staying and not row["is_cover_absent"]
            groups[organization_id, row["reason"]].append((user_id, cover is not None, is_present))
    result = []
    for (organization_id, reason), rows in by_reason(groups):
        days, named, present = len(rows), sum(row[1] for row in rows), sum(row[2] for row in rows)
        shares = (named / days, present / days)
        result.append((organization_id, reason, days, named, present, *shares, count_people(rows)))
    return result


def cover_chains(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """Return the rows of the macro."""
    staying, days = warehouse.staying_people(), warehouse.absence_days()
    result = []
    for organization_id, user_id, day, row in warehouse.absent_days(first, last):
        if not row["is_cover_absent"]:
            continue
        chain, outcome = [user_id], None
        while outcome is None:
            cover = days[organization_id, chain[-1], day]["covering_user_id"]
            is_absent = (organization_id, cover, day) in days
            if cover is None:
                outcome = "nobody"
            elif cover in chain:
                outcome = "cycle"
            elif not is_absent:
                outcome = "present" if (organization_id, cover) in staying else "gone"
            if cover is not None:
                chain.append(cover)
        absent_covers = len(chain) - (1 if outcome == "nobody" else 2)
        name = warehouse.people[organization_id, user_id]["name"]
        text = " > ".join(map(str, chain))
        present = chain[-1] if outcome == "present" else None
        facts = (organization_id, day, user_id, name)
        result.append((*facts, text, absent_covers, outcome, present, row["is_working_day"]))
    return sorted(result, key=lambda row: row[:3])


def _days_and_people(rows: Group) -> tuple[int, int, int]:
    working = sum(row["is_working_day"] for _, row in rows)
    return len(rows), working, count_people(rows)
