"""Derive the days of work calendars, and assign the calendars to people.

Working days follow from the work week and from the holidays of the Python package `holidays`: the public holidays,
and those of the named categories. The version of the package is published, because the holidays of another version
can differ.
"""

import hashlib
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from importlib.metadata import version

import polars as pl

from transforms.days import FIRST_DAY, LAST_DAY
from transforms.errors import TransformError
from transforms.schema import CALENDAR_DAYS, CALENDARS, PERSON_CALENDARS

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MONDAY_TO_FRIDAY = "monday-to-friday"
"""The built-in calendar: Monday to Friday, without public holidays."""
PUBLIC = "public"
"""The category of `holidays` that each calendar with a country has."""


@dataclass(frozen=True)
class WorkCalendar:
    """One work calendar: the weekdays worked, and the country whose holidays are days off."""

    name: str
    work_week: tuple[str, ...] = WEEKDAYS[:5]
    country: str | None = None
    subdivision: str | None = None
    categories: tuple[str, ...] = ()
    """The categories of `holidays` whose days are days off beside the public holidays."""

    @property
    def holiday_categories(self) -> tuple[str, ...]:
        """All categories whose days are days off, `public` first and the others by name; none without a country."""
        return (PUBLIC, *sorted(set(self.categories) - {PUBLIC})) if self.country else ()

    @cached_property
    def holidays(self) -> dict[date, str]:
        """The name of each holiday from `FIRST_DAY` to `LAST_DAY`; empty without a country."""
        if self.country is None:
            return {}
        return find_holidays(self.country, self.subdivision, self.holiday_categories)

    @cached_property
    def working_days(self) -> pl.Series:
        """For each day from `FIRST_DAY` to `LAST_DAY`, in order, whether it is a working day."""
        days = pl.date_range(FIRST_DAY, LAST_DAY, eager=True)
        worked = [WEEKDAYS.index(name) + 1 for name in self.work_week]
        off = pl.Series(sorted(self.holidays), dtype=pl.Date)
        return days.dt.weekday().is_in(worked) & ~days.is_in(off.implode())

    @cached_property
    def rules(self) -> str:
        """A checksum of the working days, which differs if a single day differs."""
        return hashlib.sha256(bytes(self.working_days.to_list())).hexdigest()[:16]


@dataclass(frozen=True)
class CalendarPolicy:
    """All work calendars, and their assignment to people: by person, else by group, else the default.

    People are identified by user id, which takes precedence, or by e-mail address in lower case.
    """

    calendars: tuple[WorkCalendar, ...] = (WorkCalendar(MONDAY_TO_FRIDAY),)
    default: str = MONDAY_TO_FRIDAY
    people: Mapping[str | int, str] = field(default_factory=dict)
    group_members: Mapping[str | int, str] = field(default_factory=dict)

    @property
    def working_days(self) -> dict[str, pl.Series]:
        """For each calendar and each day from `FIRST_DAY` to `LAST_DAY`, whether it is a working day."""
        return {calendar.name: calendar.working_days for calendar in self.calendars}


