"""Turn the facts of the report pages into JSON types.

Days are offsets from the first day of the page, and people are positions in the list of people, so that the pages
of large organizations stay small. The facts for colleagues have no reasons.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl

from warehouse.read.report import PERSON_DAYS, AwayFacts, MeasureFacts, Row

QUANTITIES = (
    "absence_days",
    "absence_working_days",
    "lost_working_days",
    "uncovered_days",
    "cover_gone_days",
    "cover_away_days",
    "cover_holiday_days",
)
"""The sums per day and reason of select_days.sql."""

TEAM_FIGURES = ("people", "people_absent", "absence_days", "absence_working_days", "absence_rate")

RUN_COLUMNS = (
    "started_at",
    "outcome",
    "rows_in",
    "rows_inserted",
    "rows_updated",
    "rows_deleted",
    "rows_quarantined",
    "scopes_unproven",
    "scopes_failed",
    "requests",
)


class Positions:
    """The positions of organizations, people, teams, calendars and days in the lists of the page."""

    def __init__(self, facts: AwayFacts) -> None:
        """Assign a position to each row of the facts, in their order."""
        self.first_on = facts.first_on
        self.organizations = {row["organization_id"]: at for at, row in enumerate(facts.organizations)}
        self.people = {(row["organization_id"], row["user_id"]): at for at, row in enumerate(facts.people)}
        self.teams = _positions((row["organization_id"], row["team_id"]) for row in facts.memberships)
        self.calendars = _positions(row["calendar"] for row in facts.calendar_days)

    def day(self, day: date | None) -> int | None:
        """Return the offset of the day from the first day of the page."""
        return None if day is None else (day - self.first_on).days

    def person(self, row: Row, column: str = "user_id") -> int | None:
        """Return the position of the person in this column of the row; None if the column is null."""
        return self.people.get((row["organization_id"], row[column]))


def away_json(facts: AwayFacts) -> dict[str, Any]:
    """Return who is absent when, without reasons."""
    positions = Positions(facts)
    return {
        "as_of": _instant(facts.as_of),
        "first_on": facts.first_on.isoformat(),
        "last_on": facts.last_on.isoformat(),
        "organizations": [_organization(row) for row in facts.organizations],
        "calendars": _calendars(facts, positions),
        "bank_holidays": _bank_holidays(facts, positions),
        "teams": _teams(facts, positions),
        "people": _people(facts, positions),
        "absences": [
            [
                positions.person(row),
                positions.day(row["starts_on"]),
                positions.day(row["ends_on"]),
                positions.day(row["back_on"]),
                positions.person(row, "covering_user_id"),
            ]
            for row in facts.absences
        ],
        "changes": [
            [
                row["change"],
                positions.person(row),
                *(
                    positions.day(row[name])
                    for name in ("starts_on", "ends_on", "former_starts_on", "former_ends_on")
                ),
            ]
            for row in facts.changes
            if positions.person(row) is not None
        ],
    }


def report_json(away: Mapping[str, Any], facts: AwayFacts, measures: MeasureFacts) -> dict[str, Any]:
    """Return who is absent when and why, and the measures. `away` is `away_json` of the same facts."""
    positions = Positions(facts)
    reasons = {row["reason"]: at for at, row in enumerate(measures.reasons)}
    changes = [row for row in facts.changes if positions.person(row) is not None]
    with_reasons = {
        name: [[*row, reasons[record["reason"]]] for row, record in zip(away[name], records, strict=True)]
        for name, records in (("absences", facts.absences), ("changes", changes))
    }
    return {
        **away,
        **with_reasons,
        "reasons": [{"reason": row["reason"], "label": row["label"]} for row in measures.reasons],
        "measures": {
            "first_on": measures.first_on.isoformat(),
            "last_on": measures.last_on.isoformat(),
            "organizations": _measures(facts, measures),
            "cover_gaps": [
                [
                    positions.person(row),
                    positions.day(row["first_on"]),
                    positions.day(row["last_on"]),
                    row["kind"],
                    positions.person(row, "covering_user_id"),
                    reasons[row["reason"]],
                ]
                for row in measures.cover_gaps
            ],
            "people_from_on": measures.persons_from_on.isoformat(),
            "people_days": PERSON_DAYS,
            "team_totals": [
                [positions.teams[key], *(row[name] for name in TEAM_FIGURES)]
                for row in measures.team_totals
                if (key := (row["organization_id"], row["team_id"])) in positions.teams
            ],
            "people_totals": [
                [position, row["absence_days"], row["absence_working_days"], row["sick_days"]]
                for row in measures.people_totals
                if (position := positions.person(row)) is not None
            ],
        },
    }


def _organization(row: Row) -> dict[str, Any]:
    name = row["name"] or f"Organization {row['organization_id']}"
    return {
        "id": row["organization_id"],
        "name": name if row["left_fleet_at"] is None else f"{name} (no longer read)",
        "as_of": _instant(row["observed_at"]),
        "since": row["since_at"] and _instant(row["since_at"]),
        "outcome": row["outcome"],
        "is_read": row["left_fleet_at"] is None,
        "people": row["people"],
    }


def _calendars(facts: AwayFacts, positions: Positions) -> list[dict[str, Any]]:
    calendars: list[dict[str, Any]] = [
        {"name": name, "off": [], "holidays": []} for name in positions.calendars
    ]
    for row in facts.calendar_days:
        calendar, day = calendars[positions.calendars[row["calendar"]]], positions.day(row["date_on"])
        if not row["is_working_day"]:
            calendar["off"].append(day)
        if row["holiday_name"]:
            calendar["holidays"].append([day, row["holiday_name"]])
    return calendars


def _bank_holidays(facts: AwayFacts, positions: Positions) -> list[list[list[int | None]]]:
    days: list[list[list[int | None]]] = [[] for _ in positions.organizations]
    for row in facts.public_holidays:
        if row["organization_id"] in positions.organizations:
            days[positions.organizations[row["organization_id"]]].append(
                [positions.day(row["date_on"]), row["people"]]
            )
    return days


def _teams(facts: AwayFacts, positions: Positions) -> list[dict[str, Any]]:
    names = {(row["organization_id"], row["team_id"]): row["team"] for row in facts.memberships}
    return [
        {
            "organization": positions.organizations[organization_id],
            "id": team_id,
            "name": names[organization_id, team_id],
        }
        for organization_id, team_id in positions.teams
    ]


def _people(facts: AwayFacts, positions: Positions) -> list[list[Any]]:
    teams: dict[tuple[int, int], list[int]] = {}
    for row in facts.memberships:
        key = (row["organization_id"], row["user_id"])
        teams.setdefault(key, []).append(positions.teams[row["organization_id"], row["team_id"]])
    return [
        [
            positions.organizations[row["organization_id"]],
            row["name"] or f"Person {row['user_id']}",
            row["hint"],
            positions.calendars.get(row["calendar"], 0),
            teams.get((row["organization_id"], row["user_id"]), []),
            *([1] if row["has_left"] else []),
        ]
        for row in facts.people
    ]


def _measures(facts: AwayFacts, measures: MeasureFacts) -> list[dict[str, Any]]:
    """Return the measures of each organization. The rows of one organization at a time become Python objects."""
    days, available_days, runs = map(
        _by_organization, (measures.days, measures.available_days, measures.runs)
    )

    def own(frames: Mapping[int, pl.DataFrame], organization: Row) -> list[Row]:
        frame = frames.get(organization["organization_id"])
        return [] if frame is None else frame.to_dicts()

    organizations = []
    for organization in facts.organizations:
        absence = own(days, organization)
        available = {
            row["date_on"]: row["available_working_days"] for row in own(available_days, organization)
        }
        organizations.append(
            {name: _series_by_reason(absence, name, measures.first_on) for name in QUANTITIES}
            | {"available_working_days": _series(available, measures.first_on)}
            | {name: organization[name] for name in ("people_stale", "entries", "entries_stale")}
            | {"runs": [[_plain(row[name]) for name in RUN_COLUMNS] for row in own(runs, organization)]}
        )
    return organizations


def _by_organization(rows: pl.DataFrame) -> dict[int, pl.DataFrame]:
    """Return the rows of each organization, which follow each other. The frames share the memory of `rows`."""
    sizes = rows.get_column("organization_id").rle().struct.unnest()
    offsets = sizes.get_column("len").cum_sum() - sizes.get_column("len")
    return {
        organization_id: rows.slice(offset, size)
        for offset, size, organization_id in zip(offsets, *sizes.get_columns(), strict=True)
    }


def _series_by_reason(days: Sequence[Row], name: str, first_on: date) -> dict[str, list[int]]:
    by_reason: dict[str, dict[date, int]] = {}
    for row in days:
        if row[name]:
            by_reason.setdefault(row["reason"], {})[row["date_on"]] = row[name]
    return {reason: _series(values, first_on) for reason, values in by_reason.items()}


def _series(values: dict[date, int], first_on: date) -> list[int]:
    """Return one number per day from the first day on. A negative number -n stands for n days of zero."""
    numbers: list[int] = []
    following = 0
    for day in sorted(values):
        offset = (day - first_on).days
        if offset > following:
            numbers.append(following - offset)
        numbers.append(values[day])
        following = offset + 1
    return numbers


def _positions(keys: Iterable[Any]) -> dict[Any, int]:
    return {key: at for at, key in enumerate(dict.fromkeys(keys))}


def _instant(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _plain(value: Any) -> Any:
    return _instant(value) if isinstance(value, datetime) else value
