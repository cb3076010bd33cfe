"""Test the file of work calendars, and the working days that follow from it."""

from datetime import date
from pathlib import Path

import polars as pl
import pytest

from flows.settings.calendars import read_policy
from flows.settings.errors import ConfigurationError
from transforms.calendars import (
    MONDAY_TO_FRIDAY,
    CalendarPolicy,
    WorkCalendar,
    assign_calendars,
    build_calendar_days,
    build_calendars,
)
from transforms.days import FIRST_DAY, HORIZON_DAYS, LAST_DAY
from transforms.schema import CALENDAR_DAYS, CALENDARS

PEOPLE = pl.DataFrame(
    {"user_id": [1, 2, 3, 4], "email": ["ana@example.com", "Bob@Example.com", None, "dan@example.com"]},
    schema={"user_id": pl.Int64, "email": pl.String},
).select(pl.lit(7, pl.Int64).alias("organization_id"), "user_id", "email")


def policy_of(tmp_path: Path, text: str) -> CalendarPolicy:
    path = tmp_path / "calendars.toml"
    path.write_text(text, encoding="utf-8")
    return read_policy(path)


def calendars_of(policy: CalendarPolicy) -> list[str]:
    return assign_calendars(PEOPLE, policy)["calendar"].to_list()


def test_without_a_file_every_person_works_from_monday_to_friday() -> None:
    policy = read_policy(None)
    assert calendars_of(policy) == [MONDAY_TO_FRIDAY] * 4
    days = build_calendar_days(policy, date(2026, 1, 1), date(2026, 1, 4))
    assert days["is_working_day"].to_list() == [True, True, False, False]
    assert days["holiday_name"].to_list() == [None] * 4


def test_the_calendar_of_a_person_takes_precedence_over_that_of_the_group_and_the_default(
    tmp_path: Path,
) -> None:
    policy = policy_of(
        tmp_path,
        """
        default = "early"
        [calendars.early]
        work_week = ["mon"]
        [calendars.late]
        work_week = ["sun", "sat"]
        [people]
        "ANA@example.com" = "late"
        3 = "monday-to-friday"
        [groups.all]
        calendar = "early"
        members = ["ana@example.com", 3]
        [groups.some]
        calendar = "late"
        members = ["bob@example.com"]
        """,
    )
    assert calendars_of(policy) == ["late", "late", MONDAY_TO_FRIDAY, "early"]
    assert build_calendars(policy).rows() == [
        ("early", "mon", None, None, None, True, None),
        ("late", "sat sun", None, None, None, False, None),
        (MONDAY_TO_FRIDAY, "mon tue wed thu fri", None, None, None, False, None),
    ]


def test_the_calendar_of_a_user_id_takes_precedence_over_that_of_the_address(tmp_path: Path) -> None:
    text = '[calendars.x]\nwork_week=["sun"]\n[people]\n"ana@example.com"="x"\n"1"="monday-to-friday"'
    assert calendars_of(policy_of(tmp_path, text))[0] == MONDAY_TO_FRIDAY


def test_public_holidays_are_days_off_with_their_names_on_any_weekday(tmp_path: Path) -> None:
    policy = policy_of(tmp_path, '[calendars.by]\ncountry="DE"\nsubdivision="BY"')
    by = build_calendar_days(policy, date(2026, 1, 1), date(2026, 12, 31)).filter(calendar="by")
    off = dict(by.filter(pl.col("holiday_name").is_not_null()).select("date_on", "holiday_name").iter_rows())
    assert off[date(2026, 1, 6)] == "Epiphany"
    assert off[date(2026, 10, 3)] == "German Unity Day"  # a Saturday
    assert by.filter(pl.col("date_on").is_in(list(off)))["is_working_day"].any() is False
    assert by["is_working_day"].sum() == 261 - sum(day.isoweekday() < 6 for day in off)
    (calendar,) = build_calendars(policy).filter(calendar="by").to_dicts()
    assert calendar["holidays_version"][0].isdigit()


# 15 August is Assumption Day, a day off in most of Bavaria; `holidays` has it in the category `catholic`.
@pytest.mark.parametrize(
    ("categories", "holiday_name", "published"),
    [
        ("", None, "public"),
        ('categories = ["public"]', None, "public"),
        ('categories = ["catholic"]', "Assumption Day", "public catholic"),
        ('categories = ["catholic", "public", "catholic"]', "Assumption Day", "public catholic"),
        ('categories = ["school", "catholic"]', "Assumption Day; Summer Break", "public catholic school"),
    ],
)
def test_the_holidays_of_the_named_categories_are_days_off_beside_the_public_holidays(
    tmp_path: Path, categories: str, holiday_name: str | None, published: str
) -> None:
    policy = policy_of(tmp_path, f'[calendars.munich]\ncountry="DE"\nsubdivision="BY"\n{categories}')
    days = build_calendar_days(policy, FIRST_DAY, LAST_DAY).filter(calendar="munich")
    august = days.filter(date_on=date(2025, 8, 15))  # a Friday
    assert august["holiday_name"].to_list() == [holiday_name]
    assert august["is_working_day"].to_list() == [holiday_name is None]
    epiphany = days.filter(date_on=date(2026, 1, 6))  # a Tuesday, and a public holiday
    assert epiphany["is_working_day"].to_list() == [False]
    assert build_calendars(policy).filter(calendar="munich")["holiday_categories"].to_list() == [published]


def test_categories_change_the_checksum_of_the_rules() -> None:
    bavaria = WorkCalendar("a", country="DE", subdivision="BY")
    assert WorkCalendar("a", country="DE", subdivision="BY", categories=("catholic",)).rules != bavaria.rules
    assert WorkCalendar("a", country="DE", subdivision="BY", categories=("public",)).rules == bavaria.rules


