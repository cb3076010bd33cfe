"""The published tables, and those they are derived by: declared once.

The warehouse's DDL, the Parquet files, the comments in the database and the data dictionary are tested
against these declarations.
"""

import polars as pl

from transforms.columns import (
    ABSENT_USER_ID,
    ENTRY_ID,
    HOW_AND_WHY,
    MEMBERSHIP,
    ORGANIZATION_ID,
    PROFILE,
    TEAM_DETAILS,
    TEAM_IDS,
    USER_ID,
    WHO_AND_WHEN,
)
from transforms.runs import RUNS
from transforms.table import INSTANT, Column, Personal, Table

_WORKING_DAYS = Column(
    "working_days",
    pl.Int32,
    "of materialized_days, the working days of the person's work calendar as it is now",
)
_PUBLISHED_FACTS = (*WHO_AND_WHEN, _WORKING_DAYS, *HOW_AND_WHY)
_OF_ENTRY = Column("entry_id", pl.Int64, "the entry, see fct_ooo_entries")
_DATE_ON = Column("date_on", pl.Date, "the day")
_ABSENT_ON = Column("date_on", pl.Date, "a day of absence")
_IS_WORKING_DAY = Column("is_working_day", pl.Boolean, "a working day of the person's work calendar")
_CALENDAR = Column("calendar", pl.String, "the person's work calendar, see dim_calendars")


def _lifetime(gone: str, meaning: str) -> tuple[Column, ...]:
    """When snapshots had the row, and since when (`gone`) they prove that it is no more."""
    return (
        Column("first_seen_at", INSTANT, "snapshot that first had it, UTC"),
        Column("last_seen_at", INSTANT, "latest snapshot that had it readable, UTC"),
        Column(gone, INSTANT, meaning, is_nullable=True),
        Column(
            "is_stale", pl.Boolean, "still in the warehouse, but the latest snapshot could not confirm it"
        ),
    )


ENTRY_DAYS = Table.of(
    "fct_entry_days",
    "one day of one entry; overlapping entries count separately",
    ("organization_id", "entry_id", "date_on"),
    ORGANIZATION_ID,
    _OF_ENTRY,
    _ABSENT_ON,
    ABSENT_USER_ID,
    Column("reason", pl.String, "the entry's reason code"),
    _IS_WORKING_DAY,
)

PERSON_DAYS = Table.of(
    "person_days",
    "one day on which a person is absent, however many entries say so",
    ("organization_id", "user_id", "date_on"),
    ORGANIZATION_ID,
    ABSENT_USER_ID,
    _ABSENT_ON,
    Column("reason", pl.String, "the reason that counts: the first by dim_reasons.sort_order"),
    Column("entry_count", pl.Int32, "how many entries cover the day"),
    _IS_WORKING_DAY,
    Column(
        "covering_user_id",
        pl.Int64,
        "who covers: of the entry that counts, else of the next that names someone",
        is_nullable=True,
        personal=Personal.ID,
    ),
)

ABSENCE_DAYS = Table.of(
    "fct_absence_days",
    PERSON_DAYS.grain,
    PERSON_DAYS.key,
    *PERSON_DAYS.columns,
    Column(
        "is_cover_absent",
        pl.Boolean,
        "true if the cover is absent that day too; null without a cover",
        is_nullable=True,
    ),
)

PEOPLE = Table.of(
    "dim_people",
    "one person who is or was in the organization",
    ("organization_id", "user_id"),
    ORGANIZATION_ID,
    USER_ID,
    Column(
        "email",
        pl.String,
        "e-mail address; null if only entries name the person",
        is_nullable=True,
        personal=Personal.TEXT,
    ),
    *PROFILE,
    *_lifetime("left_at", "first whole users list without them, UTC"),
    _CALENDAR,
)

TEAMS = Table.of(
    "dim_teams",
    "one team that is or was in the organization; none unless OOO_TEAMS is on",
    ("organization_id", "team_id"),
    ORGANIZATION_ID,
    *TEAM_IDS,
    Column("name", pl.String, "the team's name; null if only its members could be read", is_nullable=True),
    *TEAM_DETAILS,
    *_lifetime("deleted_at", "first whole teams list without it, UTC"),
)

TEAM_MEMBERS = Table.of(
    "dim_team_members",
    "one person in one team, now or formerly; none unless OOO_TEAMS is on",
    ("organization_id", "team_id", "user_id"),
    ORGANIZATION_ID,
    *MEMBERSHIP,
    *_lifetime("left_at", "first snapshot that proved them not in it, UTC"),
)

