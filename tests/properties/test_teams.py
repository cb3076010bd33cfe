"""Compare teams, members, the measures by team and the views with the naive engine, over invented readings."""

import tempfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.naive import NaiveWarehouse
from tests.support.naive_measures import compute
from tests.support.naive_views import VIEWS
from tests.support.readings import Absence, Membership, Reading, Team, TeamReading, TeamReject
from tests.support.warehouse import audit_and_publish, load, new_warehouse, night, rows_of

# There are few people in few teams, so that the same memberships start, end, return with another id, and overlap.
USER_IDS, TEAM_IDS = st.integers(1, 4), st.integers(11, 13)
VERDICTS = st.sampled_from(["complete", "complete", "unproven", "failed"])
MONDAY = date(2026, 3, 2)


@st.composite
def memberships(draw: Callable[..., Any]) -> Membership:
    """Draw one of the first three memberships of a person in a team. An id always has the same person and team."""
    team_id, user_id = draw(TEAM_IDS), draw(USER_IDS | st.just(77))
    return Membership(
        membership_id=team_id * 1000 + user_id * 10 + draw(st.integers(0, 2)),
        team_id=team_id,
        user_id=user_id,
        role=draw(st.sampled_from(["MEMBER", "ADMIN"])),
        is_accepted=draw(st.sampled_from([True, True, False])),
        page=draw(st.integers(1, 2)),
    )


@st.composite
def rejects(draw: Callable[..., Any]) -> TeamReject:
    """Draw an invalid record of a team or a membership; the user id of a membership can be unreadable."""
    if draw(st.booleans()):
        team_id = draw(TEAM_IDS)
        return TeamReject("team", team_id, team_id)
    membership = draw(memberships())
    user_id = draw(st.none() | st.just(membership.user_id))
    return TeamReject("membership", membership.membership_id, membership.team_id, user_id)


TEAM_READINGS = st.builds(
    TeamReading,
    teams=st.lists(
        st.builds(Team, TEAM_IDS, st.sampled_from(["Sales", "Support"]), st.integers(1, 2)),
        max_size=4,
        unique_by=lambda team: (team.team_id, team.page),
    ).map(tuple),
    memberships=st.lists(
        memberships(), max_size=8, unique_by=lambda membership: (membership.membership_id, membership.page)
    ).map(tuple),
    rejects=st.lists(rejects(), max_size=2, unique_by=lambda reject: (reject.kind, reject.record_id)).map(
        tuple
    ),
    list_verdict=st.none() | VERDICTS,
    verdicts=st.dictionaries(TEAM_IDS, VERDICTS, max_size=3),
)


@st.composite
def readings(draw: Callable[..., Any], number: int) -> Reading:
    """Draw a reading of organization 7 or 8, with its teams."""
    starts = st.integers(0, 12).map(lambda days: MONDAY + timedelta(days=days))
    absences = [
        Absence(entry_id, draw(USER_IDS), first, first + timedelta(days=length), reason, cover=cover)
        for entry_id in range(1, draw(st.integers(0, 6)) + 1)
        for first, length in [(draw(starts), draw(st.integers(-1, 9)))]
        for reason in [draw(st.sampled_from(["sick", "vacation", "public_holiday"]))]
        for cover in [draw(st.none() | USER_IDS | st.just(77))]
    ]
    return Reading(
        organization_id=draw(st.sampled_from([7, 7, 8])),
        at=night(number),
        users=tuple(draw(st.sets(USER_IDS))),
        absences=tuple(absences),
        verdicts={("users", None): draw(VERDICTS), ("organization", None): "complete"},
        teams=draw(TEAM_READINGS),
    )


NIGHTS = st.integers(1, 4).flatmap(
    lambda count: st.tuples(*(readings(number) for number in range(1, count + 1)))
)
QUICK = settings(max_examples=settings.default.max_examples // 6, suppress_health_check=list(HealthCheck))


@QUICK
@given(nights=NIGHTS, first=st.integers(0, 14), length=st.integers(-1, 20))
def test_teams_their_measures_and_the_views_equal_those_of_the_naive_engine(
    nights: tuple[Reading, ...], first: int, length: int
) -> None:
    _compare(nights, MONDAY + timedelta(days=first), length)


@pytest.mark.slow
@settings(QUICK, max_examples=settings.default.max_examples // 2)
@given(nights=NIGHTS, first=st.integers(0, 14), length=st.integers(-1, 20))
def test_teams_their_measures_and_the_views_equal_those_of_the_naive_engine_in_many_more_teams(
    nights: tuple[Reading, ...], first: int, length: int
) -> None:
    _compare(nights, MONDAY + timedelta(days=first), length)


def _compare(nights: tuple[Reading, ...], first: date, length: int) -> None:
    naive, last = NaiveWarehouse(), first + timedelta(days=length)
    with tempfile.TemporaryDirectory() as folder, new_warehouse() as connection:
        for reading in nights:
            naive.read(reading)
            load(connection, reading)
            _check_scope_rows(connection, reading)
        naive.settle()
        database = audit_and_publish(connection, Path(folder)).database
        with duckdb.connect(database, read_only=True) as published:
            tables = naive.tables()
            for table in ("dim_people", "dim_teams", "dim_team_members"):
                expected = tables[table]
                columns = expected[0] if expected else {}
                actual = rows_of(published, f"FROM {table}")
                assert [{name: row[name] for name in columns} for row in actual] == expected, table
            for view, list_rows in VIEWS.items():
                actual, expected = rows_of(published, f"FROM {view}"), list_rows(naive)
                assert _sorted(actual) == _sorted(expected), view
            arguments: dict[str, Any] = {"from_date": first, "to_date": last}
            for name in ("absence_by_team", "who_is_out_by_team"):
                query = f"FROM {name}($from_date, $to_date)"
                try:
                    expected_rows = compute(naive, name, arguments)
                except LookupError:  # a reversed range, or no teams
                    with pytest.raises(duckdb.InvalidInputException, match="expected"):
                        published.execute(query, arguments).fetchall()
                else:
                    assert published.execute(query, arguments).fetchall() == expected_rows, name


def _sorted(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: repr(sorted(row.items())))


def _check_scope_rows(connection: duckdb.DuckDBPyConnection, reading: Reading) -> None:
    """Assert that each scope counts its own records, including those that fail validation."""
    scopes = rows_of(
        connection,
        "SELECT scope_kind, team_id, rows FROM ops.scopes WHERE run_id = $run_id",
        run_id=reading.run_id,
    )
    teams = reading.teams
    team_ids = {team.team_id for team in teams.teams}
    team_ids |= {reject.record_id for reject in teams.rejects if reject.kind == "team"}
    members = {(membership.team_id, membership.membership_id) for membership in teams.memberships}
    members |= {(reject.team_id, reject.record_id) for reject in teams.rejects if reject.kind == "membership"}
    expected = {"users": len(reading.users), "organization": len(reading.absences), "teams": len(team_ids)}
    assert len(scopes) == len(reading.verdicts) + bool(teams.list_verdict) + len(teams.verdicts)
    for row in scopes:
        members_of_team = sum(team_id == row["team_id"] for team_id, _ in members)
        assert row["rows"] == expected.get(row["scope_kind"], members_of_team), row
