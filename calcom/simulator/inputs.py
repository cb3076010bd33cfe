"""Query strings and bodies, parsed and validated like Cal.com's DTOs and its out-of-office service.

Query strings are parsed with JavaScript's parseInt and validated by class-validator. Observed: `1e2` is 1
and `1.9` is 1. An empty number is the default. The first of repeated numbers counts, and unknown keys are
dropped. All fields are validated before the response.

The start and end of an entry become whole UTC days. The service then refuses, in this order:

* a start without an end, or the reverse;
* an end before the start;
* a redirect to an absent user who redirects back;
* an exact repetition;
* a redirect to the same user;
* a redirect to a user outside the organization.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, cast
from urllib.parse import parse_qsl

from calcom.simulator.errors import bad_request, conflict, invalid_input
from calcom.simulator.records import REASON_NAMES
from calcom.simulator.world import EntryChanges, World

MAX_TAKE = 250

_LEADING_INTEGER = re.compile(r"\s*([+-]?\d+)")
_EMAIL = re.compile(r"[^\s@,]+@[^\s@,]+\.[^\s@,.]+")
_INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{3})?Z")
_TIME_OF_DAY = {"start": "T00:00:00.000Z", "end": "T23:59:59.999Z"}
_BODY_FIELDS = ("start", "end", "notes", "toUserId", "reason")

Constraints = dict[str, str]


def parse_int(text: str) -> int | None:
    """Return the leading integer of the text, like JavaScript's parseInt; None stands for NaN."""
    match = _LEADING_INTEGER.match(text)
    return int(match[1]) if match else None


class Field(Protocol):
    """One property of a DTO for a query string."""

    @property
    def name(self) -> str:
        """The name of the property, which is also the query key."""

    @property
    def default(self) -> Any:
        """The value of the property if the key is missing; None if it has no default."""

    def parse(self, values: Sequence[str]) -> Any:
        """Return the value after the transform of the DTO."""

    def broken_constraints(self, value: Any) -> Constraints:
        """Return the constraints that the value breaks, in the order of class-validator."""


@dataclass(frozen=True, slots=True)
class WholeNumber:
    """A page parameter. class-validator reports the constraint that is declared last first."""

    name: str
    minimum: int
    maximum: int | None = None
    default: int | None = None
    when_empty: int | None = None

    def parse(self, values: Sequence[str]) -> int | None:
        """Return the first number: JavaScript joins the values by commas before it parses them."""
        text = ",".join(values)
        return parse_int(text) if text else self.when_empty

    def broken_constraints(self, value: int | None) -> Constraints:
        """Return the broken constraints; NaN breaks every constraint."""
        name, broken = self.name, Constraints()
        if self.maximum is not None and (value is None or value > self.maximum):
            broken["max"] = f"{name} must not be greater than {self.maximum}"
        if value is None or value < self.minimum:
            broken["min"] = f"{name} must not be less than {self.minimum}"
        if value is None:
            broken["isNumber"] = f"{name} must be a number conforming to the specified constraints"
        return broken


@dataclass(frozen=True, slots=True)
class SortOrder:
    """`asc` or `desc`, in lower case."""

    name: str
    default: None = None

    def parse(self, values: Sequence[str]) -> str | list[str]:
        """Return the text, or a list for a repeated key."""
        return _single_or_list(values)

    def broken_constraints(self, value: str | list[str]) -> Constraints:
        """Return a constraint for any other value, a list included."""
        if value in ("asc", "desc"):
            return {}
        label = self.name[0].upper() + self.name[1:]
        return {"isEnum": f'{label} must be either "asc" or "desc".'}


@dataclass(frozen=True, slots=True)
class Text:
    """A string without further validation: `email` need not be an address."""

    name: str
    default: None = None

    def parse(self, values: Sequence[str]) -> str | list[str]:
        """Return the text, or a list for a repeated key."""
        return _single_or_list(values)

    def broken_constraints(self, value: str | list[str]) -> Constraints:
        """Return a constraint for a list."""
        return {} if isinstance(value, str) else {"isString": f"{self.name} must be a string"}


@dataclass(frozen=True, slots=True)
class Emails:
    """Addresses as repeated keys; a comma-separated list is not an address."""

    name: str = "emails"
    default: None = None

    def parse(self, values: Sequence[str]) -> list[str]:
        """Return the texts as a list."""
        return list(values)

    def broken_constraints(self, value: list[str]) -> Constraints:
        """Return a constraint unless every item is an address."""
        if all(_EMAIL.fullmatch(address) for address in value):
            return {}
        return {"IsEmailStringOrArray": "Please submit only valid email addresses"}


@dataclass(frozen=True, slots=True)
class TeamIds:
    """Team ids as one comma-separated list; repeated keys are not parsed, and therefore refused."""

    name: str = "teamIds"
    default: None = None

    def parse(self, values: Sequence[str]) -> Any:
        """Return numbers for a comma-separated list, and the texts themselves for repeated keys."""
        if len(values) > 1:
            return list(values)
        return [parse_int(item) for item in values[0].split(",")]

    def broken_constraints(self, value: list[int | str | None]) -> Constraints:
        """Return a constraint unless every item is a number."""
        if all(isinstance(item, int) for item in value):
            return {}
        text = "each value in teamIds must be a number conforming to the specified constraints"
        return {"isNumber": text}


