"""Every measure once more, in plain loops over what a `NaiveWarehouse` holds: no frame, no SQL."""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any

from tests.support import naive_teams
from tests.support.naive import ORDER, NaiveWarehouse, Row, days_between, materialized_days

Rows = list[tuple[Any, ...]]


def answer(warehouse: NaiveWarehouse, name: str, asked: dict[str, date | datetime]) -> Rows:
    """The rows that the macro `name` should give for the arguments `asked`, in its order."""
    if own := getattr(sys.modules[__name__], name, None) or getattr(naive_teams, name, None):
        rows: Rows = own(warehouse, *asked.values())
    else:
        rows = getattr(warehouse, name)(*asked.values())
    return rows


def as_of(warehouse: NaiveWarehouse, at: datetime, first: date, last: date) -> Rows:
    """The macro of that name."""
    found = []
    for organization_id in warehouse.latest:
        for entry_id, version in warehouse.as_of(organization_id, at).items():
            starts_on, ends_on = version["starts_on"], version["ends_on"]
            days = [day for day in days_between(first, last) if starts_on <= day <= ends_on]
            if days:
                user_id = version["user_id"]
                name = warehouse.people[organization_id, user_id]["name"]
                who = (organization_id, entry_id, user_id, name)
                working = warehouse.working_days(organization_id, version)
                when = (starts_on, ends_on, version["calendar_days"], working, len(days))
                cover = version["covering_user_id"]
                how = (version["reason"], cover, version["has_notes"], version["valid_from"])
                found.append((*who, *when, *how))
    return sorted(found, key=lambda row: (row[0], row[4], row[2], row[1]))


def lead_time(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """The macro of that name."""
    leads: dict[tuple[int, str], list[tuple[int, int | None]]] = defaultdict(list)
    for organization_id, _, entry in _starting(warehouse, first, last):
        user_id, seen_at = entry["user_id"], entry["first_seen_at"]
        whole_at = warehouse.first_complete.get(organization_id)
        person_since = warehouse.people[organization_id, user_id]["first_seen_at"]
        is_known = whole_at is not None and whole_at < seen_at and person_since < seen_at
        lead = (entry["starts_on"] - seen_at.date()).days if is_known else None
        leads[organization_id, entry["reason"]].append((user_id, lead))
    found = []
    for (organization_id, reason), rows in _by_reason(leads):
        known = [lead for _, lead in rows if lead is not None]
        late = sum(lead < 0 for lead in known)
        counts = (len(rows), len(known), len(known) / len(rows))
        found.append((organization_id, reason, *counts, _mean(known), _median(known), late, _people(rows)))
    return found


def cancelled_leave(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """The macro of that name."""
    cancelled: dict[tuple[int, str], list[tuple[int, bool, int, int]]] = defaultdict(list)
    for (organization_id, _), entry in sorted(warehouse.entries.items()):
        gone_at, user_id = entry["deleted_at"], entry["user_id"]
        if gone_at is None or warehouse.people[organization_id, user_id]["left_at"] == gone_at:
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
            _people(rows),
        )
        for (organization_id, reason), rows in _by_reason(cancelled)
    ]


