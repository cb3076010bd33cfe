"""The file of work calendars (`OOO_CALENDARS`), read into a policy; docs/calendars.md shows one."""

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


class _Group(_Strict):
    calendar: str
    members: list[_UserId | str]


class _File(_Strict):
    default: str = MONDAY_TO_FRIDAY
    calendars: dict[str, _Calendar] = {}
    people: dict[str, str] = {}
    groups: dict[str, _Group] = {}


def read_policy(path: Path | None) -> CalendarPolicy:
    """The policy in the file, or Monday to Friday for everyone without one.

    Raises `ConfigurationError` naming the file, the place in it, what was expected and what was found; people
    are named by their place, because their addresses are nobody else's business.
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
        problem = "; ".join(_explain(one) for one in error.errors(include_url=False))
    except (TransformError, _PolicyError) as error:
        problem = str(error)
    message = f"OOO_CALENDARS {path}: {problem}. Correct the file; docs/calendars.md shows one"
    raise ConfigurationError(message)


class _PolicyError(Exception):
    """The file is whole, but says something that can't be."""


def _check(content: _File) -> CalendarPolicy:
    calendars = [_build_calendar(name, one) for name, one in content.calendars.items()]
    named = {"default": content.default}
    named |= {f"people, entry {place}": name for place, name in enumerate(content.people.values(), start=1)}
    named |= {f"groups.{group}.calendar": one.calendar for group, one in content.groups.items()}
    known = {*content.calendars, MONDAY_TO_FRIDAY}
    for place, name in named.items():
        if name not in known:
            message = f"{place}: expected a calendar ({', '.join(sorted(known))}), found {name!r}"
            raise _PolicyError(message)
    if MONDAY_TO_FRIDAY in named.values():
        calendars.append(WorkCalendar(MONDAY_TO_FRIDAY))
    people = (
        (f"people, entry {place}", key, name) for place, (key, name) in enumerate(content.people.items(), 1)
    )
    members = (
        (f"groups.{group}.members, entry {place}", key, one.calendar)
        for group, one in content.groups.items()
        for place, key in enumerate(one.members, start=1)
    )
    return CalendarPolicy(tuple(calendars), content.default, _list_once(people), _list_once(members))


def _build_calendar(name: str, given: _Calendar) -> WorkCalendar:
    """The calendar, whose holidays are known. Raises `_PolicyError` if they are not."""
    if name == MONDAY_TO_FRIDAY or not name.strip():
        message = f"calendars: expected a name of your own, found {name!r}, which is built in or empty"
        raise _PolicyError(message)
    if given.subdivision is not None and given.country is None:
        message = (
            f"calendars.{name}: expected a country with the subdivision {given.subdivision!r}, found none"
        )
        raise _PolicyError(message)
    work_week = tuple(day for day in WEEKDAYS if day in given.work_week)
    calendar = WorkCalendar(name, work_week, given.country, given.subdivision)
    try:
        _ = calendar.holidays
    except TransformError as error:
        message = f"calendars.{name}.{error}"
        raise _PolicyError(message) from error
    return calendar


def _list_once(listed: Iterable[tuple[str, str | int, str]]) -> Mapping[str | int, str]:
    """Calendar by user id, or by e-mail address in small letters. `_PolicyError` if a person comes twice."""
    calendars: dict[str | int, str] = {}
    places: dict[str | int, str] = {}
    for place, written, calendar in listed:
        key = _person(place, written)
        if key in places:
            message = f"{place}: expected each person once, found one who is listed at {places[key]} too"
            raise _PolicyError(message)
        places[key], calendars[key] = place, calendar
    return calendars


def _person(place: str, written: str | int) -> str | int:
    """A user id as a number, whether quoted or not; an e-mail address in small letters."""
    text = str(written).strip().lower()
    if text.isdecimal():
        return int(text)
    if "@" not in text:
        message = f"{place}: expected a user id or an e-mail address, found neither"
        raise _PolicyError(message)
    return text


def _explain(problem: Any) -> str:
    """One problem of Pydantic's as text, without anyone's address."""
    place = ".".join("an address" if "@" in str(part) else str(part) for part in problem["loc"])
    found = problem["input"]
    shown = "" if isinstance(found, dict) or "@" in str(found) else f", found {found!r}"
    return f"{place}: {problem['msg']}{shown}"
