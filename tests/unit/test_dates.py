"""The names of periods on the command line, and the range that --from and --to make."""

from datetime import date

import click
import pytest

from flows.cli.dates import PERIODS, Span, date_range, find_period, local_today

TODAY = date(2026, 1, 31)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("today", "2026-01-31", "2026-01-31"),
        ("yesterday", "2026-01-30", "2026-01-30"),
        ("tomorrow", "2026-02-01", "2026-02-01"),
        ("this-week", "2026-01-26", "2026-02-01"),
        ("next-week", "2026-02-02", "2026-02-08"),
        ("last-week", "2026-01-19", "2026-01-25"),
        ("this-month", "2026-01-01", "2026-01-31"),
        ("next-month", "2026-02-01", "2026-02-28"),
        ("last-month", "2025-12-01", "2025-12-31"),
        ("this-quarter", "2026-01-01", "2026-03-31"),
        ("next-quarter", "2026-04-01", "2026-06-30"),
        ("last-quarter", "2025-10-01", "2025-12-31"),
        ("this-year", "2026-01-01", "2026-12-31"),
        ("next-year", "2027-01-01", "2027-12-31"),
        ("last-year", "2025-01-01", "2025-12-31"),
        ("2024-02", "2024-02-01", "2024-02-29"),
        ("2024", "2024-01-01", "2024-12-31"),
    ],
)
def test_a_period_has_its_first_and_last_day(name: str, first: str, last: str) -> None:
    assert find_period(name, TODAY) == (date.fromisoformat(first), date.fromisoformat(last))


@pytest.mark.parametrize("name", ["someday", "2026-13", "2026-1", "20260101", "0000", "9999", "this week"])
def test_another_text_is_no_period(name: str) -> None:
    assert find_period(name, TODAY) is None


def test_every_named_period_is_found_on_every_day_of_a_leap_year() -> None:
    for ordinal in range(date(2024, 1, 1).toordinal(), date(2025, 1, 1).toordinal()):
        today = date.fromordinal(ordinal)
        for name in PERIODS:
            first, last = find_period(name, today) or (date.max, date.min)
            assert first <= last, (today, name)
            assert (first <= today <= last) == (name == "today" or name.startswith("this-")), (today, name)


def span(first: str, last: str | None = None) -> Span:
    return Span(date.fromisoformat(first), date.fromisoformat(last or first), is_period=last is not None)


@pytest.mark.parametrize(
    ("from_span", "to_span", "first", "last"),
    [
        (span("2027-02-01"), None, "2027-02-01", "2027-12-31"),
        (span("2026-02-03", "2026-02-03"), None, "2026-02-03", "2026-02-03"),
        (span("2026-02-01", "2026-02-28"), None, "2026-02-01", "2026-02-28"),
        (span("2026-02-01", "2026-02-28"), span("2026-03-05"), "2026-02-01", "2026-03-05"),
        (span("2026-02-03"), span("2026-03-01", "2026-03-31"), "2026-02-03", "2026-03-31"),
        (None, span("2025-03-01", "2025-03-31"), "2025-01-01", "2025-03-31"),
    ],
)
def test_a_period_alone_is_the_range_and_ends_it_with_its_last_day_as_to(
    from_span: Span | None, to_span: Span | None, first: str, last: str
) -> None:
    assert [str(day) for day in date_range(from_span, to_span)] == [first, last]


def test_the_range_without_dates_is_this_year_or_today() -> None:
    first, last = date_range(None, None)
    assert (first.month, first.day, last.month, last.day) == (1, 1, 12, 31)
    assert date_range(None, None, is_today_by_default=True) == (local_today(), local_today())


def test_a_reversed_range_is_refused_with_both_days() -> None:
    with pytest.raises(click.UsageError, match="--from is 2026-02-02, which is after --to, 2026-02-01"):
        date_range(span("2026-02-02"), span("2026-02-01"))
