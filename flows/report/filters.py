"""Restrict the rows of an answer to reasons, teams and people, which the user gives by id or by name."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Protocol

import polars as pl

from calcom.errors import redact
from flows.settings.errors import QueryError
from transforms.reasons import PRECEDENCE
from warehouse.connection import read_statement
from warehouse.publish.measures import Measure, find_measures

MOST_CANDIDATES = 8
"""The number of candidates in the message about an ambiguous name."""

FILTER_COLUMNS = {"--reason": "reason", "--team": "team_id or user_id", "--person": "user_id"}
"""The columns that each option compares."""

_PERSON, _TEAM = ("organization_id", "user_id"), ("organization_id", "team_id")

_ABSENCES = ("fct_absence_days", "fct_entry_days", "fct_ooo_entries", "ooo_entry_history")
"""The tables with a person and a reason, from which the measures are computed."""

_OF_SICK_LEAVE = (
    "bradford_factor",
    "rolling_bradford_factor",
    "rolling_sickness_rate",
    "sickness_absence_rate",
)
"""The measures of one reason, by their definition."""


class Fetch(Protocol):
    """Runs a statement on the published database, and returns its rows."""

    def __call__(
        self, sql: str, parameters: Mapping[str, Any] | None = None, *, reads_only: bool = False
    ) -> pl.DataFrame:
        """Return the rows. With `reads_only`, refuse statements that are not a SELECT."""


@dataclass(frozen=True)
class Filters:
    """The values of --reason, --team and --person. The values of one option are alternatives."""

    reasons: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    people: tuple[str, ...] = ()

    def options(self) -> list[str]:
        """Return the options that have a value."""
        values = {"--reason": self.reasons, "--team": self.teams, "--person": self.people}
        return [option for option in values if values[option]]


NO_FILTERS = Filters()


@dataclass(frozen=True)
class Selection:
    """The filters as rows of the published tables; None for an option that is not given."""

    reasons: tuple[str, ...] | None = None
    teams: pl.DataFrame | None = None
    """The ids of the teams."""
    members: pl.DataFrame | None = None
    """The ids of the people of the teams."""
    people: pl.DataFrame | None = None
    """The ids of the people of --person."""

    def unmatched(self, columns: Collection[str]) -> list[str]:
        """Return the options that rows with these `columns` cannot be compared with."""
        has_person = "user_id" in columns
        missing = {
            "--reason": self.reasons is not None and "reason" not in columns,
            "--team": self.teams is not None and not has_person and "team_id" not in columns,
            "--person": self.people is not None and not has_person,
        }
        return [option for option, is_missing in missing.items() if is_missing]

    def matching(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows that match the filters in their columns."""
        if self.reasons is not None and "reason" in rows.columns:
            rows = rows.filter(pl.col("reason").is_in(self.reasons))
        if self.teams is not None and "team_id" in rows.columns:
            rows = rows.join(self.teams, on=_TEAM, how="semi", maintain_order="left")
        elif self.members is not None and "user_id" in rows.columns:
            rows = rows.join(self.members, on=_PERSON, how="semi", maintain_order="left")
        if self.people is not None and "user_id" in rows.columns:
            rows = rows.join(self.people, on=_PERSON, how="semi", maintain_order="left")
        return rows


def select(fetch: Fetch, filters: Filters) -> Selection:
    """Return the reasons, teams and people of `filters`. Raise `QueryError` for an unknown or ambiguous value."""
    teams = _find_teams(fetch, filters.teams) if filters.teams else None
    members = None
    if teams is not None:
        ids = {"organization_ids": teams["organization_id"].to_list(), "team_ids": teams["team_id"].to_list()}
        members = fetch(read_statement("read/sql/select_members_of_teams"), ids)
    return Selection(
        reasons=tuple(_find_reason(fetch, reason) for reason in filters.reasons) or None,
        teams=teams,
        members=members,
        people=_find_people(fetch, filters.people) if filters.people else None,
    )


def restrict_tables(fetch: Fetch, measure: Measure, selection: Selection, options: Collection[str]) -> None:
    """Compute `measure` from the chosen people and reasons alone, for the `options` that its columns lack.

    A temporary view with the name of a table takes the place of the table in the macros of the connection.
    Raise `QueryError` if the measure does not depend on the reason.
    """
    joins = []
    chosen = [
        frame
        for option, frame in (("--team", selection.members), ("--person", selection.people))
        if option in options and frame is not None
    ]
    if chosen:
        people = chosen[0] if len(chosen) == 1 else chosen[0].join(chosen[1], on=_PERSON, how="semi")
        ids = {name: people[name].to_list() for name in _PERSON}
        fetch(
            "CREATE TEMP TABLE chosen_people AS"
            " SELECT unnest($organization_id::BIGINT[]) AS organization_id, unnest($user_id) AS user_id",
            ids,
        )
        joins.append("SEMI JOIN chosen_people USING (organization_id, user_id)")
        if "covering_user_id" not in _text_of(measure):  # else a cover of another team would be missing
            _shadow(fetch, "dim_people", joins)
    if "--reason" in options and selection.reasons is not None:
        if not _depends_on_reason(measure):
            raise QueryError(_describe_without_reason(fetch, measure))
        reasons = {"reasons": list(selection.reasons)}
        fetch("CREATE TEMP TABLE chosen_reasons AS SELECT unnest($reasons::VARCHAR[]) AS reason", reasons)
        joins.append("SEMI JOIN chosen_reasons USING (reason)")
    for table in _ABSENCES:
        _shadow(fetch, table, joins)


