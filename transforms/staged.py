"""The tables between the landing and the warehouse: one row a record and page, as it was read."""

import polars as pl

from transforms.columns import (
    ENTRY_ID,
    HOW_AND_WHY,
    MEMBERSHIP,
    NOTES,
    ORGANIZATION_ID,
    PROFILE,
    TEAM_DETAILS,
    TEAM_IDS,
    USER_ID,
    WHO_AND_WHEN,
)
from transforms.table import Column, Personal, Table

_PAGE = Column("page", pl.Int32, "the run's page that the row was read on; the later is the newer")

STAGED_ENTRIES = Table.of(
    "staged_entries",
    "one entry as read on one page",
    ("organization_id", "entry_id", "page"),
    _PAGE,
    ORGANIZATION_ID,
    ENTRY_ID,
    *WHO_AND_WHEN,
    *HOW_AND_WHY,
    NOTES,
)

STAGED_PEOPLE = Table.of(
    "staged_people",
    "one person as read on one page",
    ("organization_id", "user_id", "page"),
    _PAGE,
    ORGANIZATION_ID,
    USER_ID,
    Column("email", pl.String, "e-mail address", personal=Personal.TEXT),
    *PROFILE,
)

STAGED_TEAMS = Table.of(
    "staged_teams",
    "one team as read on one page",
    ("organization_id", "team_id", "page"),
    _PAGE,
    ORGANIZATION_ID,
    *TEAM_IDS,
    Column("name", pl.String, "the team's name"),
    *TEAM_DETAILS,
)

STAGED_TEAM_MEMBERS = Table.of(
    "staged_team_members",
    "one membership of a team as read on one page",
    ("organization_id", "membership_id", "page"),
    _PAGE,
    ORGANIZATION_ID,
    *MEMBERSHIP,
)

STAGED_REJECTS = Table.of(
    "staged_rejects",
    "one record that could not be read, on one page",
    ("organization_id", "record_kind", "record_id", "page"),
    _PAGE,
    ORGANIZATION_ID,
    Column("record_kind", pl.String, "entry, user, team or membership"),
    Column("record_id", pl.Int64, "the record's id, if that could be read", is_nullable=True),
    Column("user_id", pl.Int64, "the person it belongs to, if known", is_nullable=True, personal=Personal.ID),
    Column("team_id", pl.Int64, "the team it belongs to, if any", is_nullable=True),
    Column("problem", pl.String, "reason code: field and what is wrong with it"),
    Column("raw", pl.String, "the whole record as JSON text", personal=Personal.TEXT),
)

STAGED_TABLES = (STAGED_ENTRIES, STAGED_PEOPLE, STAGED_TEAMS, STAGED_TEAM_MEMBERS, STAGED_REJECTS)
"""The staging tables of a load."""