def find_holidays(country: str, subdivision: str | None, categories: tuple[str, ...]) -> dict[date, str]:
    """Return the names of the holidays of the categories from `FIRST_DAY` to `LAST_DAY`, by date.

    Years outside the range of the package have none. Names are in English if the package has English names.
    Raise `TransformError` if the package lacks the country, the subdivision, or a category of the country.
    """
    import holidays  # noqa: PLC0415 - takes 0.3 s, and only calendars with a country need it

    entity = getattr(holidays, country, None) if len(country) == len("DE") and country.isupper() else None
    if entity is None:
        message = (
            f"country: expected an ISO 3166 code such as DE that the package holidays has, found {country!r}"
        )
        raise TransformError(message)
    subdivisions = (*entity.subdivisions, *entity.subdivisions_aliases)
    if subdivision is not None and subdivision not in subdivisions:
        expected = (
            f"one of {', '.join(subdivisions)}" if subdivisions else f"none, because {country} has none"
        )
        message = f"subdivision: expected {expected}, found {subdivision!r}"
        raise TransformError(message)
    unknown = [name for name in categories if name not in entity.supported_categories]
    if unknown:
        supported = ", ".join(sorted(entity.supported_categories))
        message = f"categories: expected categories of {country} ({supported}), found {', '.join(map(repr, unknown))}"
        raise TransformError(message)
    years = range(max(FIRST_DAY.year, entity.start_year), min(LAST_DAY.year, entity.end_year) + 1)
    with warnings.catch_warnings():
        # Some countries warn that they have fewer years, for example of lunar holidays: see docs/calendars.md.
        warnings.simplefilter("ignore", UserWarning)
        # Without a language the names would depend on the machine's locale.
        return dict(entity(years=years, subdiv=subdivision, categories=categories, language="en_US"))


def assign_calendars(people: pl.DataFrame, policy: CalendarPolicy) -> pl.DataFrame:
    """Return one row per person, as `PERSON_CALENDARS`, in the order of `people`.

    `people` has `organization_id`, `user_id` and `email`, which is null if it is unknown.
    """
    rules = {calendar.name: calendar.rules for calendar in policy.calendars}
    assignments = (policy.people, policy.group_members)
    assigned = people.select(
        "organization_id",
        "user_id",
        calendar=pl.coalesce(
            *(calendar for assignment in assignments for calendar in _look_up(assignment)),
            pl.lit(policy.default),
        ),
    ).with_columns(rules=pl.col("calendar").replace_strict(rules, return_dtype=pl.String))
    return PERSON_CALENDARS.check(assigned)


def _look_up(assignment: Mapping[str | int, str]) -> Iterable[pl.Expr]:
    """Yield the calendar that is assigned to the user id, and then to the e-mail address; null if none is."""
    by_id = {key: name for key, name in assignment.items() if isinstance(key, int)}
    by_email = {key: name for key, name in assignment.items() if isinstance(key, str)}
    email = pl.col("email").str.to_lowercase()
    for column, names in ((pl.col("user_id"), by_id), (email, by_email)):
        yield column.replace_strict(names, default=None, return_dtype=pl.String)


def build_calendars(policy: CalendarPolicy) -> pl.DataFrame:
    """Return one row per calendar, as `CALENDARS`, in the order of the policy."""
    rows = [
        {
            "calendar": calendar.name,
            "work_week": " ".join(calendar.work_week),
            "country": calendar.country,
            "subdivision": calendar.subdivision,
            "holiday_categories": " ".join(calendar.holiday_categories) or None,
            "is_default": calendar.name == policy.default,
            "holidays_version": version("holidays") if calendar.country else None,
        }
        for calendar in policy.calendars
    ]
    return CALENDARS.check(pl.DataFrame(rows, schema=CALENDARS.polars_schema))


def build_calendar_days(policy: CalendarPolicy, first: date, last: date) -> pl.DataFrame:
    """Return one row per calendar and date from `first` to `last`, both inclusive, as `CALENDAR_DAYS`.

    Both dates must be between `FIRST_DAY` and `LAST_DAY`.
    """
    dates = pl.date_range(first, last, eager=True)
    start, length = (first - FIRST_DAY).days, len(dates)
    frames = [
        pl.DataFrame(
            {
                "calendar": pl.repeat(calendar.name, length, eager=True),
                "date_on": dates,
                "is_working_day": calendar.working_days.slice(start, length),
                "holiday_name": dates.replace_strict(calendar.holidays, default=None, return_dtype=pl.String),
                "working_day_number": calendar.working_days.cum_sum().cast(pl.Int32).slice(start, length),
            }
        )
        for calendar in policy.calendars
    ]
    return CALENDAR_DAYS.check(pl.concat(frames))
