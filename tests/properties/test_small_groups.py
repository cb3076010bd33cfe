"""Attack OOO_MIN_GROUP_SIZE: no named query shows a small group, alone or by subtracting two answers of one range.

The attacker adds up and subtracts figures of one unit. A result is a small group if it is not 0 for one person or for
a few, where the value of each person is the figure of the same query over a database in which the others are missing.
"""

import contextlib
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any
from unittest.mock import patch

import duckdb
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.report import queries
from flows.report.queries import NAMED, Dates, run_named
from flows.settings.errors import QueryError, SqlError
from tests.support.naive import Absence, Policy
from tests.support.readings import Calendar, Membership, Team, TeamReading
from tests.support.warehouse import audit_and_publish, load, new_warehouse, night, read_all
from transforms.schema import PUBLISHED
from transforms.suppression import EXTREMES, LABELS
from warehouse.read.contributions import isolate_people

LEAST = 3
PEOPLE = range(1, 15)
FIRST = date(2026, 1, 26)  # a Monday; the range may end in February
UNITS = {
    **dict.fromkeys(
        (
            *(
                "absence_days",
                "absence_working_days",
                "absent_working_days",
                "sick_working_days",
                "named_days",
            ),
            *("present_days", "people_sick", "long_term_working_days", "short_term_working_days"),
        ),
        "day",
    ),
    **dict.fromkeys(("spells", "new_spells"), "spell"),
    **dict.fromkeys(
        (
            "entries",
            "known_entries",
            "late_entries",
            "shortened_entries",
            "extended_entries",
            "moved_entries",
        ),
        "entry",
    ),
    **dict.fromkeys(
        ("cancelled_entries", "cancelled_before_start", "cancelled_while_running"), "cancellation"
    ),
    **dict.fromkeys(("cancelled_days", "cancelled_working_days"), "cancelled day"),
    **dict.fromkeys(("people", "people_absent", "people_with_spells"), "person"),
}
"""The figures that an attacker can add up or subtract, with their unit."""
RATIOS = {
    "absence_by_team": {"share_absent": "people_absent", "absence_rate": "absence_working_days"},
    "absence_by_weekday": {"share_of_working_days": "absence_working_days"},
    "absence_by_year": {"average_people_absent": "absence_days"},
    "absence_incidence": {"incidence": "people_absent"},
    **dict.fromkeys(
        ("lost_time_rate", "absence_rate"),
        dict.fromkeys(("lost_time_rate", "absence_rate", "days_lost_per_person"), "absent_working_days"),
    ),
    "absence_rate_by_reason": {"absence_rate": "absent_working_days"},
    "absence_seasonality": dict.fromkeys(("average_people_absent", "seasonal_index"), "absence_days"),
    "bridge_days": {"share_absent": "people_absent"},
    "peak_absence": {"share_absent": "people_absent"},
    "changed_leave": {"share_changed": "moved_entries", "added_days": "extended_entries"},
    "coverage_rate": {"share_named": "named_days", "share_present": "present_days"},
    "lead_time": dict.fromkeys(("share_known", "average_lead_days", "median_lead_days"), "known_entries"),
    "rolling_sickness_rate": {"sickness_absence_rate": "sick_working_days"},
    "sickness_absence_rate": {
        **dict.fromkeys(("sickness_absence_rate", "days_lost_per_person"), "sick_working_days"),
        "long_term_rate": "long_term_working_days",
        "short_term_rate": "short_term_working_days",
        "new_spells_per_person_year": "new_spells",
    },
    "spell_duration": dict.fromkeys(
        (
            *("average_calendar_days", "median_calendar_days"),
            *("average_working_days", "median_working_days"),
        ),
        "spells",
    ),
    "spell_frequency": dict.fromkeys(("spells_per_person", "spells_per_person_year"), "spells"),
}
"""The figures of each query that follow from another figure of their row, and that figure."""
NARROW = {
    **{
        figure: {figure}
        for figure in (
            *("present_days", "long_term_working_days", "short_term_working_days", "new_spells"),
            *("late_entries", "shortened_entries", "extended_entries", "moved_entries"),
            *("cancelled_before_start", "cancelled_while_running"),
        )
    },
    "named_days": {"named_days", "present_days"},
    "known_entries": {"known_entries", "late_entries"},
}
"""The figures that count only some days, spells or entries of their unit, and the figures that are parts of them."""
OF_MEMBERS = {"available_working_days", "average_people", "person_years"}
"""The figures that count members, absent or not."""
OF_WORKING_DAYS = {
    *("absence_working_days", "absent_working_days", "sick_working_days", "named_days", "present_days"),
    *("long_term_working_days", "short_term_working_days"),
}
"""The figures that count no day of a weekend, so that a figure of a weekend is no part of them."""
FRIDAY = 5
OF_DAYS = {"absence_by_day", "peak_absence", "bridge_days"}
"""The queries in which absent people are days of absence, because each row is one day."""
MEMBERS = {
    *(
        "headcount_by_day",
        "lost_time_rate",
        "absence_rate",
        "absence_incidence",
        "spell_frequency",
        "bridge_days",
    ),
    *("sickness_absence_rate", "rolling_sickness_rate", "absence_by_team"),
}
"""The queries whose column `people` counts members, absent or not."""
OVERLAPPING = {"absence_by_team", "rolling_sickness_rate"}
"""The queries whose rows do not add up, because teams and windows overlap."""


