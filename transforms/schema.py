"""Declare the published tables, and the tables from which they are derived.

The DDL of the warehouse, the Parquet files, the comments in the published database and the data dictionary
are tested against these declarations.
"""

import polars as pl

from transforms.columns import (
    ABSENT_USER_ID,
    ENTRY_DETAILS,
    ENTRY_ID,
    ENTRY_PERSON_AND_DATES,
    MEMBERSHIP,
    ORGANIZATION_ID,
    PROFILE,
    TEAM_DETAILS,
    TEAM_IDS,
    USER_ID,
)
from transforms.runs import RUNS
from transforms.table import INSTANT, Column, Personal, Table

_WORKING_DAYS = Column(
    "working_days",
    pl.Int32,
    "The number of materialized_days that are working days in the current work calendar of the person.",
)
_ENTRY_FACTS = (*ENTRY_PERSON_AND_DATES, _WORKING_DAYS, *ENTRY_DETAILS)
_ENTRY_REFERENCE = Column("entry_id", pl.Int64, "The id of the entry, see fct_ooo_entries.")
_DATE_ON = Column("date_on", pl.Date, "The date.")
_ABSENT_ON = Column("date_on", pl.Date, "The day of absence.")
_IS_WORKING_DAY = Column(
    "is_working_day", pl.Boolean, "True if the day is a working day in the work calendar of the person."
)
_CALENDAR = Column("calendar", pl.String, "The work calendar of the person, see dim_calendars.")


def _lifetime(end_column: str, end_meaning: str) -> tuple[Column, ...]:
    """Return the columns for the first and latest snapshot of a row, its end, and whether it is stale."""
    return (
        Column("first_seen_at", INSTANT, "The first snapshot that contained the row, UTC."),
        Column("last_seen_at", INSTANT, "The latest snapshot that contained a valid record of the row, UTC."),
        Column(end_column, INSTANT, end_meaning, is_nullable=True),
        Column(
            "is_stale",
            pl.Boolean,
            "True if no snapshot proved the row gone, but the latest attempt to read the organization could not confirm"
            " it, or the organization is no longer read.",
        ),
    )


ENTRY_DAYS = Table.of(
    "fct_entry_days",
    "one day of one entry; overlapping entries count separately",
    ("organization_id", "entry_id", "date_on"),
    ORGANIZATION_ID,
    _ENTRY_REFERENCE,
    _ABSENT_ON,
    ABSENT_USER_ID,
    Column("reason", pl.String, "The reason code of the entry."),
    _IS_WORKING_DAY,
)

PERSON_DAYS = Table.of(
    "person_days",
    "one day on which a person is absent; overlapping entries count once",
    ("organization_id", "user_id", "date_on"),
    ORGANIZATION_ID,
    ABSENT_USER_ID,
    _ABSENT_ON,
    Column("reason", pl.String, "The reason that counts: the first one by dim_reasons.sort_order."),
    Column("entry_count", pl.Int32, "The number of entries that cover the day."),
    _IS_WORKING_DAY,
    Column(
        "covering_user_id",
        pl.Int64,
        "The id of the cover: of the entry that counts, or else of the next entry that names a cover.",
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
        "True if the cover is absent on the same day; null without a cover.",
        is_nullable=True,
    ),
)

ORGANIZATIONS = Table.of(
    "dim_organizations",
    "one organization that a run has tried to read",
    ("organization_id",),
    ORGANIZATION_ID,
    Column(
        "name",
        pl.String,
        "The display name from OOO_ORG_NAME or the fleet file; null without one.",
        is_nullable=True,
    ),
    Column(
        "fleet_name",
        pl.String,
        "The name of the organization in the fleet file; null if no fleet has read it.",
        is_nullable=True,
    ),
    Column("api_url", pl.String, "The API from which the organization was read.", is_nullable=True),
    Column(
        "first_complete_at",
        INSTANT,
        "The start of the first complete run, UTC; null before one. Entries that were first seen later are new.",
        is_nullable=True,
    ),
    Column(
        "last_snapshot_at",
        INSTANT,
        "The latest snapshot that was loaded, UTC; null before one.",
        is_nullable=True,
    ),
    Column("last_attempt_at", INSTANT, "The latest attempt to read the organization, UTC."),
    Column(
        "left_fleet_at",
        INSTANT,
        "The first fleet sync whose file lacked the organization, UTC; null if the organization was read since then.",
        is_nullable=True,
    ),
    Column(
        "is_stale",
        pl.Boolean,
        "True if the organization has no snapshot, if the latest attempt to read it failed, if the fleet file lacks"
        " it, or if its snapshot is 36 hours older than the newest attempt of any organization.",
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
        "The e-mail address; null if the person is known only from entries.",
        is_nullable=True,
        personal=Personal.TEXT,
    ),
    *PROFILE,
    *_lifetime("left_at", "The first snapshot whose complete list of users lacked the person, UTC."),
    Column(
        "member_from_on",
        pl.Date,
        "The first day of membership: the creation of the account, or the first entry if it is earlier. A proxy,"
        " because Cal.com does not give the day on which a person joined.",
    ),
    Column(
        "member_to_on",
        pl.Date,
        "The last day of membership: the date of the snapshot that proved the departure; null for a member.",
        is_nullable=True,
    ),
    _CALENDAR,
)

TEAMS = Table.of(
    "dim_teams",
    "one team that is or was in the organization; the table is empty if teams were never read (OOO_TEAMS)",
    ("organization_id", "team_id"),
    ORGANIZATION_ID,
    *TEAM_IDS,
    Column(
        "name", pl.String, "The name of the team; null if only its members could be read.", is_nullable=True
    ),
    *TEAM_DETAILS,
    *_lifetime("deleted_at", "The first snapshot whose complete list of teams lacked the team, UTC."),
)

