"""Teams once more, in dicts: what is known of them after each reading, and the measures by team.

No frame, no SQL, and nothing of the program; the rules are written out once more.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.support.naive import NaiveWarehouse

Row = dict[str, Any]
Rows = list[tuple[Any, ...]]


@dataclass(frozen=True)
class Team:
    """A team as the source sends it, on one page."""

    team_id: int
    name: str
    page: int = 1


@dataclass(frozen=True)
class Membership:
    """A membership as the source sends it, on one page."""

    membership_id: int
    team_id: int
    user_id: int
    role: str = "MEMBER"
    is_accepted: bool = True
    page: int = 1


@dataclass(frozen=True)
class TeamReject:
    """A record of kind `team` or `membership` that can't be read."""

    kind: str
    record_id: int | None
    team_id: int
    user_id: int | None = None
    page: int = 1


@dataclass(frozen=True)
class TeamReading:
    """What one snapshot read of teams: the verdict of their list, and of each team that was asked for."""

    teams: tuple[Team, ...] = ()
    memberships: tuple[Membership, ...] = ()
    rejects: tuple[TeamReject, ...] = ()
    list_verdict: str | None = None
    verdicts: Mapping[int, str] = field(default_factory=dict)


class NaiveTeams:
    """The teams and who is in them after each reading."""

    def __init__(self) -> None:
        """Start empty."""
        self.teams: dict[tuple[int, int], Row] = {}
        self.members: dict[tuple[int, int, int], Row] = {}

    def read(self, organization_id: int, at: datetime, reading: TeamReading) -> None:
        """Apply `reading`."""
        teams = {one.team_id: one for one in sorted(reading.teams, key=lambda one: one.page)}
        memberships = {
            one.membership_id: one for one in sorted(reading.memberships, key=lambda one: one.page)
        }
        newest = {
            (one.team_id, one.user_id): one
            for _, one in sorted(memberships.items(), key=lambda item: item[0])
        }
        self._write_teams(organization_id, at, teams, {one.team_id for one in newest.values()})
        for (team_id, user_id), one in newest.items():
            key = (organization_id, team_id, user_id)
            self.members[key] = {
                "membership_id": one.membership_id,
                "role": one.role,
                "is_accepted": one.is_accepted,
                "first_seen_at": self.members[key]["first_seen_at"] if key in self.members else at,
                "last_seen_at": at,
                "left_at": None,
            }
        rejects = [
            one
            for one in reading.rejects
            if one.record_id not in (teams if one.kind == "team" else memberships)
        ]
        self._delete_teams(organization_id, at, reading, teams, newest, rejects)
        self._end_memberships(organization_id, at, reading, newest, rejects)

    def _write_teams(
        self, organization_id: int, at: datetime, teams: Mapping[int, Team], with_members: Iterable[int]
    ) -> None:
        for team_id in {*teams, *with_members}:
            nameless = {"name": None, "first_seen_at": at, "last_seen_at": at}
            team = self.teams.setdefault((organization_id, team_id), nameless)
            team["deleted_at"] = None
            if team_id in teams:
                team |= {"name": teams[team_id].name, "last_seen_at": at}

    def _delete_teams(  # noqa: PLR0913, PLR0917 - what decides it
        self,
        organization_id: int,
        at: datetime,
        reading: TeamReading,
        teams: Mapping[int, Team],
        newest: Mapping[tuple[int, int], Membership],
        rejects: list[TeamReject],
    ) -> None:
        there = {*teams, *(team_id for team_id, _ in newest)}
        there |= {one.record_id for one in rejects if one.kind == "team" and one.record_id}
        for (organization, team_id), team in self.teams.items():
            is_lacking = organization == organization_id and team_id not in there
            if is_lacking and team["deleted_at"] is None and reading.list_verdict == "complete":
                team["deleted_at"] = at

    def _end_memberships(
        self,
        organization_id: int,
        at: datetime,
        reading: TeamReading,
        newest: Mapping[tuple[int, int], Membership],
        rejects: list[TeamReject],
    ) -> None:
        unreadable = [one for one in rejects if one.kind == "membership"]
        for (organization, team_id, user_id), member in self.members.items():
            if (
                organization != organization_id
                or (team_id, user_id) in newest
                or member["left_at"] is not None
            ):
                continue
            is_there = any(
                one.team_id == team_id
                and (one.record_id == member["membership_id"] or one.user_id == user_id)
                for one in unreadable
            )
            team_is_gone = self.teams[organization, team_id]["deleted_at"] is not None
            if not is_there and (reading.verdicts.get(team_id) == "complete" or team_is_gone):
                member["left_at"] = at

    def tables(self, latest: Mapping[int, datetime]) -> dict[str, list[Row]]:
        """The published tables, ascending by key."""

        def stale(key: tuple[int, ...], row: Row, gone: str) -> bool:
            return row[gone] is None and row["last_seen_at"] < latest[key[0]]

        return {
            "dim_teams": [
                {
                    "organization_id": key[0],
                    "team_id": key[1],
                    **row,
                    "is_stale": stale(key, row, "deleted_at"),
                }
                for key, row in sorted(self.teams.items())
            ],
            "dim_team_members": [
                {
                    "organization_id": key[0],
                    "team_id": key[1],
                    "user_id": key[2],
                    **row,
                    "is_stale": stale(key, row, "left_at"),
                }
                for key, row in sorted(self.members.items())
            ],
        }

    def people_of(self, warehouse: "NaiveWarehouse", organization_id: int, team_id: int) -> list[int]:
        """Who counts in the team: accepted, in the team still, and in the organization still."""
        return [
            user_id
            for (organization, team, user_id), member in self.members.items()
            if (organization, team) == (organization_id, team_id)
            and member["is_accepted"]
            and member["left_at"] is None
            and warehouse.people.get((organization_id, user_id), {"left_at": "unknown"})["left_at"] is None
        ]


def absence_by_team(warehouse: "NaiveWarehouse", first: date, last: date) -> Rows:
    """The macro of that name."""
    rates = {row[:2]: row for row in warehouse.absence_rate_by_person(first, last)}
    days: dict[tuple[int, int], list[Row]] = {}
    for (organization_id, user_id, day), row in warehouse.absence_days().items():
        if first <= day <= last:
            days.setdefault((organization_id, user_id), []).append(row)
    found = []
    for (organization_id, team_id), team in sorted(warehouse.teams.teams.items()):
        if team["deleted_at"] is None:
            people = warehouse.teams.people_of(warehouse, organization_id, team_id)
            own = [days.get((organization_id, user_id), []) for user_id in people]
            lost, available = (
                sum(rates[organization_id, user_id][column] for user_id in people) for column in (5, 6)
            )
            absent = sum(bool(one) for one in own)
            share = absent / len(people) if people else None
            who = (organization_id, team_id, team["name"], len(people), absent, share)
            working = sum(row["is_working_day"] for one in own for row in one)
            found.append((*who, sum(map(len, own)), working, lost / available if available else None))
    return found


def who_is_out_by_team(warehouse: "NaiveWarehouse", first: date, last: date) -> Rows:
    """The macro of that name."""
    found = []
    for (organization_id, team_id), team in sorted(warehouse.teams.teams.items()):
        if team["deleted_at"] is None:
            people = warehouse.teams.people_of(warehouse, organization_id, team_id)
            found += [
                (organization_id, team_id, team["name"], *row[1:])
                for row in warehouse.who_is_out(first, last)
                if row[0] == organization_id and row[2] in people
            ]
    return found
