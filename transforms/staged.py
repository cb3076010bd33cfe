"""Declare the staging tables: one row per record and page, between the landing and the warehouse."""

import polars as pl

from transforms.columns import (
    ENTRY_DETAILS,
    ENTRY_ID,
    ENTRY_PERSON_AND_DATES,
    MEMBERSHIP,
    NOTES,
    ORGANIZATION_ID,
    PROFILE,
    TEAM_DETAILS,
    TEAM_IDS,
    USER_ID,
)
from transforms.table import Column, Personal, Table

_PAGE = Column("page", pl.Int32, "The page of the run with the record; the row of a later page is newer.")

STAGED_ENTRIES = Table.of(
    "staged_entries",
    "one valid record of an entry on one page",
    ("organization_id", "entry_id", "page"),
    _PAGE,
    ORGANIZATION_ID,
    ENTRY_ID,
    *ENTRY_PERSON_AND_DATES,
    *ENTRY_DETAILS,
    NOTES,
)

STAGED_PEOPLE = Table.of(
    "staged_people",
    "one valid record of a user on one page",
    ("organization_id", "user_id", "page"),
    _PAGE,
    ORGANIZATION_ID,
    USER_ID,
    Column("email", pl.String, "The e-mail address.", personal=Personal.TEXT),
    *PROFILE,
)

STAGED_TEAMS = Table.of(
    "staged_teams",
    "one valid record of a team on one page",
    ("organization_id", "team_id", "page"),
    _PAGE,
    ORGANIZATION_ID,
    *TEAM_IDS,
    Column("name", pl.String, "The name of the team."),
    *TEAM_DETAILS,
)

STAGED_TEAM_MEMBERS = Table.of(
    "staged_team_members",
    "one valid record of a membership on one page",
    ("organization_id", "membership_id", "page"),
    _PAGE,
    ORGANIZATION_ID,
    *MEMBERSHIP,
)

STAGED_REJECTS = Table.of(
    "staged_rejects",
    "one record on one page that failed validation",
    ("organization_id", "record_kind", "record_id", "page"),
    _PAGE,
    ORGANIZATION_ID,
    Column("record_kind", pl.String, "The kind of record: entry, user, team or membership."),
    Column("record_id", pl.Int64, "The id of the record; null if it is not readable.", is_nullable=True),
    Column(
        "user_id",
        pl.Int64,
        "The id of the person to whom the record belongs; null if it is not known.",
        is_nullable=True,
        personal=Personal.ID,
    ),
    Column("team_id", pl.Int64, "The id of the team to which the record belongs, if any.", is_nullable=True),
    Column("problem", pl.String, "The reason code: the field, and the problem with its value."),
    Column("raw", pl.String, "The whole record as JSON text.", personal=Personal.TEXT),
)

STAGED_TABLES = (STAGED_ENTRIES, STAGED_PEOPLE, STAGED_TEAMS, STAGED_TEAM_MEMBERS, STAGED_REJECTS)
"""The staging tables of a load. Every one is created empty, in this order."""
