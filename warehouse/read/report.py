"""Read the facts of the two report pages from the published database."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import duckdb
import polars as pl

from warehouse.connection import read_statement

YEARS_BACK, YEARS_AHEAD = 3, 1
"""The span of the measures: whole calendar years before and after that of the newest snapshot."""

DAYS_BACK, DAYS_AHEAD = 14, 120
"""The span of the lists of people: days before and after the newest snapshot."""

PERSON_DAYS = 365
"""The days of the totals per team and person; the last one is the date of the newest snapshot."""

MOST_RUNS = 10

Row = dict[str, Any]


@dataclass(frozen=True)
class AwayFacts:
    """The facts about who is absent when; each list is in the order of its statement."""

    as_of: datetime
    """The newest snapshot of any organization, UTC without a zone."""
    first_on: date
    last_on: date
    organizations: list[Row]
    people: list[Row]
    memberships: list[Row]
    absences: list[Row]
    """Live entries without public holidays. They have reasons, which only the owner's page may show."""
    changes: list[Row]
    """The differences to the newest snapshot of an earlier date. They have reasons, too."""
    calendar_days: list[Row]
    public_holidays: list[Row]


@dataclass(frozen=True)
class MeasureFacts:
    """The facts from which the owner's page computes its measures."""

    first_on: date
    last_on: date
    persons_from_on: date
    reasons: list[Row]
    days: pl.DataFrame
    """The counts per organization, day and reason; a frame, because these are the most rows."""
    available_days: pl.DataFrame
    """The working days of the members per organization and day."""
    cover_gaps: list[Row]
    team_totals: list[Row]
    people_totals: list[Row]
    runs: pl.DataFrame
    """The newest runs of each organization."""


def read_away_facts(published: duckdb.DuckDBPyConnection) -> AwayFacts | None:
    """Return who is absent when, from the open published database; None if it has no snapshot."""
    organizations = _read(published, "select_organizations")
    if not organizations:
        return None
    as_of = max(organization["observed_at"] for organization in organizations)
    first_on = as_of.date() - timedelta(days=DAYS_BACK)
    last_on = as_of.date() + timedelta(days=DAYS_AHEAD)
    span = {"first_on": first_on, "last_on": last_on}
    return AwayFacts(
        as_of=as_of,
        first_on=first_on,
        last_on=last_on,
        organizations=organizations,
        people=_read(published, "select_people", **span),
        memberships=_read(published, "select_memberships"),
        absences=_read(published, "select_absences", **span),
        changes=_read(published, "select_changes"),
        calendar_days=_read(published, "select_calendar_days", **span),
        public_holidays=_read(published, "select_public_holidays", **span),
    )


def read_measure_facts(published: duckdb.DuckDBPyConnection, away: AwayFacts) -> MeasureFacts:
    """Return the facts of the measures, from the open published database.

    The sums are per day and reason, as in the macros, so that the page can add them up over any range.
    """
    today = away.as_of.date()
    first_on, last_on = date(today.year - YEARS_BACK, 1, 1), date(today.year + YEARS_AHEAD, 12, 31)
    span = {"first_on": first_on, "last_on": last_on}
    persons_from_on = today - timedelta(days=PERSON_DAYS - 1)
    year = {"first_on": persons_from_on, "last_on": today}
    return MeasureFacts(
        first_on=first_on,
        last_on=last_on,
        persons_from_on=persons_from_on,
        reasons=_read(published, "select_reasons"),
        days=_read_frame(published, "select_days", **span),
        available_days=_read_frame(published, "select_available_days", **span),
        cover_gaps=_read(published, "select_cover_gaps", first_on=today, last_on=away.last_on),
        team_totals=_read(published, "select_team_totals", **year) if away.memberships else [],
        people_totals=_read(published, "select_people_totals", **year),
        runs=_read_frame(published, "select_runs", most=MOST_RUNS),
    )


def _read(published: duckdb.DuckDBPyConnection, name: str, **parameters: Any) -> list[Row]:
    cursor = published.execute(read_statement(f"read/sql/{name}"), parameters)
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def _read_frame(published: duckdb.DuckDBPyConnection, name: str, **parameters: Any) -> pl.DataFrame:
    frame: pl.DataFrame = published.sql(read_statement(f"read/sql/{name}"), params=parameters).pl()
    return frame
