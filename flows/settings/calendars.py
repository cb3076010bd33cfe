"""Read the file of work calendars (`OOO_CALENDARS`) into a policy. docs/calendars.md describes the file."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flows.settings.errors import ConfigurationError
from transforms.calendars import MONDAY_TO_FRIDAY, WEEKDAYS, CalendarPolicy, WorkCalendar
from transforms.errors import TransformError

_Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_UserId = Annotated[int, Field(ge=1, le=2**63 - 1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Calendar(_Strict):
    work_week: Annotated[list[_Weekday], Field(min_length=1)] = ["mon", "tue", "wed", "thu", "fri"]
    country: str | None = None
    subdivision: str | None = None
    categories: list[str] = []


class _Group(_Strict):
    calendar: str
    members: list[_UserId | str]


class _File(_Strict):
    default: str = MONDAY_TO_FRIDAY
    calendars: dict[str, _Calendar] = {}
    people: dict[str, str] = {}
    groups: dict[str, _Group] = {}


def read_policy(path: Path | None) -> CalendarPolicy:
    """Return the policy of the file. Without a file, every person works from Monday to Friday.

    Raises `ConfigurationError` with the file, the position in it, the expected and the found value. The message
    names a person by the position in the file, because e-mail addresses are personal data.
    """
    if path is None:
        return CalendarPolicy()
    try:
        content = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        return _check(content)
    except OSError as error:
        problem = f"expected a readable file, found: {error.strerror}"
    except UnicodeDecodeError as error:
        problem = f"expected UTF-8 text, found: {error.reason}"
    except tomllib.TOMLDecodeError as error:
        problem = f"expected TOML, found {error}"
    except ValidationError as error:
        problem = "; ".join(_explain(invalid) for invalid in error.errors(include_url=False))
    except (TransformError, _PolicyError) as error:
        problem = str(error)
    message = f"OOO_CALENDARS {path}: {problem}. Correct the file; docs/calendars.md describes it"
    raise ConfigurationError(message)


class _PolicyError(Exception):
    """The file is valid TOML, but its values contradict each other."""


def _check(content: _File) -> CalendarPolicy:
    calendars = [_build_calendar(name, table) for name, table in content.calendars.items()]
    uses = {"default": content.default}
    uses |= {f"people, entry {number}": name for number, name in enumerate(content.people.values(), start=1)}
    uses |= {f"groups.{name}.calendar": group.calendar for name, group in content.groups.items()}
    declared = {*content.calendars, MONDAY_TO_FRIDAY}
    for position, name in uses.items():
        if name not in declared:
            message = f"{position}: expected a calendar ({', '.join(sorted(declared))}), found {name!r}"
            raise _PolicyError(message)
    if MONDAY_TO_FRIDAY in uses.values():
        calendars.append(WorkCalendar(MONDAY_TO_FRIDAY))
    people = (
        (f"people, entry {number}", person, name)
        for number, (person, name) in enumerate(content.people.items(), start=1)
    )
    members = (
        (f"groups.{name}.members, entry {number}", person, group.calendar)
        for name, group in content.groups.items()
        for number, person in enumerate(group.members, start=1)
    )
    return CalendarPolicy(
        tuple(calendars), content.default, _calendar_by_person(people), _calendar_by_person(members)
    )


def _build_calendar(name: str, table: _Calendar) -> WorkCalendar:
    """Return the calendar of a table. Raise `_PolicyError` if its name or its holidays are unusable."""
    if name == MONDAY_TO_FRIDAY or not name.strip():
        message = f"calendars: expected a name of your own, found {name!r}, which is built in or empty"
        raise _PolicyError(message)
    if table.country is None and (table.subdivision is not None or table.categories):
        part = "categories" if table.subdivision is None else f"subdivision {table.subdivision!r}"
        message = f"calendars.{name}: expected a country with the {part}, found none"
        raise _PolicyError(message)
    work_week = tuple(day for day in WEEKDAYS if day in table.work_week)
    calendar = WorkCalendar(name, work_week, table.country, table.subdivision, tuple(table.categories))
    try:
        _ = calendar.holidays
    except TransformError as error:
        message = f"calendars.{name}.{error}"
        raise _PolicyError(message) from error
    return calendar


def _calendar_by_person(assignments: Iterable[tuple[str, str | int, str]]) -> Mapping[str | int, str]:
    """Return the calendar by user id, or by lower-case e-mail address.

    An assignment is a position in the file, a person and a calendar. Raises `_PolicyError` for a person with two
    assignments.
    """
    calendars: dict[str | int, str] = {}
    positions: dict[str | int, str] = {}
    for position, person, calendar in assignments:
        key = _key_of(position, person)
        if key in positions:
            message = f"{position}: expected each person once, but {positions[key]} is the same person"
            raise _PolicyError(message)
        positions[key], calendars[key] = position, calendar
    return calendars


def _key_of(position: str, person: str | int) -> str | int:
    """Return a user id as a number, quoted or not, and an e-mail address in lower case."""
    text = str(person).strip().lower()
    if text.isdecimal():
        return int(text)
    if "@" not in text:
        message = f"{position}: expected a user id or an e-mail address, found neither"
        raise _PolicyError(message)
    return text


def _explain(invalid: Any) -> str:
    """Return one of Pydantic's validation errors as text, without e-mail addresses."""
    position = ".".join("an address" if "@" in str(part) else str(part) for part in invalid["loc"])
    value = invalid["input"]
    shown = "" if isinstance(value, dict) or "@" in str(value) else f", found {value!r}"
    return f"{position}: {invalid['msg']}{shown}"