@dataclass(frozen=True, slots=True)
class QueryShape:
    """A DTO for a query string; `constants` are properties that the class itself sets."""

    fields: tuple[Field, ...]
    constants: Mapping[str, str]

    def parse(self, query: bytes) -> dict[str, Any]:
        """Return the valid properties; raise the 400 that lists every broken constraint."""
        texts: dict[str, list[str]] = {}
        for key, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
            texts.setdefault(key, []).append(value)
        fields = {field.name: field for field in self.fields}
        target: dict[str, Any] = dict(self.constants)
        target |= {name: field.default for name, field in fields.items() if field.default is not None}
        target |= {name: fields[name].parse(texts[name]) for name in texts if name in fields}
        errors = [
            _validation_error(target, name, broken)
            for name, field in fields.items()
            if name in target and (broken := field.broken_constraints(target[name]))
        ]
        if errors:
            raise invalid_input(errors)
        return target


def _single_or_list(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


def _validation_error(target: Mapping[str, Any], name: str, constraints: Constraints) -> dict[str, Any]:
    """Return one error of class-validator; a missing property has no value."""
    error: dict[str, Any] = {"target": dict(target)}
    if name in target:
        error["value"] = target[name]
    return error | {"property": name, "children": [], "constraints": constraints}


def _page_fields(max_take: int, *, defaults: bool) -> tuple[Field, Field]:
    """Return `take` and `skip`; the pagination class sets their defaults, the users' DTO does not."""
    take = WholeNumber("take", 1, max_take, MAX_TAKE if defaults else None, when_empty=MAX_TAKE)
    skip = WholeNumber("skip", 0, None, 0 if defaults else None, when_empty=0)
    return take, skip


PAGE = QueryShape(_page_fields(MAX_TAKE, defaults=True), {})
USER_ENTRIES = QueryShape((*PAGE.fields, SortOrder("sortStart"), SortOrder("sortEnd")), {})
ORGANIZATION_ENTRIES = QueryShape((*USER_ENTRIES.fields, Text("email")), {})
ORGANIZATION_USERS = QueryShape(
    (*_page_fields(1000, defaults=False), Emails(), TeamIds()), {"attributeQueryOperator": "AND"}
)
MANAGED_USERS = QueryShape(
    (
        WholeNumber("limit", 1, MAX_TAKE, when_empty=50),
        WholeNumber("offset", 0, MAX_TAKE, when_empty=0),
        Emails(),
    ),
    {},
)


def parse_entry_body(body: bytes, *, is_new: bool) -> EntryChanges:
    """Return the valid changes of a body; only a new entry must have a start and an end."""
    document = _parse_object(body)
    target = {name: document[name] for name in _BODY_FIELDS if name in document}
    for name in _TIME_OF_DAY:
        if name in target:
            target[name] = _whole_day(name, target[name])
    errors = [
        _validation_error(target, name, broken)
        for name in _BODY_FIELDS
        if (broken := _broken_body_constraints(name, target, is_new=is_new))
    ]
    if errors:
        raise invalid_input(errors)
    if "toUserId" in target:
        target["to_user_id"] = target.pop("toUserId")
    return cast("EntryChanges", target)


def check_entry(world: World, user_id: int, changes: EntryChanges) -> None:
    """Raise the refusal of Cal.com's out-of-office service, if the changes cause one."""
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
        document = json.loads(body or b"{}")
    except ValueError as error:
        raise bad_request(f"Unexpected input in JSON: {error}") from error
    return document if isinstance(document, dict) else {}


def _whole_day(name: str, value: object) -> str:
    """Return the first or last millisecond of the instant's UTC day; raise 400 for a text without a Z."""
    if not isinstance(value, str) or not _INSTANT.fullmatch(value):
        raise bad_request("Invalid Date.")
    try:
        day = datetime.fromisoformat(value).astimezone(UTC).date()
    except ValueError as error:
        raise bad_request("Invalid Date.") from error
    return f"{day}{_TIME_OF_DAY[name]}"


def _broken_body_constraints(name: str, target: dict[str, Any], *, is_new: bool) -> Constraints:
    if name in _TIME_OF_DAY:
        is_missing = is_new and name not in target
        return {"isDate": f"{name} must be a Date instance"} if is_missing else {}
    value = target.get(name)
    if value is None:
        return {}
    if name == "notes" and not isinstance(value, str):
        return {"isString": "notes must be a string"}
    if name == "toUserId" and type(value) is not int:
        return {"isInt": "toUserId must be an integer number"}
    if name == "reason" and value not in REASON_NAMES.values():
        names = ", ".join(REASON_NAMES.values())
        return {"isEnum": f"reason must be one of the following values: {names}"}
    return {}
