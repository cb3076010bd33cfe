"""The dates on the command line: a day, or the name of a period such as `this-week`."""

import contextlib
import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from difflib import get_close_matches
from typing import Any

import click
from click.shell_completion import CompletionItem

PERIODS = (
    *("today", "yesterday", "tomorrow"),
    *(
        f"{which}-{unit}"
        for unit in ("week", "month", "quarter", "year")
        for which in ("this", "next", "last")
    ),
)
"""The names of the periods. Weeks begin on Monday."""

MONTHS_PER_YEAR = 12
_MONTHS = {"month": 1, "quarter": 3, "year": MONTHS_PER_YEAR}
_STEPS = {"last": -1, "this": 0, "next": 1}


def find_period(name: str, today: date) -> tuple[date, date] | None:
    """Return the first and the last day of the period, or None if `name` is none of `PERIODS`, a year or a month.

    A year is written as `2026`, and a month as `2026-03`. `today` is the day from which periods count.
    """
    if name in PERIODS:
        return _named_period(name, today)
    written = re.fullmatch(r"([0-9]{4})(?:-(0[1-9]|1[0-2]))?", name)
    if written is None or not date.min.year <= int(written[1]) < date.max.year:
        return None
    first = date(int(written[1]), int(written[2] or 1), 1)
    return first, _shift_months(first, 1 if written[2] else 12) - timedelta(days=1)


def _named_period(name: str, today: date) -> tuple[date, date]:
    days = {"yesterday": -1, "today": 0, "tomorrow": 1}
    if name in days:
        day = today + timedelta(days=days[name])
        return day, day
    which, unit = name.split("-")
    if unit == "week":
        first = today + timedelta(days=7 * _STEPS[which] - today.weekday())
        return first, first + timedelta(days=6)
    months = _MONTHS[unit]
    start = today.replace(month=(today.month - 1) // months * months + 1, day=1)
    first = _shift_months(start, months * _STEPS[which])
    return first, _shift_months(first, months) - timedelta(days=1)


def _shift_months(first_of_month: date, months: int) -> date:
    number = first_of_month.year * 12 + first_of_month.month - 1 + months
    return date(number // 12, number % 12 + 1, 1)


def local_today() -> date:
    """Return the date on the calendar of this machine, which is the one of the user."""
    return datetime.now().astimezone().date()


@dataclass(frozen=True)
class Span:
    """The days that one option names, both ends included."""

    first: date
    last: date
    is_period: bool
    """False for a single date such as 2026-12-31."""


class _DayType(click.ParamType):  # type: ignore[type-arg]  # older versions of click are not generic
    """A date, or a period: its first day for --from, its last day for --to."""

    name = "date"
    expected = "a date such as 2026-12-31"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return the placeholder in the help."""
        del param, ctx
        return "DATE|PERIOD"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Complete the name of a period."""
        del ctx, param
        return [CompletionItem(name) for name in PERIODS if name.startswith(incomplete)]

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the days as a `Span`."""
        if isinstance(value, Span):
            return value
        name = value.strip().lower()
        if period := find_period(name, local_today()):
            return Span(*period, is_period=True)
        try:
            day = datetime.strptime(name, "%Y-%m-%d").date()  # noqa: DTZ007 - a civil date
        except ValueError:
            self.fail(_describe_wrong_day(value, name, self.expected), param, ctx)
        return Span(day, day, is_period=False)


def _describe_wrong_day(value: str, name: str, expected: str) -> str:
    """Return the message for a `value` that is no day and no period. `name` is the value in small letters."""
    numbers = re.fullmatch(r"([0-9]{4})-([0-9]{1,2})(?:-([0-9]{1,2}))?", name)
    if numbers and not 1 <= int(numbers[2]) <= MONTHS_PER_YEAR:
        return f"{value!r} has no month between 01 and 12; expected {expected}, or a month such as 2026-12."
    if numbers and numbers[3] and int(numbers[1]):
        year, month = int(numbers[1]), int(numbers[2])
        last = monthrange(year, month)[1]
        return f"{value!r} is not in the calendar; the days of {year:04}-{month:02} are 01 to {last:02}."
    nearest = get_close_matches(name, PERIODS, n=1)
    if written := re.fullmatch(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})", name):
        with contextlib.suppress(ValueError):  # no day either way
            nearest = [date(int(written[3]), int(written[2]), int(written[1])).isoformat()]
    hint = f" Did you mean {nearest[0]}?" if nearest else ""
    return (
        f"{value!r} is not {expected}, a month such as 2026-12, a year, or one of {', '.join(PERIODS)}.{hint}"
    )


class _InstantType(_DayType):
    """An instant in UTC; a date or a period is the midnight with which it begins."""

    name = "instant"
    expected = "an instant in UTC such as 2026-12-31T18:00:00, without an offset, a date such as 2026-12-31"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """Return the placeholder in the help."""
        del param, ctx
        return "DATE|TIME|PERIOD"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the instant, without a zone."""
        if isinstance(value, datetime):
            return value
        for form in ("%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S"):
            try:
                return datetime.strptime(value, form)  # noqa: DTZ007 - UTC, zoneless
            except ValueError:
                continue
        return datetime.combine(super().convert(value, param, ctx).first, time.min)


from_option = click.option(
    "--from",
    "from_span",
    type=_DayType(),
    help="First day of the range, included. A period alone, such as today, tomorrow, this-week, next-month,"
    " last-quarter, 2026-03 or 2026, is the whole range. [default: 1 January of this year]",
)
to_option = click.option(
    "--to",
    "to_span",
    type=_DayType(),
    help="Last day of the range, included, or a period, which ends the range with its last day."
    " [default: 31 December of the year of --from]",
)
as_of_option = click.option(
    "--as-of",
    "as_of_at",
    type=_InstantType(),
    help="The instant for the query as_of, in UTC; a date alone is its midnight. [default: now]",
)


def date_range(
    from_span: Span | None, to_span: Span | None, *, is_today_by_default: bool = False
) -> tuple[date, date]:
    """Return the first and the last day of the range. Raise `UsageError` if they are reversed.

    A period in --from is the whole range, unless --to ends it. Without both options, the range is this year, or
    today with `is_today_by_default`.
    """
    if from_span is None and to_span is None:
        today = local_today()
        return (today, today) if is_today_by_default else (today.replace(month=1, day=1), _end_of_year(today))
    if from_span is None:
        first, last = to_span.last.replace(month=1, day=1), to_span.last  # type: ignore[union-attr]
    elif to_span is None:
        first = from_span.first
        last = from_span.last if from_span.is_period else _end_of_year(first)
    else:
        first, last = from_span.first, to_span.last
    if first > last:
        raise click.UsageError(f"the range is reversed: --from is {first}, which is after --to, {last}")
    return first, last


def _end_of_year(day: date) -> date:
    return day.replace(month=12, day=31)
