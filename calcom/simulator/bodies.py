"""The bodies of POST and PATCH, checked as Cal.com's DTOs and its out-of-office service check them.

Both ends become whole UTC days; the service then refuses, in this order: one end without the other,
an end before the start, a cover that is absent and redirects back, an exact repeat, a redirect to
oneself, and a redirect to somebody outside the organization.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any, cast

from calcom.simulator.errors import bad_request, conflict, invalid_input
from calcom.simulator.queries import Constraints, validation_error
from calcom.simulator.records import REASON_NAMES
from calcom.simulator.world import EntryChanges, World

_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3})?Z")
_TIME_OF_DAY = {"start": "T00:00:00.000Z", "end": "T23:59:59.999Z"}
_FIELDS = ("start", "end", "notes", "toUserId", "reason")


def read_entry_body(body: bytes, *, is_new: bool) -> EntryChanges:
    """The checked changes of a body; only a new entry must have both ends."""
    given = _parse_object(body)
    target = {name: given[name] for name in _FIELDS if name in given}
    for name in ("start", "end"):
        if name in target:
            target[name] = _whole_day(name, target[name])
    errors = [
        validation_error(target, name, broken)
        for name in _FIELDS
        if (broken := _broken_constraints(name, target, is_new=is_new))
    ]
    if errors:
        raise invalid_input(errors)
    if "toUserId" in target:
        target["to_user_id"] = target.pop("toUserId")
    return cast("EntryChanges", target)


def check_entry(world: World, user_id: int, changes: EntryChanges) -> None:
    """Raise the refusal of Cal.com's out-of-office service, if it has one."""
    start, end, cover = changes.get("start"), changes.get("end"), changes.get("to_user_id")
    if (start is None) != (end is None):
        raise bad_request("Please specify both ooo start and end time.")
    if start is not None and end is not None:
        _check_period(world, user_id, str(start), str(end), cover)
    if cover and cover == user_id:
        raise bad_request("Cannot redirect to self.")
    if cover and not world.has_member(cover):
        raise bad_request("Cannot redirect to this user.")


def _check_period(world: World, user_id: int, start: str, end: str, cover: int | None) -> None:
    if start > end:
        raise bad_request("Start date must be before end date.")
    redirects_back = (
        row.start <= end and row.end >= start and cover in (None, row.user_id)
        for row in world.rows_covered_by(user_id)
    )
    if any(redirects_back):
        raise bad_request("Booking redirect infinite not allowed.")
    if any((row.start, row.end) == (start, end) for row in world.rows_of(user_id)):
        raise conflict("Ooo entry already exists.")


def _parse_object(body: bytes) -> dict[str, Any]:
    try:
        parsed = json.loads(body or b"{}")
    except ValueError as error:
        raise bad_request(f"Unexpected input in JSON: {error}") from error
    return parsed if isinstance(parsed, dict) else {}


def _whole_day(name: str, value: object) -> str:
    """The first or last millisecond of the instant's UTC day; anything without a Z is refused."""
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise bad_request("Invalid Date.")
    try:
        day = datetime.fromisoformat(value).astimezone(UTC).date()
    except ValueError as error:
        raise bad_request("Invalid Date.") from error
    return f"{day}{_TIME_OF_DAY[name]}"


def _broken_constraints(name: str, target: dict[str, Any], *, is_new: bool) -> Constraints:
    if name in _TIME_OF_DAY:
        missing = is_new and name not in target
        return {"isDate": f"{name} must be a Date instance"} if missing else {}
    value = target.get(name)
    if value is None:
        return {}
    if name == "notes" and not isinstance(value, str):
        return {"isString": "notes must be a string"}
    if name == "toUserId" and type(value) is not int:
        return {"isInt": "toUserId must be an integer number"}
    if name == "reason" and value not in REASON_NAMES.values():
        known = ", ".join(REASON_NAMES.values())
        return {"isEnum": f"reason must be one of the following values: {known}"}
    return {}