@dataclass(frozen=True)
class Cell:
    """One figure that is shown: the days, the reason and the group that it covers, and the value of each person."""

    query: str
    figure: str
    unit: str
    days: frozenset[date]
    reason: str | None
    group: Any
    people: Mapping[int, float]

    def holds(self, other: "Cell") -> bool:
        """Return True if the other figure covers a part of this one. Public holidays are no lost time."""
        return (
            other.days <= self.days
            and self.reason in {None, other.reason}
            and self.group in {None, other.group}
            and not (self.figure == "absent_working_days" and other.reason == "public_holiday")
            and other.figure in NARROW.get(self.figure, {other.figure})
        )


@st.composite
def absences(draw: Callable[..., Any]) -> tuple[Absence, ...]:
    """Draw groups of people who are absent alike, and a few people who are not."""
    drawn: list[Absence] = []
    for _ in range(draw(st.integers(1, 5))):
        first = FIRST + timedelta(days=draw(st.integers(0, 9)))
        last = first + timedelta(days=draw(st.sampled_from([0, 0, 1, 4])))
        reason = draw(st.sampled_from(["sick", "vacation", "travel", "public_holiday"]))
        cover = draw(st.sampled_from([None, 14, 1]))
        start = draw(st.integers(1, 12))
        for user_id in range(start, min(start + draw(st.integers(1, 8)), 15)):
            drawn.append(Absence(len(drawn) + 1, user_id, first, last, reason=reason, cover=cover))
    return tuple(drawn)