ENTRIES = Table.of(
    "fct_ooo_entries",
    "one out-of-office entry, deleted ones included",
    ("organization_id", "entry_id"),
    ORGANIZATION_ID,
    ENTRY_ID,
    *_PUBLISHED_FACTS,
    *_lifetime("deleted_at", "first snapshot that proved it gone, UTC"),
)

HISTORY = Table.of(
    "ooo_entry_history",
    "one version of one entry, valid from valid_from up to but not including valid_to",
    ("organization_id", "entry_id", "valid_from"),
    ORGANIZATION_ID,
    _OF_ENTRY,
    Column("valid_from", INSTANT, "snapshot that first showed this version, UTC, inclusive"),
    Column("valid_to", INSTANT, "snapshot that showed the next one, UTC, exclusive", is_nullable=True),
    Column("change", pl.String, "appeared, changed, vanished or returned"),
    *_PUBLISHED_FACTS,
)

DATES = Table.of(
    "dim_dates",
    "one day of the calendar",
    ("date_on",),
    _DATE_ON,
    Column("year", pl.Int32, "calendar year"),
    Column("quarter", pl.Int32, "1 to 4"),
    Column("month", pl.Int32, "1 to 12"),
    Column("iso_week", pl.Int32, "ISO 8601 week, 1 to 53"),
    Column("weekday", pl.Int32, "ISO 8601 weekday, 1 Monday to 7 Sunday"),
    Column("is_weekend", pl.Boolean, "Saturday or Sunday"),
)

CALENDARS = Table.of(
    "dim_calendars",
    "one work calendar",
    ("calendar",),
    Column("calendar", pl.String, "the calendar's name"),
    Column("work_week", pl.String, "the weekdays worked: of mon tue wed thu fri sat sun, in this order"),
    Column("country", pl.String, "whose public holidays are days off, ISO 3166", is_nullable=True),
    Column("subdivision", pl.String, "the part of the country, as holidays names it", is_nullable=True),
    Column("is_default", pl.Boolean, "true if it is the calendar of everyone who is not listed"),
    Column(
        "holidays_version",
        pl.String,
        "version of the Python package holidays, which knew the public holidays; null without a country",
        is_nullable=True,
    ),
)

CALENDAR_DAYS = Table.of(
    "dim_calendar_days",
    "one day of one work calendar, for every day of dim_dates",
    ("calendar", "date_on"),
    Column("calendar", pl.String, "the work calendar, see dim_calendars"),
    _DATE_ON,
    Column("is_working_day", pl.Boolean, "true on a weekday of the work week that is no public holiday"),
    Column("holiday_name", pl.String, "the public holiday, on whatever weekday", is_nullable=True),
    Column(
        "working_day_number",
        pl.Int32,
        "working days from 1970-01-01 to this day, both included: two rows' difference counts those between",
    ),
)

PERSON_CALENDARS = Table.of(
    "person_calendars",
    "one person and the work calendar that their days are derived by",
    ("organization_id", "user_id"),
    ORGANIZATION_ID,
    USER_ID,
    _CALENDAR,
    Column("rules", pl.String, "checksum of the calendar's working days"),
)

REASONS = Table.of(
    "dim_reasons",
    "one reason code",
    ("reason",),
    Column("reason", pl.String, "reason code"),
    Column("label", pl.String, "for people"),
    Column("is_standard", pl.Boolean, "true if Cal.com's API names it"),
    Column("sort_order", pl.Int32, "precedence where entries overlap, 1 first"),
)

AUDITS = Table.of(
    "audits",
    "one audit of one run's publication",
    ("run_id", "audit"),
    Column("run_id", pl.String, "the run, see runs"),
    Column("audit", pl.String, "the audit's name, see warehouse/audits"),
    Column("severity", pl.String, "error, which stops a publication, or warning, which does not"),
    Column("promise", pl.String, "what has to hold"),
    Column("offending_rows", pl.Int64, "how many rows break the promise, 0 if it holds"),
    Column("checked_at", INSTANT, "when it was checked, UTC"),
)

PUBLISHED = (
    PEOPLE,
    TEAMS,
    TEAM_MEMBERS,
    DATES,
    CALENDARS,
    CALENDAR_DAYS,
    REASONS,
    ENTRIES,
    ENTRY_DAYS,
    ABSENCE_DAYS,
    HISTORY,
    RUNS,
    AUDITS,
)
"""The tables that readers get, under these names in ooo.duckdb and as Parquet files."""
