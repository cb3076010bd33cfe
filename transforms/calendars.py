"""Work calendars: which days are working days, by work week and public holidays, and whose calendar is which.

Public holidays are those of the `holidays` package; its version is part of what is published, because
another version may know other holidays.
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
"""The calendar that needs no file: Monday to Friday, without public holidays."""


@dataclass(frozen=True)
class WorkCalendar:
    """One work calendar: the weekdays worked, and the country whose public holidays are days off."""

    name: str
    work_week: tuple[str, ...] = WEEKDAYS[:5]
    country: str | None = None
    subdivision: str | None = None

    @cached_property
    def holidays(self) -> dict[date, str]:
        """The name of every public holiday from `FIRST_DAY` to `LAST_DAY`; none without a country."""
        return find_holidays(self.country, self.subdivision) if self.country else {}

    @cached_property
    def working_days(self) -> pl.Series:
        """Whether each day from `FIRST_DAY` to `LAST_DAY` is a working day, in order."""
        days = pl.date_range(FIRST_DAY, LAST_DAY, eager=True)
        worked = [WEEKDAYS.index(name) + 1 for name in self.work_week]
        off = pl.Series(sorted(self.holidays), dtype=pl.Date)
        return days.dt.weekday().is_in(worked) & ~days.is_in(off.implode())

    @cached_property
    def rules(self) -> str:
        """A checksum of the working days: it differs if a single one does."""
        return hashlib.sha256(bytes(self.working_days.to_list())).hexdigest()[:16]


@dataclass(frozen=True)
class CalendarPolicy:
    """Every work calendar, and whose it is: a person's own, else their group's, else the default.

    People are named by user id or by e-mail address in small letters; the id wins. A team would be one more
    kind of group: `assign_calendars` is where its members would be looked up.
    """

    calendars: tuple[WorkCalendar, ...] = (WorkCalendar(MONDAY_TO_FRIDAY),)
    default: str = MONDAY_TO_FRIDAY
    people: Mapping[str | int, str] = field(default_factory=dict)
    group_members: Mapping[str | int, str] = field(default_factory=dict)

    @property
    def working_days(self) -> dict[str, pl.Series]:
        """By calendar, whether each day from `FIRST_DAY` to `LAST_DAY` is a working day."""
        return {one.name: one.working_days for one in self.calendars}


def find_holidays(country: str, subdivision: str | None) -> dict[date, str]:
    """The public holidays from `FIRST_DAY` to `LAST_DAY`, by date, as far as the package knows them.

    Names are English where the package has them so. `TransformError` if it lacks country or subdivision.
    """
    import holidays  # noqa: PLC0415 - takes 0.3 s, which only calendars with a country cost

    entity = getattr(holidays, country, None) if len(country) == len("DE") and country.isupper() else None
    if entity is None:
        message = f"country: expected an ISO 3166 code such as DE that holidays knows, found {country!r}"
        raise TransformError(message)
    known = (*entity.subdivisions, *entity.subdivisions_aliases)
    if subdivision is not None and subdivision not in known:
        expected = f"one of {', '.join(known)}" if known else f"none, because {country} has none"
        message = f"subdivision: expected {expected}, found {subdivision!r}"
        raise TransformError(message)
    years = range(max(FIRST_DAY.year, entity.start_year), min(LAST_DAY.year, entity.end_year) + 1)
    with warnings.catch_warnings():
        # Some countries warn that they know fewer years (of lunar holidays, say); docs/calendars.md says so.
        warnings.simplefilter("ignore", UserWarning)
        # Without a language the names would depend on the machine's locale.
        return dict(entity(years=years, subdiv=subdivision, language="en_US"))


def assign_calendars(people: pl.DataFrame, policy: CalendarPolicy) -> pl.DataFrame:
    """One row a person, as `PERSON_CALENDARS`, in the order of `people`.

    Needs `organization_id`, `user_id` and `email` (null if unknown).
    """
    rules = {one.name: one.rules for one in policy.calendars}
    listed = (policy.people, policy.group_members)
    assigned = people.select(
        "organization_id",
        "user_id",
        calendar=pl.coalesce(
            *(calendar for members in listed for calendar in _calendars_of(members)), pl.lit(policy.default)
        ),
    ).with_columns(rules=pl.col("calendar").replace_strict(rules, return_dtype=pl.String))
    return PERSON_CALENDARS.check(assigned)


def _calendars_of(members: Mapping[str | int, str]) -> Iterable[pl.Expr]:
    """The calendar of who is listed by id, and of who is listed by e-mail address; null of others."""
    by_id = {key: name for key, name in members.items() if isinstance(key, int)}
    by_email = {key: name for key, name in members.items() if isinstance(key, str)}
    email = pl.col("email").str.to_lowercase()
    for column, listed in ((pl.col("user_id"), by_id), (email, by_email)):
        yield column.replace_strict(listed, default=None, return_dtype=pl.String)


def build_calendars(policy: CalendarPolicy) -> pl.DataFrame:
    """One row a calendar, as `CALENDARS`, in the policy's order."""
    rows = [
        {
            "calendar": one.name,
            "work_week": " ".join(one.work_week),
            "country": one.country,
            "subdivision": one.subdivision,
            "is_default": one.name == policy.default,
            "holidays_version": version("holidays") if one.country else None,
        }
        for one in policy.calendars
    ]
    return CALENDARS.check(pl.DataFrame(rows, schema=CALENDARS.polars_schema))


def build_calendar_days(policy: CalendarPolicy, first: date, last: date) -> pl.DataFrame:
    """One row a calendar and day from `first` to `last`, both included, as `CALENDAR_DAYS`.

    Both dates have to lie between `FIRST_DAY` and `LAST_DAY`.
    """
    dates = pl.date_range(first, last, eager=True)
    start, length = (first - FIRST_DAY).days, len(dates)
    frames = [
        pl.DataFrame(
            {
                "calendar": pl.repeat(one.name, length, eager=True),
                "date_on": dates,
                "is_working_day": one.working_days.slice(start, length),
                "holiday_name": dates.replace_strict(one.holidays, default=None, return_dtype=pl.String),
                "working_day_number": one.working_days.cum_sum().cast(pl.Int32).slice(start, length),
            }
        )
        for one in policy.calendars
    ]
    return CALENDAR_DAYS.check(pl.concat(frames))
