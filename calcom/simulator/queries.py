"""Query strings read as Cal.com's DTOs read them: JavaScript's parseInt, then class-validator.

Observed and reproduced: `1e2` is 1 and `1.9` is 1, an empty number is the default, the first of
repeated numbers counts, unknown keys are dropped, and all fields are checked before the answer.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl

from calcom.simulator.errors import invalid_input

_LEADING_INTEGER = re.compile(r"\s*([+-]?\d+)")
_EMAIL = re.compile(r"[^\s@,]+@[^\s@,]+\.[^\s@,.]+")

Constraints = dict[str, str]


def parse_int(text: str) -> int | None:
    """The leading integer of the text, like JavaScript's parseInt; None stands for NaN."""
    match = _LEADING_INTEGER.match(text)
    return int(match[1]) if match else None


class Field(Protocol):
    """One property of a DTO: how it is read and what is wrong with it."""

    @property
    def name(self) -> str:
        """The property's name, which is also the query key."""

    @property
    def default(self) -> Any:
        """The value of the property when the key is missing; None for none."""

    def read(self, values: Sequence[str]) -> Any:
        """The value after the DTO's transform."""

    def broken_constraints(self, value: Any) -> Constraints:
        """The constraints that the value breaks, in class-validator's order."""


@dataclass(frozen=True, slots=True)
class WholeNumber:
    """A page parameter. The last declared constraint is reported first, as class-validator does."""

    name: str
    minimum: int
    maximum: int | None = None
    default: int | None = None
    when_empty: int | None = None

    def read(self, values: Sequence[str]) -> int | None:
        """JavaScript parses a list as its items joined by commas, so the first one counts."""
        text = ",".join(values)
        return parse_int(text) if text else self.when_empty

    def broken_constraints(self, value: int | None) -> Constraints:
        """NaN breaks every constraint."""
        name, broken = self.name, Constraints()
        if self.maximum is not None and (value is None or value > self.maximum):
            broken["max"] = f"{name} must not be greater than {self.maximum}"
        if value is None or value < self.minimum:
            broken["min"] = f"{name} must not be less than {self.minimum}"
        if value is None:
            broken["isNumber"] = f"{name} must be a number conforming to the specified constraints"
        return broken


def _single_or_list(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)


@dataclass(frozen=True, slots=True)
class SortOrder:
    """`asc` or `desc`, in lower case."""

    name: str
    default: None = None

    def read(self, values: Sequence[str]) -> str | list[str]:
        """A repeated key gives a list."""
        return _single_or_list(values)

    def broken_constraints(self, value: str | list[str]) -> Constraints:
        """Anything else is refused, a list too."""
        if value in ("asc", "desc"):
            return {}
        label = self.name[0].upper() + self.name[1:]
        return {"isEnum": f'{label} must be either "asc" or "desc".'}


@dataclass(frozen=True, slots=True)
class Text:
    """A string that is not checked any further: `email` need not be an address."""

    name: str
    default: None = None

    def read(self, values: Sequence[str]) -> str | list[str]:
        """A repeated key gives a list."""
        return _single_or_list(values)

    def broken_constraints(self, value: str | list[str]) -> Constraints:
        """A list is refused."""
        return {} if isinstance(value, str) else {"isString": f"{self.name} must be a string"}


@dataclass(frozen=True, slots=True)
class Emails:
    """Addresses as repeated keys; a comma list is not an address."""

    name: str = "emails"
    default: None = None

    def read(self, values: Sequence[str]) -> list[str]:
        """Always a list."""
        return list(values)

    def broken_constraints(self, value: list[str]) -> Constraints:
        """Every item must be an address."""
        if all(_EMAIL.fullmatch(address) for address in value):
            return {}
        return {"IsEmailStringOrArray": "Please submit only valid email addresses"}


@dataclass(frozen=True, slots=True)
class TeamIds:
    """Team ids as one comma list; repeated keys are not parsed and therefore refused."""

    name: str = "teamIds"
    default: None = None

    def read(self, values: Sequence[str]) -> Any:
        """Numbers from a comma list, the texts themselves from repeated keys."""
        if len(values) > 1:
            return list(values)
        return [parse_int(item) for item in values[0].split(",")]

    def broken_constraints(self, value: list[int | str | None]) -> Constraints:
        """Every item must be a number."""
        if all(isinstance(item, int) for item in value):
            return {}
        text = "each value in teamIds must be a number conforming to the specified constraints"
        return {"isNumber": text}


@dataclass(frozen=True, slots=True)
class QueryShape:
    """A DTO for a query string; `constants` are properties that the class sets itself."""

    fields: tuple[Field, ...]
    constants: Mapping[str, str]

    def read(self, query: bytes) -> dict[str, Any]:
        """The checked properties; raises the 400 that lists every broken one."""
        given: dict[str, list[str]] = {}
        for key, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True):
            given.setdefault(key, []).append(value)
        fields = {field.name: field for field in self.fields}
        target: dict[str, Any] = dict(self.constants)
        target |= {f.name: f.default for f in self.fields if f.default is not None}
        target |= {name: fields[name].read(given[name]) for name in given if name in fields}
        errors = [
            validation_error(target, name, broken)
            for name, field in fields.items()
            if name in target and (broken := field.broken_constraints(target[name]))
        ]
        if errors:
            raise invalid_input(errors)
        return target


def validation_error(target: Mapping[str, Any], name: str, constraints: Constraints) -> dict[str, Any]:
    """One error of class-validator; a property that was not given has no value."""
    error: dict[str, Any] = {"target": dict(target)}
    if name in target:
        error["value"] = target[name]
    return error | {"property": name, "children": [], "constraints": constraints}


def _page_fields(max_take: int, *, defaults: bool) -> tuple[Field, Field]:
    """`take` and `skip`; the pagination class sets their defaults, the users' DTO does not."""
    take = WholeNumber("take", 1, max_take, 250 if defaults else None, when_empty=250)
    skip = WholeNumber("skip", 0, None, 0 if defaults else None, when_empty=0)
    return take, skip


PAGE = QueryShape(_page_fields(250, defaults=True), {})
USER_ENTRIES = QueryShape((*PAGE.fields, SortOrder("sortStart"), SortOrder("sortEnd")), {})
ORGANIZATION_ENTRIES = QueryShape((*USER_ENTRIES.fields, Text("email")), {})
ORGANIZATION_USERS = QueryShape(
    (*_page_fields(1000, defaults=False), Emails(), TeamIds()), {"attributeQueryOperator": "AND"}
)
MANAGED_USERS = QueryShape(
    (
        WholeNumber("limit", 1, 250, when_empty=50),
        WholeNumber("offset", 0, 250, when_empty=0),
        Emails(),
    ),
    {},
)
