"""Every table, declared once: columns, types, keys, grain and meaning.

The warehouse's DDL, the Parquet files, the comments in the database and the data dictionary are tested
against these declarations. Instants are UTC without a zone (`TIMESTAMP`), so that no reader's session
time zone ever moves a date.
"""

from dataclasses import dataclass
from enum import StrEnum

import polars as pl

from transforms.errors import TransformError

INSTANT = pl.Datetime("us")
_SQL_TYPES: dict[object, str] = {
    pl.Int64: "BIGINT",
    pl.Int32: "INTEGER",
    pl.Float64: "DOUBLE",
    pl.String: "VARCHAR",
    pl.Boolean: "BOOLEAN",
    pl.Date: "DATE",
    INSTANT: "TIMESTAMP",
}


class Personal(StrEnum):
    """How a column tells who someone is."""

    ID = "id"
    """Names a person by number: a pseudonym can stand for it, and joins still hold."""
    TEXT = "text"
    """Names a person in words, or is a text that may: nothing can stand for it. Always nullable."""


@dataclass(frozen=True)
class Column:
    """One column: its Polars type, what it means, whether it may be null, whether it tells who someone is."""

    name: str
    dtype: pl.DataType | type[pl.DataType]
    meaning: str
    is_nullable: bool = False
    personal: Personal | None = None

    @property
    def sql_type(self) -> str:
        """The DuckDB type of the same values."""
        return _SQL_TYPES[self.dtype]


@dataclass(frozen=True)
class Table:
    """One table: what a row is, which columns identify it, and its columns in order."""

    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def polars_schema(self) -> pl.Schema:
        """The columns as a Polars schema."""
        return pl.Schema({column.name: column.dtype for column in self.columns})

    def check(self, frame: pl.DataFrame) -> pl.DataFrame:
        """`frame` itself, if its columns and types are exactly this table's; else `TransformError`."""
        if frame.schema != self.polars_schema:
            message = f"{self.name}: expected columns {self.polars_schema}, found {frame.schema}"
            raise TransformError(message)
        return frame


def _organization() -> Column:
    return Column("organization_id", pl.Int64, "Cal.com organization")


def _table(name: str, grain: str, key: tuple[str, ...], *columns: Column) -> Table:
    return Table(name, grain, key, columns)


_WHO_AND_WHEN = (
    Column("entry_uuid", pl.String, "Cal.com's second identifier of the entry"),
    Column("user_id", pl.Int64, "the absent person", personal=Personal.ID),
    Column("covering_user_id", pl.Int64, "who covers for them", is_nullable=True, personal=Personal.ID),
    Column("starts_on", pl.Date, "first day of absence, inclusive, as the person picked it"),
    Column("ends_on", pl.Date, "last day of absence, inclusive, as the person picked it"),
    Column("calendar_days", pl.Int32, "days from starts_on to ends_on, both included; 0 if reversed"),
)
_WORKING_DAYS = Column(
    "working_days",
    pl.Int32,
    "of followed_days, the working days of the person's work calendar as it is now",
)
_HOW_AND_WHY = (
    Column(
        "followed_days",
        pl.Int32,
        "of calendar_days, those that have a row a day: ten years from starts_on at most,"
        " and none if that is not between 1970 and 2099",
    ),
    Column("reason", pl.String, "reason code, see dim_reasons"),
    Column("reason_raw", pl.String, "the source's text; null for a custom reason", is_nullable=True),
    Column("has_notes", pl.Boolean, "true if the entry has a text, whether published or not"),
    Column("starts_at_raw", INSTANT, "the start as stored by Cal.com, UTC; a date that wears a Z"),
    Column("ends_at_raw", INSTANT, "the end as stored by Cal.com, UTC; a date that wears a Z"),
    Column("is_day_aligned", pl.Boolean, "true if stored as 00:00:00 to 23:59:59, as today's Cal.com does"),
)
_PUBLISHED_FACTS = (*_WHO_AND_WHEN, _WORKING_DAYS, *_HOW_AND_WHY)
NOTES = Column(
    "notes",
    pl.String,
    "the entry's text; null if none, or not kept",
    is_nullable=True,
    personal=Personal.TEXT,
)
_PAGE = Column("page", pl.Int32, "the run's page that the row was read on; the later is the newer")