def test_two_working_day_numbers_differ_by_the_number_of_working_days_between_the_dates() -> None:
    calendar = CalendarPolicy((WorkCalendar("gb", country="GB", subdivision="SCT"),), "gb")
    days = build_calendar_days(calendar, FIRST_DAY, LAST_DAY)
    assert days.height == HORIZON_DAYS
    assert days["working_day_number"].to_list() == days["is_working_day"].cum_sum().to_list()
    part = build_calendar_days(calendar, date(2026, 1, 1), date(2026, 3, 1))
    assert part.equals(days.filter(pl.col("date_on").is_between(date(2026, 1, 1), date(2026, 3, 1))))


def test_calendars_and_their_days_have_the_declared_schema_with_one_row_per_calendar_and_day() -> None:
    policy = CalendarPolicy((WorkCalendar("in", country="IN"), WorkCalendar("x", ("sun",))), "x")
    assert build_calendars(policy).schema == CALENDARS.polars_schema
    days = build_calendar_days(policy, date(2026, 1, 1), date(2026, 1, 2))
    assert (days.height, days.schema) == (4, CALENDAR_DAYS.polars_schema)


def test_the_checksum_of_the_rules_depends_on_the_working_days_and_not_on_the_name() -> None:
    week = ("mon", "tue", "wed", "thu", "fri")
    assert WorkCalendar("a", week).rules == WorkCalendar("b").rules
    assert WorkCalendar("a", country="DE").rules != WorkCalendar("a", country="DE", subdivision="BY").rules


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('default = "x"', r"default: expected a calendar \(monday-to-friday\), found 'x'"),
        ('[calendars.a]\nwork_week = ["mo"]', r"calendars\.a\.work_week\.0: .*'mon', 'tue'.* found 'mo'"),
        ("[calendars.a]\nwork_week = []", r"calendars\.a\.work_week: .*at least 1 item"),
        ('[calendars.a]\ncountry = "XX"', r"calendars\.a\.country: .*ISO 3166.*found 'XX'"),
        ('[calendars.a]\ncountry = "NYSE"', r"calendars\.a\.country: .*found 'NYSE'"),
        (
            '[calendars.a]\ncountry = "DE"\nsubdivision = "XY"',
            r"calendars\.a\.subdivision: expected one of BB.*, found 'XY'",
        ),
        (
            '[calendars.a]\ncountry = "VA"\nsubdivision = "XY"',
            r"subdivision: expected none, because VA has none",
        ),
        ('[calendars.a]\nsubdivision = "BY"', r"calendars\.a: expected a country with the subdivision 'BY'"),
        (
            '[calendars.a]\ncountry = "DE"\ncategories = ["catholic", "Catholic", "bank"]',
            r"calendars\.a\.categories: expected categories of DE \(catholic, public, school\), "
            r"found 'Catholic', 'bank'",
        ),
        (
            '[calendars.a]\ncountry = "AE"\ncategories = ["catholic"]',
            r"calendars\.a\.categories: expected categories of AE \(.*public.*\), found 'catholic'",
        ),
        ('[calendars.a]\ncountry = "DE"\ncategories = "catholic"', r"calendars\.a\.categories: .*list"),
        ('[calendars.a]\ncategories = ["catholic"]', r"calendars\.a: expected a country with the categories"),
        ("[calendars.monday-to-friday]", r"found 'monday-to-friday', which is built in"),
        ('[calendars.a]\nworkweek = ["mon"]', r"calendars\.a\.workweek: .*not permitted"),
        ('[people]\n1 = "munich"', r"people, entry 1: expected a calendar \(.*\), found 'munich'"),
        ('[people]\nana = "monday-to-friday"', r"people, entry 1: .*user id or an e-mail address"),
        (
            '[people]\n"a@x.org" = "monday-to-friday"\n"A@X.org" = "monday-to-friday"',
            r"people, entry 2: expected each person once, but people, entry 1 is the same person",
        ),
        (
            '[groups.a]\ncalendar="monday-to-friday"\nmembers=[1]\n'
            '[groups.b]\ncalendar="monday-to-friday"\nmembers=["1"]',
            r"groups\.b\.members, entry 1: expected each person once, but groups\.a\.members, entry 1 is the same",
        ),
        ('[groups.a]\ncalendar = "b"\nmembers = []', r"groups\.a\.calendar: expected a calendar"),
        ('[groups.a]\ncalendar = "monday-to-friday"', r"groups\.a\.members: Field required"),
        ("[groups.a]\ncalendar = 1\nmembers = []", r"groups\.a\.calendar: .*string, found 1"),
        ('[people]\n"a@x.org" = 1', r"people\.an address: .*string, found 1"),
        ("x = ", r"expected TOML, found Invalid value"),
        ("[calendars.a]\n[calendars.a]", r"expected TOML, found .*twice"),
    ],
)
def test_an_invalid_file_is_refused_with_the_position_the_expected_and_the_found_value(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        policy_of(tmp_path, text)
    assert caught.value.exit_code == 10
    assert str(caught.value).startswith(f"OOO_CALENDARS {tmp_path}/calendars.toml: ")
    assert "docs/calendars.md" in str(caught.value)
    assert "@x.org" not in str(caught.value).lower()


def test_an_unreadable_file_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="No such file"):
        read_policy(tmp_path / "none.toml")
    (tmp_path / "latin.toml").write_bytes(b'default = "\xe9t\xe9"')
    with pytest.raises(ConfigurationError, match="expected UTF-8 text"):
        read_policy(tmp_path / "latin.toml")
