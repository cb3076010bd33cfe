"""The teams and memberships of the naive warehouse, in plain Python and without code of the product."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from tests.support.readings import Membership, Team, TeamReading, TeamReject

Row = dict[str, Any]


class NaiveTeams:
    """The state of the teams and their members after each reading."""

    def __init__(self) -> None:
        """Start without teams."""
        self.teams: dict[tuple[int, int], Row] = {}
        self.members: dict[tuple[int, int, int], Row] = {}

    def read(self, organization_id: int, at: datetime, reading: TeamReading) -> None:
        """Apply `reading`."""
        teams = {team.team_id: team for team in sorted(reading.teams, key=lambda team: team.page)}
        memberships = {
            membership.membership_id: membership
            for membership in sorted(reading.memberships, key=lambda membership: membership.page)
        }
        newest = {
            (membership.team_id, membership.user_id): membership
            for _, membership in sorted(memberships.items(), key=lambda item: item[0])
        }
        self._write_teams(organization_id, at, teams, {team_id for team_id, _ in newest})
        self._write_members(organization_id, at, newest)
        rejects = [
            reject
            for reject in reading.rejects
            if reject.record_id not in (teams if reject.kind == "team" else memberships)
        ]
        if reading.list_verdict == "complete":
            present = {*teams, *(team_id for team_id, _ in newest)}
            present |= {reject.record_id for reject in rejects if reject.kind == "team" and reject.record_id}
            self._delete_teams(organization_id, at, present)
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

    def _write_members(
        self, organization_id: int, at: datetime, newest: Mapping[tuple[int, int], Membership]
    ) -> None:
        for (team_id, user_id), membership in newest.items():
            key = (organization_id, team_id, user_id)
            self.members[key] = {
                "membership_id": membership.membership_id,
                "role": membership.role,
                "is_accepted": membership.is_accepted,
                "first_seen_at": self.members[key]["first_seen_at"] if key in self.members else at,
                "last_seen_at": at,
                "left_at": None,
            }

    def _delete_teams(self, organization_id: int, at: datetime, present: set[int]) -> None:
        for (organization, team_id), team in self.teams.items():
            is_missing = organization == organization_id and team_id not in present
            if is_missing and team["deleted_at"] is None:
                team["deleted_at"] = at

    def _end_memberships(
        self,
        organization_id: int,
        at: datetime,
        reading: TeamReading,
        newest: Mapping[tuple[int, int], Membership],
        rejects: list[TeamReject],
    ) -> None:
        unreadable = [reject for reject in rejects if reject.kind == "membership"]
        for (organization, team_id, user_id), member in self.members.items():
            is_over = member["left_at"] is not None
            if organization != organization_id or (team_id, user_id) in newest or is_over:
                continue
            is_unreadable = any(
                reject.team_id == team_id
                and (reject.record_id == member["membership_id"] or reject.user_id == user_id)
                for reject in unreadable
            )
            team_is_gone = self.teams[organization, team_id]["deleted_at"] is not None
            if not is_unreadable and (reading.verdicts.get(team_id) == "complete" or team_is_gone):
                member["left_at"] = at

    def live_teams(self) -> list[tuple[int, int, str | None]]:
        """Return the organization id, the team id and the name of each team that is not deleted."""
        return [
            (*key, team["name"]) for key, team in sorted(self.teams.items()) if team["deleted_at"] is None
        ]

    def active_members(self, organization_id: int, team_id: int) -> list[int]:
        """Return the user ids of the accepted members whose membership has not ended."""
        return [
            user_id
            for (organization, team, user_id), member in self.members.items()
            if (organization, team) == (organization_id, team_id)
            and member["is_accepted"]
            and member["left_at"] is None
        ]

    def tables(self, latest: Mapping[int, datetime]) -> dict[str, list[Row]]:
        """Return the published tables, ascending by key."""

        def is_stale(key: tuple[int, ...], row: Row, end_column: str) -> bool:
            is_old = max(latest.values()) - latest[key[0]] > timedelta(hours=36)
            return row[end_column] is None and (is_old or row["last_seen_at"] < latest[key[0]])

        return {
            "dim_teams": [
                {
                    "organization_id": key[0],
                    "team_id": key[1],
                    **row,
                    "is_stale": is_stale(key, row, "deleted_at"),
                }
                for key, row in sorted(self.teams.items())
            ],
            "dim_team_members": [
                {
                    "organization_id": key[0],
                    "team_id": key[1],
                    "user_id": key[2],
                    **row,
                    "is_stale": is_stale(key, row, "left_at"),
                }
                for key, row in sorted(self.members.items())
            ],
        }