STAGED_ENTRIES = _table(
    "staged_entries",
    "one entry as read on one page",
    ("organization_id", "entry_id", "page"),
    _PAGE,
    _organization(),
    Column("entry_id", pl.Int64, "Cal.com's id of the entry"),
    *_WHO_AND_WHEN,
    *_HOW_AND_WHY,
    NOTES,
)

STAGED_PEOPLE = _table(
    "staged_people",
    "one person as read on one page",
    ("organization_id", "user_id", "page"),
    _PAGE,
    _organization(),
    Column("user_id", pl.Int64, "Cal.com's id of the person", personal=Personal.ID),
    Column("email", pl.String, "e-mail address", personal=Personal.TEXT),
    Column("name", pl.String, "display name", is_nullable=True, personal=Personal.TEXT),
    Column("username", pl.String, "Cal.com user name", is_nullable=True, personal=Personal.TEXT),
    Column("time_zone", pl.String, "IANA time zone the person has set now", is_nullable=True),
    Column("locale", pl.String, "language the person has set", is_nullable=True),
    Column("created_at", INSTANT, "when the account was created, UTC", is_nullable=True),
)

STAGED_TEAMS = _table(
    "staged_teams",
    "one team as read on one page",
    ("organization_id", "team_id", "page"),
    _PAGE,
    _organization(),
    Column("team_id", pl.Int64, "Cal.com's id of the team"),
    Column("parent_team_id", pl.Int64, "what the team is part of: the organization's id", is_nullable=True),
    Column("name", pl.String, "the team's name"),
    Column("slug", pl.String, "the team's name in URLs", is_nullable=True),
    Column("is_private", pl.Boolean, "true if its members are hidden from others", is_nullable=True),
    Column("time_zone", pl.String, "IANA time zone the team has set", is_nullable=True),
)

STAGED_TEAM_MEMBERS = _table(
    "staged_team_members",
    "one membership of a team as read on one page",
    ("organization_id", "membership_id", "page"),
    _PAGE,
    _organization(),
    Column("team_id", pl.Int64, "the team, see dim_teams"),
    Column(
        "user_id",
        pl.Int64,
        "the member; not in dim_people if only invited, or without a profile in the organization",
        personal=Personal.ID,
    ),
    Column("membership_id", pl.Int64, "Cal.com's id of the membership; who rejoins gets another"),
    Column("role", pl.String, "MEMBER, ADMIN or OWNER, as Cal.com says it"),
    Column("is_accepted", pl.Boolean, "false while the invitation is pending"),
)

STAGED_REJECTS = _table(
    "staged_rejects",
    "one record that could not be read, on one page",
    ("organization_id", "record_kind", "record_id", "page"),
    _PAGE,
    _organization(),
    Column("record_kind", pl.String, "entry, user, team or membership"),
    Column("record_id", pl.Int64, "the record's id, if that could be read", is_nullable=True),
    Column("user_id", pl.Int64, "the person it belongs to, if known", is_nullable=True, personal=Personal.ID),
    Column("team_id", pl.Int64, "the team it belongs to, if any", is_nullable=True),
    Column("problem", pl.String, "reason code: field and what is wrong with it"),
    Column("raw", pl.String, "the whole record as JSON text", personal=Personal.TEXT),
)

ENTRY_DAYS = _table(
    "fct_entry_days",
    "one day of one entry; overlapping entries count separately",
    ("organization_id", "entry_id", "date_on"),
    _organization(),
    Column("entry_id", pl.Int64, "the entry, see fct_ooo_entries"),
    Column("date_on", pl.Date, "a day of absence"),
    Column("user_id", pl.Int64, "the absent person", personal=Personal.ID),
    Column("reason", pl.String, "the entry's reason code"),
    Column("is_working_day", pl.Boolean, "a working day of the person's work calendar"),
)

