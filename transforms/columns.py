"""Columns that more than one table has: a name means one thing, and is declared once."""

import polars as pl

from transforms.table import INSTANT, Column, Personal

ORGANIZATION_ID = Column("organization_id", pl.Int64, "Cal.com organization")
USER_ID = Column("user_id", pl.Int64, "Cal.com's id of the person", personal=Personal.ID)
ENTRY_ID = Column("entry_id", pl.Int64, "Cal.com's id of the entry")
ABSENT_USER_ID = Column("user_id", pl.Int64, "the absent person", personal=Personal.ID)

PROFILE = (
    Column("name", pl.String, "display name", is_nullable=True, personal=Personal.TEXT),
    Column("username", pl.String, "Cal.com user name", is_nullable=True, personal=Personal.TEXT),
    Column("time_zone", pl.String, "IANA time zone the person has set now", is_nullable=True),
    Column("locale", pl.String, "language the person has set", is_nullable=True),
    Column("created_at", INSTANT, "when the account was created, UTC", is_nullable=True),
)
"""What a user's profile has besides the e-mail address."""

WHO_AND_WHEN = (
    Column("entry_uuid", pl.String, "Cal.com's second identifier of the entry"),
    ABSENT_USER_ID,
    Column("covering_user_id", pl.Int64, "who covers for them", is_nullable=True, personal=Personal.ID),
    Column("starts_on", pl.Date, "first day of absence, inclusive, as the person picked it"),
    Column("ends_on", pl.Date, "last day of absence, inclusive, as the person picked it"),
    Column("calendar_days", pl.Int32, "days from starts_on to ends_on, both included; 0 if reversed"),
)
"""Whose absence an entry is, and when."""

HOW_AND_WHY = (
    Column(
        "materialized_days",
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
"""What else is known of an absence."""

NOTES = Column(
    "notes",
    pl.String,
    "the entry's text; null if none, or not kept",
    is_nullable=True,
    personal=Personal.TEXT,
)

TEAM_IDS = (
    Column("team_id", pl.Int64, "Cal.com's id of the team"),
    Column("parent_team_id", pl.Int64, "what the team is part of: the organization's id", is_nullable=True),
)
TEAM_DETAILS = (
    Column("slug", pl.String, "the team's name in URLs", is_nullable=True),
    Column("is_private", pl.Boolean, "true if its members are hidden from others", is_nullable=True),
    Column("time_zone", pl.String, "IANA time zone the team has set", is_nullable=True),
)
"""What a team has besides its ids and its name."""

MEMBERSHIP = (
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
"""One person's membership of one team."""