def changed_leave(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """The macro of that name."""
    changes: dict[tuple[int, str], list[tuple[int, bool, int]]] = defaultdict(list)
    appeared = {
        (one["organization_id"], one["entry_id"]): one
        for one in warehouse.history
        if one["change"] == "appeared"
    }
    for organization_id, entry_id, now in _starting(warehouse, first, last):
        then = appeared[organization_id, entry_id]
        is_changed = (now["starts_on"], now["ends_on"]) != (then["starts_on"], then["ends_on"])
        added = now["calendar_days"] - then["calendar_days"]
        changes[organization_id, now["reason"]].append((now["user_id"], is_changed, added))
    found = []
    for (organization_id, reason), rows in _by_reason(changes):
        added = [days for _, is_changed, days in rows if is_changed]
        kinds = (
            sum(days < 0 for days in added),
            sum(days > 0 for days in added),
            sum(days == 0 for days in added),
        )
        share = len(added) / len(rows)
        found.append((organization_id, reason, len(rows), *kinds, share, sum(added), _people(rows)))
    return found


def absence_incidence(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """The macro of that name."""
    staying = _staying(warehouse)
    people: dict[int, int] = defaultdict(int)
    for organization_id, _ in staying:
        people[organization_id] += 1
    absent: dict[tuple[int, int, str], set[int]] = defaultdict(set)
    for organization_id, user_id, _, row in _absent(warehouse, first, last):
        if (organization_id, user_id) in staying:
            reason = row["reason"]
            absent[organization_id, ORDER[reason], reason].add(user_id)
            if reason != "public_holiday":
                absent[organization_id, len(ORDER), "any"].add(user_id)
    return [
        (
            organization_id,
            reason,
            len(users),
            people[organization_id],
            len(users) / people[organization_id],
        )
        for (organization_id, _, reason), users in sorted(absent.items())
    ]


def absence_by_weekday(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """The macro of that name."""
    groups: dict[tuple[int, str], list[tuple[int, int, bool]]] = defaultdict(list)
    for organization_id, user_id, day, row in _absent(warehouse, first, last):
        groups[organization_id, row["reason"]].append((user_id, day.isoweekday(), row["is_working_day"]))
    found = []
    for (organization_id, reason), rows in _by_reason(groups):
        all_working = sum(is_working for _, _, is_working in rows)
        for weekday in sorted({weekday for _, weekday, _ in rows}):
            here = [row for row in rows if row[1] == weekday]
            working = sum(is_working for _, _, is_working in here)
            share = working / all_working if all_working else None
            found.append((organization_id, reason, weekday, len(here), working, share, _people(here)))
    return found


def absence_by_year(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """The macro of that name."""
    groups: dict[tuple[int, int, int], list[tuple[int, Row]]] = defaultdict(list)
    for organization_id, user_id, day, row in _absent(warehouse, first, last):
        groups[organization_id, day.year, ORDER[row["reason"]]].append((user_id, row))
    found = []
    for (organization_id, year, _), rows in sorted(groups.items()):
        days = sum(day.year == year for day in days_between(first, last))
        working = sum(row["is_working_day"] for _, row in rows)
        counts = (len(rows), working, _people(rows), days, len(rows) / days)
        found.append((organization_id, year, rows[0][1]["reason"], *counts))
    return found


def absence_seasonality(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """The macro of that name."""
    groups: dict[tuple[int, str], list[int]] = defaultdict(list)
    for organization_id, _, day, row in _absent(warehouse, first, last):
        groups[organization_id, row["reason"]].append(day.month)
    calendar = list(days_between(first, last))
    found = []
    for (organization_id, reason), months in _by_reason(groups):
        for month in sorted({day.month for day in calendar}):
            days = [day for day in calendar if day.month == month]
            years = len({day.year for day in days})
            average = months.count(month) / len(days)
            index = average / (len(months) / len(calendar))
            counts = (years, months.count(month), len(days))
            found.append((organization_id, reason, month, *counts, average, index))
    return found


def coverage_rate(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """The macro of that name."""
    staying = _staying(warehouse)
    groups: dict[tuple[int, str], list[tuple[int, bool, bool]]] = defaultdict(list)
    for organization_id, user_id, _, row in _absent(warehouse, first, last):
        if row["is_working_day"]:
            cover = row["covering_user_id"]
            is_present = (organization_id, cover) in staying and not row["is_cover_absent"]
            groups[organization_id, row["reason"]].append((user_id, cover is not None, is_present))
    found = []
    for (organization_id, reason), rows in _by_reason(groups):
        days, named, present = len(rows), sum(row[1] for row in rows), sum(row[2] for row in rows)
        shares = (named / days, present / days)
        found.append((organization_id, reason, days, named, present, *shares, _people(rows)))
    return found


def cover_chains(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """The macro of that name."""
    staying, days = _staying(warehouse), warehouse.absence_days()
    found = []
    for organization_id, user_id, day, row in _absent(warehouse, first, last):
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
        covers = len(chain) - (1 if outcome == "nobody" else 2)
        name = warehouse.people[organization_id, user_id]["name"]
        text = " > ".join(str(one) for one in chain)
        present = chain[-1] if outcome == "present" else None
        who = (organization_id, day, user_id, name)
        found.append((*who, text, covers, outcome, present, row["is_working_day"]))
    return sorted(found, key=lambda row: row[:3])


def absence_spells(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """The macro of that name."""
    entries: dict[tuple[int, int, int], list[list[date]]] = defaultdict(list)
    for organization_id, _, entry in warehouse.live():
        if days := materialized_days(entry["starts_on"], entry["ends_on"]):
            entries[organization_id, entry["user_id"], ORDER[entry["reason"]]].append(days)
    found = []
    for (organization_id, user_id, reason), spans in sorted(entries.items()):
        is_working = warehouse.calendar_of(organization_id, user_id)[1].is_working
        for starts_on, ends_on in _stretches({day for days in spans for day in days}, is_working):
            whole = days_between(starts_on, ends_on)
            count = sum(starts_on <= days[0] <= ends_on for days in spans)
            if first <= last and starts_on <= last and ends_on >= first:
                lengths = (len(whole), sum(map(is_working, whole)))
                code = list(ORDER)[reason]
                found.append((organization_id, user_id, code, starts_on, ends_on, *lengths, count))
    return found


def spell_frequency(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """The macro of that name."""
    staying = _staying(warehouse)
    groups: dict[tuple[int, str], list[tuple[int]]] = defaultdict(list)
    for organization_id, user_id, reason, starts_on, *_ in absence_spells(warehouse, first, last):
        if starts_on >= first and (organization_id, user_id) in staying:
            groups[organization_id, reason].append((user_id,))
    found = []
    for (organization_id, reason), rows in _by_reason(groups):
        people = sum(org == organization_id for org, _ in staying)
        found.append((organization_id, reason, len(rows), _people(rows), people, len(rows) / people))
    return found


def spell_duration(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """The macro of that name."""
    groups: dict[tuple[int, str], list[tuple[int, int, int]]] = defaultdict(list)
    for organization_id, user_id, reason, starts_on, _, *lengths, _ in absence_spells(warehouse, first, last):
        if starts_on >= first:
            groups[organization_id, reason].append((user_id, *lengths))
    found = []
    for (organization_id, reason), rows in _by_reason(groups):
        measured: list[Any] = []
        for place in (1, 2):
            days = [row[place] for row in rows]
            measured += [_mean(days), _median(days), max(days)]
        found.append((organization_id, reason, len(rows), *measured, _people(rows)))
    return found


def longest_absence(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """The macro of that name."""
    groups: dict[tuple[int, int], set[date]] = defaultdict(set)
    for organization_id, user_id, day, _ in _absent(warehouse, first, last):
        groups[organization_id, user_id].add(day)
    found = []
    for key, days in groups.items():
        is_working = warehouse.calendar_of(*key)[1].is_working
        strict = _longest(_stretches(days, lambda _: True))
        unbroken = _longest(_stretches(days, is_working))
        working = sum(map(is_working, days_between(*unbroken[1:])))
        found.append((*key, warehouse.people[key]["name"], *strict, *unbroken, working))
    return sorted(found, key=lambda row: (row[0], -row[6], -row[3], row[1]))


def bradford_factor(warehouse: NaiveWarehouse, first: date, last: date) -> Rows:
    """The macro of that name."""
    spells: dict[tuple[int, int], list[int]] = defaultdict(list)
    for organization_id, user_id, reason, starts_on, ends_on, *_ in absence_spells(warehouse, first, last):
        is_working = warehouse.calendar_of(organization_id, user_id)[1].is_working
        within = days_between(max(starts_on, first), min(ends_on, last))
        if reason == "sick" and (organization_id, user_id) in _staying(warehouse):
            spells[organization_id, user_id].append(sum(map(is_working, within)))
    found = []
    for key, lengths in spells.items():
        count, days = sum(length > 0 for length in lengths), sum(lengths)
        if count:
            found.append((*key, warehouse.people[key]["name"], count, days, count**2 * days))
    return sorted(found, key=lambda row: (row[0], -row[5], row[1]))


def _stretches(days: set[date], is_breaking: Callable[[date], bool]) -> list[tuple[date, date]]:
    """The first and last of the days that have no breaking day between them, ascending."""
    found: list[tuple[date, date]] = []
    for day in sorted(days):
        if found:
            first, last = found[-1]
            between = days_between(last, day)[1:-1]
            if not any(map(is_breaking, between)):
                found[-1] = (first, day)
                continue
        found.append((day, day))
    return found


def _longest(stretches: list[tuple[date, date]]) -> tuple[int, date, date]:
    """The days, first and last of the longest, of the earliest among equals."""
    first, last = max(stretches, key=lambda one: (one[1] - one[0], -one[0].toordinal()))
    return (last - first).days + 1, first, last


def _absent(warehouse: NaiveWarehouse, first: date, last: date) -> Iterable[tuple[int, int, date, Row]]:
    """The absence days in the range, ascending by organization, person and day."""
    for (organization_id, user_id, day), row in sorted(warehouse.absence_days().items()):
        if first <= day <= last:
            yield organization_id, user_id, day, row


def _starting(warehouse: NaiveWarehouse, first: date, last: date) -> Iterable[tuple[int, int, Row]]:
    """The live entries that have days and start in the range."""
    for organization_id, entry_id, entry in warehouse.live():
        if entry["starts_on"] <= entry["ends_on"] and first <= entry["starts_on"] <= last:
            yield organization_id, entry_id, entry


def _staying(warehouse: NaiveWarehouse) -> set[tuple[int, int]]:
    return {key for key, person in warehouse.people.items() if person["left_at"] is None}


def _by_reason(groups: dict[tuple[int, str], list[Any]]) -> list[tuple[tuple[int, str], list[Any]]]:
    """The groups by organization and the reason's precedence."""
    return sorted(groups.items(), key=lambda group: (group[0][0], ORDER[group[0][1]]))


def _people(rows: Iterable[tuple[Any, ...]]) -> int:
    """How many different people the rows are of; a row begins with the user id."""
    return len({row[0] for row in rows})


def _mean(values: list[int]) -> float | None:
    return sum(values) / len(values) if values else None


def _median(values: list[int]) -> float | None:
    """The middle value; of an even number of values, the mean of the middle two."""
    ordered = sorted(values)
    middle = ordered[(len(ordered) - 1) // 2 : len(ordered) // 2 + 1]
    return _mean(middle)