def _shadow(fetch: Fetch, table: str, joins: Iterable[str]) -> None:
    database = fetch("SELECT current_database() AS name").item()
    fetch(f'CREATE TEMP VIEW {table} AS FROM "{database}".main.{table} {" ".join(joins)}')


def _text_of(measure: Measure) -> str:
    """Return the SQL of the measure, and that of the measures that it uses."""
    text = read_statement(measure.statement)
    used = [other for other in find_measures() if other.name != measure.name and f" {other.name}(" in text]
    return text + "".join(_text_of(other) for other in used)


def _depends_on_reason(measure: Measure) -> bool:
    """Return True if the measure, which has no column reason, can be computed for one reason."""
    text = _text_of(measure)
    return (
        measure.name not in _OF_SICK_LEAVE
        and "covering_user_id" not in text  # the absences of the covers have other reasons
        and any(table in text for table in _ABSENCES)
    )


def _describe_without_reason(fetch: Fetch, measure: Measure) -> str:
    functions = fetch(
        "SELECT DISTINCT function_name FROM duckdb_functions() WHERE function_type = 'table_macro'"
    )
    published = set(functions["function_name"])
    taking = []
    for other in find_measures():
        if other.name not in published:
            continue
        nulls = ", ".join("NULL" for _ in other.parameters)
        if (
            _depends_on_reason(other)
            or "reason" in fetch(f"DESCRIBE FROM {other.name}({nulls})")["column_name"]
        ):
            taking.append(other.name)
    return (
        f"{measure.name} does not depend on a reason; the queries that take --reason are {', '.join(taking)}"
    )


def _find_reason(fetch: Fetch, value: str) -> str:
    """Return the code of the reason `value`. Labels and other spellings are refused with the code."""
    codes = {reason.code for reason in PRECEDENCE}
    if value not in codes:
        codes |= set(fetch("SELECT DISTINCT reason FROM fct_ooo_entries WHERE reason IS NOT NULL")["reason"])
    if value not in codes:
        spellings = {reason.label.lower(): reason.code for reason in PRECEDENCE}
        spellings |= {code.lower(): code for code in codes}
        nearest = get_close_matches(value.strip().lower(), spellings, n=1)
        hint = f"did you mean {spellings[nearest[0]]}? " if nearest else ""
        raise QueryError(f"unknown reason {value!r}; {hint}Expected one of {', '.join(sorted(codes))}")
    return value


def _find_people(fetch: Fetch, values: Iterable[str]) -> pl.DataFrame:
    statement = read_statement("read/sql/select_people_by_name")
    return pl.concat(
        [
            _choose(
                fetch(statement, {"person": value.strip()}), value, "person", "dim_people", _PERSON, fetch
            )
            for value in values
        ]
    ).unique()


def _find_teams(fetch: Fetch, values: Iterable[str]) -> pl.DataFrame:
    if not fetch("SELECT count(*) AS teams FROM dim_teams").item():
        raise QueryError("no teams are read; set OOO_TEAMS=true and run `ooo sync`")
    statement = read_statement("read/sql/select_teams_by_name")
    return pl.concat(
        [
            _choose(fetch(statement, {"team": value.strip()}), value, "team", "dim_teams", _TEAM, fetch)
            for value in values
        ]
    ).unique()


def _choose(  # noqa: PLR0913, PLR0917 - the facts of the message
    matches: pl.DataFrame, value: str, kind: str, table: str, key: tuple[str, str], fetch: Fetch
) -> pl.DataFrame:
    """Return the key of the rows that `value` names: the exact matches, or else the only one that contains it.

    `matches` has the key, the name and `is_exact`. Raise `QueryError` if no row, or several rows of one organization,
    match.
    """
    exact = matches.filter("is_exact")
    chosen = matches if exact.is_empty() else exact
    shown = redact(value)
    if chosen.is_empty():
        names = fetch(f"SELECT DISTINCT name FROM {table} WHERE name IS NOT NULL")["name"].to_list()  # noqa: S608
        nearest = get_close_matches(value, names, n=1)
        hint = f"Did you mean {nearest[0]!r}? " if nearest else ""
        hint += "" if names else f"The published {table} has no names, for example with OOO_PSEUDONYMISE. "
        hint += (
            f"The teams are {', '.join(sorted(names))}. "
            if kind == "team" and len(names) <= MOST_CANDIDATES
            else ""
        )
        means = (
            "the name, the slug or" if kind == "team" else "the name, the e-mail address, the user name or"
        )
        raise QueryError(f"no {kind} matches {shown!r}. {hint}Give {means} the id of a row of {table}")
    if chosen["organization_id"].is_duplicated().any():
        candidates = [f"{row['name']} ({row[key[1]]})" for row in chosen.head(MOST_CANDIDATES).to_dicts()]
        more = " and others" if chosen.height > MOST_CANDIDATES else ""
        message = (
            f"{chosen.height:,} names match {shown!r}: {', '.join(candidates)}{more}; give the id of one"
        )
        raise QueryError(message)
    return chosen.select(key)