TEAM_MEMBERS = Table.of(
    "dim_team_members",
    "one current or former membership of a person in a team; the table is empty if teams were never read (OOO_TEAMS)",
    ("organization_id", "team_id", "user_id"),
    ORGANIZATION_ID,
    *MEMBERSHIP,
    *_lifetime("left_at", "The first snapshot that proved the end of the membership, UTC."),
)

_DELETION_CAUSE = Column(
    "deletion_cause",
    pl.String,
    "The cause of a deletion: deleted by a person; person_left, because Cal.com hides the entries of a person who"
    " left; or cover_deleted, because deleting a user deletes the entries that the user covers. Null for a live entry.",
    is_nullable=True,
)

ENTRIES = Table.of(
    "fct_ooo_entries",
    "one out-of-office entry, including deleted ones",
    ("organization_id", "entry_id"),
    ORGANIZATION_ID,
    ENTRY_ID,
    *_ENTRY_FACTS,
    *_lifetime("deleted_at", "The first snapshot that proved the entry gone, UTC."),
    _DELETION_CAUSE,
)

HISTORY = Table.of(
    "ooo_entry_history",
    "one version of one entry, valid from valid_from up to but not including valid_to",
    ("organization_id", "entry_id", "valid_from"),
    ORGANIZATION_ID,
    _ENTRY_REFERENCE,
    Column("valid_from", INSTANT, "The snapshot that first showed this version, UTC, inclusive."),
    Column(
        "valid_to",
        INSTANT,
        "The snapshot that first showed the next version, UTC, exclusive; null for the current version.",
        is_nullable=True,
    ),
    Column(
        "change",
        pl.String,
        "The kind of change: appeared, changed, reinterpreted (other dates by a rule), vanished or returned.",
    ),
    *_ENTRY_FACTS,
    _DELETION_CAUSE,
)

DATES = Table.of(
    "dim_dates",
    "one date of the calendar",
    ("date_on",),
    _DATE_ON,
    Column("year", pl.Int32, "The calendar year."),
    Column("quarter", pl.Int32, "The quarter of the year, 1 to 4."),
    Column("month", pl.Int32, "The month of the year, 1 to 12."),
    Column("iso_week", pl.Int32, "The ISO 8601 week, 1 to 53."),
    Column("weekday", pl.Int32, "The ISO 8601 weekday, from 1 for Monday to 7 for Sunday."),
    Column("is_weekend", pl.Boolean, "True on Saturday and Sunday."),
)

CALENDARS = Table.of(
    "dim_calendars",
    "one work calendar",
    ("calendar",),
    Column("calendar", pl.String, "The name of the work calendar."),
    Column(
        "work_week",
        pl.String,
        "The weekdays that are worked, from mon, tue, wed, thu, fri, sat, sun, in this order.",
    ),
    Column(
        "country",
        pl.String,
        "The ISO 3166 code of the country whose holidays are days off; null if none are.",
        is_nullable=True,
    ),
    Column(
        "subdivision",
        pl.String,
        "The part of the country, by its code in the Python package holidays; null for the whole country.",
        is_nullable=True,
    ),
    Column(
        "holiday_categories",
        pl.String,
        "The categories of the Python package holidays whose days are days off, public first; null without a country.",
        is_nullable=True,
    ),
    Column("is_default", pl.Boolean, "True for the calendar of the people without an assigned calendar."),
    Column(
        "holidays_version",
        pl.String,
        "The version of the Python package holidays, which defines the holidays; null without a country.",
        is_nullable=True,
    ),
)

CALENDAR_DAYS = Table.of(
    "dim_calendar_days",
    "one date of one work calendar, for every date of dim_dates",
    ("calendar", "date_on"),
    Column("calendar", pl.String, "The name of the work calendar, see dim_calendars."),
    _DATE_ON,
    Column(
        "is_working_day",
        pl.Boolean,
        "True if the weekday is in the work week and the date is not a holiday of the calendar.",
    ),
    Column(
        "holiday_name",
        pl.String,
        "The holiday of the calendar, on any weekday; null if none.",
        is_nullable=True,
    ),
    Column(
        "working_day_number",
        pl.Int32,
        "The number of working days from 1970-01-01 to this date, both inclusive. The difference between two"
        " rows is the number of working days after the earlier date, up to and including the later one.",
    ),
)

PERSON_CALENDARS = Table.of(
    "person_calendars",
    "one person and the work calendar from which their days are derived",
    ("organization_id", "user_id"),
    ORGANIZATION_ID,
    USER_ID,
    _CALENDAR,
    Column("rules", pl.String, "The checksum of the working days of the calendar."),
)

REASONS = Table.of(
    "dim_reasons",
    "one reason code",
    ("reason",),
    Column("reason", pl.String, "The reason code."),
    Column("label", pl.String, "The reason in words, for reports."),
    Column("is_standard", pl.Boolean, "True if the Cal.com API has a name for the reason."),
    Column("sort_order", pl.Int32, "The precedence of the reason where entries overlap, 1 first."),
)

AUDITS = Table.of(
    "audits",
    "one audit of one run's publication",
    ("run_id", "audit"),
    Column("run_id", pl.String, "The id of the run, see runs."),
    Column("audit", pl.String, "The name of the audit, see docs/audits.md."),
    Column("severity", pl.String, "The severity: error stops a publication, warning does not."),
    Column("promise", pl.String, "The promise that the audit checks."),
    Column("offending_rows", pl.Int64, "The number of rows that break the promise; 0 if it holds."),
    Column("checked_at", INSTANT, "The time of the check, UTC."),
)

PUBLISHED = (
    ORGANIZATIONS,
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
"""The tables that are published under these names in ooo.duckdb and as Parquet files."""