@settings(deadline=None, max_examples=max(settings.default.max_examples // 10, 6))
@given(
    drawn=absences(),
    starts=st.integers(0, 5),
    length=st.sampled_from([0, 1, 6, 13, 40]),
    seen=st.sampled_from([27, 31, 60]),
    members=st.integers(3, 13),
)
def test_no_small_group_can_be_had_from_one_answer_or_by_subtracting_two_answers_of_one_range(
    drawn: tuple[Absence, ...], starts: int, length: int, seen: int, members: int
) -> None:
    first = FIRST + timedelta(days=starts)
    dates = Dates(first, first + timedelta(days=length))
    with tempfile.TemporaryDirectory() as folder:
        database = publish_absences(Path(folder), drawn, seen, members)
        with reading(database) as read_isolated:
            cells = list(shown_cells(database, dates, read_isolated))
    by_unit = defaultdict(list)
    for cell in cells:
        refuse_small(cell.people, cell)
        by_unit[cell.unit].append(cell)
    for unit, same in by_unit.items():
        for whole, part in permutations(same, 2):
            if whole.holds(part):
                refuse_small(subtract(whole.people, [part.people]), (whole, part))
        if unit != "person":  # the people of two groups do not add up
            refuse_small_sums(same)


def refuse_small_sums(same: list[Cell]) -> None:
    """Subtract from each figure all parts of it that another query shows."""
    columns = {(cell.query, cell.figure) for cell in same if cell.query not in OVERLAPPING}
    for whole in same:
        for query, figure in columns - {(whole.query, whole.figure)}:
            parts = [
                cell for cell in same if (cell.query, cell.figure) == (query, figure) and whole.holds(cell)
            ]
            refuse_small(subtract(whole.people, [part.people for part in parts]), (whole, parts))


def refuse_small(people: Mapping[int, float], facts: object) -> None:
    counted = [person for person, value in people.items() if value]
    assert not 0 < len(counted) < LEAST, (counted, facts)


def subtract(whole: Mapping[int, float], parts: list[Mapping[int, float]]) -> dict[int, float]:
    rest = defaultdict(float, whole)
    for part in parts:
        for person, value in part.items():
            rest[person] -= value
    return rest


def publish_absences(folder: Path, drawn: tuple[Absence, ...], seen: int, members: int) -> Path:
    """Publish the absences, with two work calendars and two teams, and return the database."""
    holidays = frozenset({date(2026, 1, 27)})
    policy = Policy(
        {"plain": Calendar(), "holidays": Calendar(holidays=holidays)},
        "plain",
        {9: "holidays", 10: "holidays"},
    )
    memberships = [Membership(number, 1, number) for number in range(1, members + 1)]
    memberships += [Membership(100 + number, 2, number) for number in range(2, 15)]
    teams = TeamReading(
        (Team(1, "one"), Team(2, "two")), tuple(memberships), (), "complete", {1: "complete", 2: "complete"}
    )
    with new_warehouse() as connection:
        early = tuple(absence for absence in drawn if absence.entry_id % 4)
        for at, read in ((night(3), early), (night(seen), drawn[: len(drawn) - len(drawn) // 6])):
            load(connection, read_all(read, at=at, users=tuple(PEOPLE), policy=policy, teams=teams))
        audit_and_publish(connection, folder)
    return folder / "ooo.duckdb"


class SharedFetch:
    """Runs each statement of the named queries once, on two connections: plain, and with isolated people."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Isolate the people of one of the two connections."""
        self.connections = {False: connection.cursor(), True: connection.cursor()}
        self.is_isolated = False
        self.answers: dict[tuple[bool, str, str], pl.DataFrame] = {}
        isolate_people(lambda sql: self.run(sql, None, is_isolated=True), PUBLISHED)

    def __call__(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pl.DataFrame:
        """Return the rows of the statement on the current connection."""
        key = (self.is_isolated, sql, repr(parameters))
        if key not in self.answers:
            self.answers[key] = self.run(sql, parameters, is_isolated=self.is_isolated)
        return self.answers[key]

    def run(self, sql: str, parameters: Mapping[str, Any] | None, *, is_isolated: bool) -> pl.DataFrame:
        """Return the rows of the statement on the given connection."""
        try:
            relation = self.connections[is_isolated].sql(sql, params=parameters)
            return pl.DataFrame() if relation is None else relation.pl()
        except duckdb.Error as error:
            raise SqlError(str(error)) from error


@contextlib.contextmanager
def reading(database: Path) -> Iterator[SharedFetch]:
    """Let all named queries read the database through one fetch: opening it for each of them takes most of the time."""
    with duckdb.connect(str(database), read_only=True) as connection:
        shared = SharedFetch(connection)

        @contextlib.contextmanager
        def open_shared(*_: object) -> Iterator[SharedFetch]:
            shared.is_isolated = False
            yield shared

        def isolate(*_: object) -> None:
            shared.is_isolated = True

        with (
            patch.object(queries, "open_published", open_shared),
            patch.object(queries, "isolate_people", isolate),
        ):
            yield shared


def shown_cells(database: Path, dates: Dates, fetch: SharedFetch) -> Iterator[Cell]:
    """Return each figure that a named query over `dates` shows, with the value of each person."""
    days = [
        dates.from_date + timedelta(days=number)
        for number in range((dates.to_date - dates.from_date).days + 1)
    ]
    answers = {}
    for name in NAMED:
        try:
            answers[name] = run_named(database, name, dates, night(40), min_group_size=LEAST)
        except QueryError as refusal:
            assert "lists people" in str(refusal), refusal  # noqa: PT017 - each other query has an answer
    for name, rows in answers.items():
        check_figures(name, rows)
    fetch.is_isolated = True
    values = {"from_date": dates.from_date, "to_date": dates.to_date}
    for name, rows in answers.items():
        people = fetch(f"FROM {name}($from_date, $to_date)", values)
        for row in rows.to_dicts():
            yield from cells_of(name, row, people, days)


def check_figures(name: str, rows: pl.DataFrame) -> None:
    """Check that the attack includes each figure of the answer, and that no ratio shows a figure that is suppressed."""
    ratios = RATIOS.get(name, {})
    known = {*LABELS, *EXTREMES, *UNITS, *OF_MEMBERS, *ratios, "is_suppressed"}
    assert set(rows.columns) <= known, (name, set(rows.columns) - known)
    assert not [figure for figure in EXTREMES if figure in rows.columns and rows[figure].drop_nulls().len()]
    for ratio, figure in ratios.items():
        if ratio in rows.columns:
            leaks = rows.filter(pl.col(ratio).is_not_null() & pl.col(figure).is_null())
            assert leaks.is_empty(), (name, ratio, leaks)


def cells_of(name: str, row: dict[str, Any], people: pl.DataFrame, days: list[date]) -> Iterator[Cell]:
    keys = [
        key
        for key in ("date_on", "month_on", "year", "month", "weekday", "reason", "team_id", "calendar")
        if key in row
    ]
    own = people.filter(pl.col(key) == row[key] for key in keys) if keys else people
    reason = "sick" if name in {"sickness_absence_rate", "rolling_sickness_rate"} else row.get("reason")
    for figure, unit in UNITS.items():
        if row.get(figure) is None or (figure == "people" and name in MEMBERS):
            continue
        is_day = name in OF_DAYS and figure == "people_absent"
        values = dict(own.select("organization_id", figure).iter_rows())
        yield Cell(
            query=name,
            figure=figure,
            unit="day"
            if is_day
            else "entry-day"
            if (name, figure) == ("absence_by_day", "entries")
            else unit,
            days=frozenset(
                day
                for day in days
                if is_within(day, row) and (figure not in OF_WORKING_DAYS or day.isoweekday() <= FRIDAY)
            ),
            reason="sick" if figure == "people_sick" else None if reason == "any" else reason,
            group=row.get("team_id") or row.get("calendar"),
            people={person: value for person, value in values.items() if value},
        )


def is_within(day: date, row: dict[str, Any]) -> bool:
    """Return True if the row of an answer counts the day."""
    facts = {
        "date_on": day,
        "month_on": day.replace(day=1),
        "year": day.year,
        "month": day.month,
        "weekday": day.isoweekday(),
    }
    if "window_to_on" in row:
        return bool(row["window_from_on"] <= day <= row["window_to_on"])
    return all(row[name] == value for name, value in facts.items() if name in row)
