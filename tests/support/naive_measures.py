"""Every measure once more, in plain loops over what a `NaiveWarehouse` holds: no frame, no SQL."""

import sys
from datetime import date, datetime
from typing import Any

from tests.support.naive import NaiveWarehouse, days_between

Rows = list[tuple[Any, ...]]


def answer(warehouse: NaiveWarehouse, name: str, asked: dict[str, date | datetime]) -> Rows:
    """The rows that the macro `name` should give for the arguments `asked`, in its order."""
    if own := getattr(sys.modules[__name__], name, None):
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
                when = (starts_on, ends_on, version["calendar_days"], len(days))
                cover = version["covering_user_id"]
                how = (version["reason"], cover, version["has_notes"], version["valid_from"])
                found.append((*who, *when, *how))
    return sorted(found, key=lambda row: (row[0], row[4], row[2], row[1]))