PERSON_DAYS = _table(
    "person_days",
    "one day on which a person is absent, however many entries say so",
    ("organization_id", "user_id", "date_on"),
    _organization(),
    Column("user_id", pl.Int64, "the absent person", personal=Personal.ID),
    Column("date_on", pl.Date, "a day of absence"),
    Column("reason", pl.String, "the reason that counts: the first by dim_reasons.sort_order"),
    Column("entry_count", pl.Int32, "how many entries cover the day"),
    Column("is_working_day", pl.Boolean, "a working day of the person's work calendar"),
    Column(
        "covering_user_id",
        pl.Int64,
        "who covers: of the entry that counts, else of the next that names someone",
        is_nullable=True,
        personal=Personal.ID,
    ),
)

ABSENCE_DAYS = Table(
    "fct_absence_days",
    PERSON_DAYS.grain,
    PERSON_DAYS.key,
    (
        *PERSON_DAYS.columns,
        Column(
            "is_cover_absent",
            pl.Boolean,
            "true if the cover is absent that day too; null without a cover",
            is_nullable=True,
        ),
    ),
)

_SEEN = (
    Column("first_seen_at", INSTANT, "snapshot that first had it, UTC"),
    Column("last_seen_at", INSTANT, "latest snapshot that had it readable, UTC"),
)
_IS_STALE = Column(
    "is_stale", pl.Boolean, "still in the warehouse, but the latest snapshot could not confirm it"
)
_CALENDAR = Column("calendar", pl.String, "the person's work calendar, see dim_calendars")

PEOPLE = _table(
    "dim_people",
    "one person who is or was in the organization",
    ("organization_id", "user_id"),
    _organization(),
    Column("user_id", pl.Int64, "Cal.com's id of the person", personal=Personal.ID),
    Column(
        "email",
        pl.String,
        "e-mail address; null if only entries name the person",
        is_nullable=True,
        personal=Personal.TEXT,
    ),
    *STAGED_PEOPLE.columns[4:],
    *_SEEN,
    Column("left_at", INSTANT, "first whole users list without them, UTC", is_nullable=True),
    _IS_STALE,
    _CALENDAR,
)

TEAMS = _table(
    "dim_teams",
    "one team that is or was in the organization; none unless OOO_TEAMS is on",
    ("organization_id", "team_id"),
    _organization(),
    *STAGED_TEAMS.columns[2:4],
    Column("name", pl.String, "the team's name; null if only its members could be read", is_nullable=True),
    *STAGED_TEAMS.columns[5:],
    *_SEEN,
    Column("deleted_at", INSTANT, "first whole teams list without it, UTC", is_nullable=True),
    _IS_STALE,
)

TEAM_MEMBERS = _table(
    "dim_team_members",
    "one person in one team, now or formerly; none unless OOO_TEAMS is on",
    ("organization_id", "team_id", "user_id"),
    _organization(),
    *STAGED_TEAM_MEMBERS.columns[2:],
    *_SEEN,
    Column("left_at", INSTANT, "first snapshot that proved them not in it, UTC", is_nullable=True),
    _IS_STALE,
)

ENTRIES = _table(
    "fct_ooo_entries",
    "one out-of-office entry, deleted ones included",
    ("organization_id", "entry_id"),
    _organization(),
    Column("entry_id", pl.Int64, "Cal.com's id of the entry"),
    *_PUBLISHED_FACTS,
    *_SEEN,
    Column("deleted_at", INSTANT, "first snapshot that proved it gone, UTC", is_nullable=True),
    _IS_STALE,
)

