"""Declare the columns that several tables share, so that one name has one meaning."""

import polars as pl

from transforms.table import INSTANT, Column, Personal

ORGANIZATION_ID = Column("organization_id", pl.Int64, "The id of the Cal.com organization.")
USER_ID = Column("user_id", pl.Int64, "The Cal.com id of the person.", personal=Personal.ID)
ENTRY_ID = Column("entry_id", pl.Int64, "The Cal.com id of the entry.")
ABSENT_USER_ID = Column("user_id", pl.Int64, "The id of the absent person.", personal=Personal.ID)

PROFILE = (
    Column("name", pl.String, "The display name.", is_nullable=True, personal=Personal.TEXT),
    Column("username", pl.String, "The Cal.com user name.", is_nullable=True, personal=Personal.TEXT),
    Column(
        "time_zone",
        pl.String,
        "The IANA time zone in the latest profile.",
        is_nullable=True,
        personal=Personal.TRAIT,
    ),
    Column(
        "locale", pl.String, "The language in the latest profile.", is_nullable=True, personal=Personal.TRAIT
    ),
    Column(
        "created_at", INSTANT, "The creation of the account, UTC.", is_nullable=True, personal=Personal.TRAIT
    ),
)
"""The profile of a user, without the e-mail address."""

ENTRY_PERSON_AND_DATES = (
    Column("entry_uuid", pl.String, "The second Cal.com identifier of the entry."),
    ABSENT_USER_ID,
    Column(
        "covering_user_id",
        pl.Int64,
        "The id of the cover, the person who stands in during the absence; null if the entry names none.",
        is_nullable=True,
        personal=Personal.ID,
    ),
    Column("starts_on", pl.Date, "The first day of absence, inclusive, by the rule in date_rule."),
    Column("ends_on", pl.Date, "The last day of absence, inclusive, by the rule in date_rule."),
    Column(
        "calendar_days",
        pl.Int32,
        "The number of days from starts_on to ends_on, both inclusive; 0 if ends_on is before starts_on.",
    ),
)
"""The absent person, the cover and the dates of an entry."""

ENTRY_DETAILS = (
    Column(
        "materialized_days",
        pl.Int32,
        "The number of days that have a row in the day tables: at most ten years from starts_on, none if starts_on"
        " is not between 1970 and 2099, none of a deleted entry, and those up to a departure.",
    ),
    Column("reason", pl.String, "The reason code, see dim_reasons."),
    Column(
        "reason_raw",
        pl.String,
        "The reason as Cal.com sent it; null for a custom reason.",
        is_nullable=True,
    ),
    Column("has_notes", pl.Boolean, "True if the entry has a note, whether or not notes are published."),
    Column(
        "starts_at_raw",
        INSTANT,
        "The start as Cal.com stores it: the first day, written as an instant in UTC.",
    ),
    Column(
        "ends_at_raw", INSTANT, "The end as Cal.com stores it: the last day, written as an instant in UTC."
    ),
    Column(
        "is_day_aligned",
        pl.Boolean,
        "True if the entry is stored from 00:00:00 to 23:59:59, as current versions of Cal.com store it.",
    ),
    Column(
        "date_rule",
        pl.String,
        "The rule that gave starts_on and ends_on: day_aligned; nearest_midnight, for a whole number of days that"
        " an old version stored in the local time of its server; or date_parts, for any other times.",
    ),
)
"""The other facts of an entry, except the note."""

NOTES = Column(
    "notes",
    pl.String,
    "The note of the entry; null if the entry has none, or if notes are not kept.",
    is_nullable=True,
    personal=Personal.TEXT,
)

TEAM_IDS = (
    Column("team_id", pl.Int64, "The Cal.com id of the team."),
    Column(
        "parent_team_id",
        pl.Int64,
        "The Cal.com id of the parent of the team, which is the organization.",
        is_nullable=True,
    ),
)
TEAM_DETAILS = (
    Column("slug", pl.String, "The name of the team in URLs.", is_nullable=True),
    Column(
        "is_private",
        pl.Boolean,
        "True if the members of the team are hidden from other users.",
        is_nullable=True,
    ),
    Column("time_zone", pl.String, "The IANA time zone of the team.", is_nullable=True),
)
"""The facts of a team besides its ids and its name."""

MEMBERSHIP = (
    Column("team_id", pl.Int64, "The id of the team, see dim_teams."),
    Column(
        "user_id",
        pl.Int64,
        "The id of the member. A member who is only invited, or has no profile in the organization, is not in"
        " dim_people.",
        personal=Personal.ID,
    ),
    Column(
        "membership_id",
        pl.Int64,
        "The Cal.com id of the membership. A person who joins the team again gets a new one.",
    ),
    Column("role", pl.String, "The role as Cal.com names it: MEMBER, ADMIN or OWNER."),
    Column("is_accepted", pl.Boolean, "False while the invitation is pending."),
)
"""The membership of one person in one team."""