HISTORY = _table(
    "ooo_entry_history",
    "one version of one entry, valid from valid_from up to but not including valid_to",
    ("organization_id", "entry_id", "valid_from"),
    _organization(),
    Column("entry_id", pl.Int64, "the entry, see fct_ooo_entries"),
    Column("valid_from", INSTANT, "snapshot that first showed this version, UTC, inclusive"),
    Column("valid_to", INSTANT, "snapshot that showed the next one, UTC, exclusive", is_nullable=True),
    Column("change", pl.String, "appeared, changed, vanished or returned"),
    *_PUBLISHED_FACTS,
)

DATES = _table(
    "dim_dates",
    "one day of the calendar",
    ("date_on",),
    Column("date_on", pl.Date, "the day"),
    Column("year", pl.Int32, "calendar year"),
    Column("quarter", pl.Int32, "1 to 4"),
    Column("month", pl.Int32, "1 to 12"),
    Column("iso_week", pl.Int32, "ISO 8601 week, 1 to 53"),
    Column("weekday", pl.Int32, "ISO 8601 weekday, 1 Monday to 7 Sunday"),
    Column("is_weekend", pl.Boolean, "Saturday or Sunday"),
)

CALENDARS = _table(
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

CALENDAR_DAYS = _table(
    "dim_calendar_days",
    "one day of one work calendar, for every day of dim_dates",
    ("calendar", "date_on"),
    Column("calendar", pl.String, "the work calendar, see dim_calendars"),
    Column("date_on", pl.Date, "the day"),
    Column("is_working_day", pl.Boolean, "true on a weekday of the work week that is no public holiday"),
    Column("holiday_name", pl.String, "the public holiday, on whatever weekday", is_nullable=True),
    Column(
        "working_day_number",
        pl.Int32,
        "working days from 1970-01-01 to this day, both included: two rows' difference counts those between",
    ),
)

PERSON_CALENDARS = _table(
    "person_calendars",
    "one person and the work calendar that their days are derived by",
    ("organization_id", "user_id"),
    _organization(),
    Column("user_id", pl.Int64, "Cal.com's id of the person", personal=Personal.ID),
    _CALENDAR,
    Column("rules", pl.String, "checksum of the calendar's working days"),
)

REASONS = _table(
    "dim_reasons",
    "one reason code",
    ("reason",),
    Column("reason", pl.String, "reason code"),
    Column("label", pl.String, "for people"),
    Column("is_standard", pl.Boolean, "true if Cal.com's API names it"),
    Column("sort_order", pl.Int32, "precedence where entries overlap, 1 first"),
)

RUNS = _table(
    "runs",
    "one run of the pipeline",
    ("run_id",),
    Column("run_id", pl.String, "sortable id: UTC time of the start and a random part"),
    _organization(),
    Column("started_at", INSTANT, "start of the snapshot, UTC"),
    Column("finished_at", INSTANT, "end of the load, UTC"),
    Column("strategy", pl.String, "per-user, org-wide or both"),
    Column("outcome", pl.String, "complete, partial or failed"),
    Column("requests", pl.Int64, "requests sent, retries included"),
    Column("retries", pl.Int64, "of those, repeated ones"),
    Column("waited_seconds", pl.Float64, "time slept for the rate limit"),
    Column("rows_in", pl.Int64, "entries read: inserted, updated, unchanged and quarantined"),
    Column("rows_inserted", pl.Int64, "entries seen for the first time"),
    Column("rows_updated", pl.Int64, "entries that changed or returned"),
    Column("rows_unchanged", pl.Int64, "entries as they were"),
    Column("rows_quarantined", pl.Int64, "entries that could not be read"),
    Column("rows_deleted", pl.Int64, "entries proved gone"),
    Column("scopes_complete", pl.Int64, "scopes proved whole"),
    Column("scopes_unproven", pl.Int64, "scopes read without a proof"),
    Column("scopes_failed", pl.Int64, "scopes that could not be read"),
    Column("error", pl.String, "why the run failed", is_nullable=True, personal=Personal.TEXT),
)

AUDITS = _table(
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
