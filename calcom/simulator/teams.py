"""The teams and memberships of the simulated organization, which may change.

Each membership has a serial id of its own: a person who leaves a team and returns gets a new id. Ids of
teams ascend and are never reused, like all ids of Cal.com.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from threading import RLock
from typing import Any

_NAMES = ("Engineering", "Sales", "Customer Support", "Finance & People", "Design")
_FIRST_TEAM_ID = 101
_ADMIN_EVERY, _PENDING_EVERY = 11, 13
"""Which of the generated memberships are of admins, and which are pending, by their number."""


@dataclass(frozen=True, slots=True)
class Membership:
    """One row of Cal.com's table Membership, of a team."""

    membership_id: int
    team_id: int
    user_id: int
    role: str
    is_accepted: bool


class Teams:
    """The teams of one organization. A thread may change them while a server reads in another thread."""

    def __init__(
        self,
        lock: RLock,
        organization_id: int,
        members: Mapping[int, dict[str, Any]],
        invited: Mapping[int, dict[str, Any]],
    ) -> None:
        """Create five teams from the user records of the members and the invited people, by user id.

        Each person is in one team, and every seventh person in the next team, too. Invited people are in
        the first team. Both mappings may change later.
        """
        self._lock, self._organization_id = lock, organization_id
        self._members, self._invited = members, invited
        self._records: dict[int, dict[str, Any]] = {}
        self._memberships: dict[tuple[int, int], Membership] = {}  # by team and user, ascending by id
        self._last_team_id = _FIRST_TEAM_ID - 1
        self._last_membership_id = 1
        team_ids = [self.add(name) for name in _NAMES]
        for user_id in sorted(members):
            home = user_id % len(team_ids)
            for number in (home, home + 1) if user_id % 7 == 0 else (home,):
                self._join_generated(team_ids[number % len(team_ids)], user_id)
        for user_id in invited:
            self.join(team_ids[0], user_id, is_accepted=False)

    def _join_generated(self, team_id: int, user_id: int) -> None:
        number = len(self._memberships) + 1
        if not any(member_team_id == team_id for member_team_id, _ in self._memberships):
            self.join(team_id, user_id, role="OWNER")
        else:
            role = "ADMIN" if number % _ADMIN_EVERY == 0 else "MEMBER"
            self.join(team_id, user_id, role=role, is_accepted=number % _PENDING_EVERY != 0)

    # Reads

    def records(self) -> list[dict[str, Any]]:
        """Return the teams as `/teams` shows them, by ascending id."""
        with self._lock:
            return [dict(record) for record in self._records.values()]

    def ids(self) -> frozenset[int]:
        """Return the ids of the existing teams."""
        return frozenset(self._records)

    def memberships(self, team_id: int) -> Sequence[Membership]:
        """Return the memberships of one team by ascending id."""
        with self._lock:
            return [row for row in self._memberships.values() if row.team_id == team_id]

    def members_of(self, team_ids: Collection[int]) -> set[int]:
        """Return the users with a membership of at least one of the teams, pending ones included."""
        with self._lock:
            return {user_id for team_id, user_id in self._memberships if team_id in team_ids}

    def membership_records(self, team_id: int) -> list[dict[str, Any]]:
        """Return the memberships of one team as the API shows them, by ascending id.

        The members have a profile in the organization, or an invitation to it.
        """
        with self._lock:
            users = {**self._invited, **self._members}
            return [
                _membership_record(users[row.user_id], team_id, row.membership_id, row.role)
                | {"accepted": row.is_accepted}
                for row in self.memberships(team_id)
                if row.user_id in users
            ]

    def organization_membership_records(self) -> list[dict[str, Any]]:
        """Return the memberships of the organization as `/memberships` shows them.

        The first user is the owner, the second an admin, and invited people have a pending membership.
        The people differ from those of `/users`, which lists only people with a profile.
        """
        with self._lock:
            members = [self._members[user_id] for user_id in sorted(self._members)]
            roles = ["OWNER", "ADMIN", *["MEMBER"] * len(members)]
            rows = [(user, role, True) for user, role in zip(members, roles, strict=False)]
            rows += [(user, "MEMBER", False) for user in self._invited.values()]
            return [
                _membership_record(user, self._organization_id, 2 * user["id"], role)
                | {"accepted": is_accepted, "attributes": []}
                for user, role, is_accepted in rows
            ]

    # Changes

    def add(self, name: str, *, is_private: bool = False) -> int:
        """Create a team and return its id; the slug follows from the name."""
        with self._lock:
            self._last_team_id += 1
            self._records[self._last_team_id] = _team_record(
                self._last_team_id, self._organization_id, name, is_private=is_private
            )
            return self._last_team_id

    def rename(self, team_id: int, name: str) -> None:
        """Change the name and the slug of a team; the id stays."""
        with self._lock:
            self._records[team_id] |= {"name": name, "slug": _slug(name)}

    def delete(self, team_id: int) -> None:
        """Delete a team and its memberships."""
        with self._lock:
            del self._records[team_id]
            self._memberships = {key: row for key, row in self._memberships.items() if key[0] != team_id}

    def join(self, team_id: int, user_id: int, *, role: str = "MEMBER", is_accepted: bool = True) -> int:
        """Create a membership and return its id; it replaces an earlier membership of the same team."""
        with self._lock:
            if team_id not in self._records:
                message = f"there is no team {team_id}; expected one of {sorted(self._records)}"
                raise ValueError(message)
            self.leave(team_id, user_id)
            self._last_membership_id += 2  # odd: memberships of the organization have even ids
            membership_id = self._last_membership_id
            membership = Membership(membership_id, team_id, user_id, role, is_accepted)
            self._memberships[team_id, user_id] = membership
            return membership_id

    def leave(self, team_id: int, user_id: int) -> None:
        """Delete the user's membership of a team, if there is one."""
        with self._lock:
            self._memberships.pop((team_id, user_id), None)


def _slug(name: str) -> str:
    return name.lower().replace(" & ", "-").replace(" ", "-")


def _team_record(team_id: int, organization_id: int, name: str, *, is_private: bool) -> dict[str, Any]:
    """Return a team as `/teams` shows it, in the API's order of keys."""
    return {
        "id": team_id,
        "parentId": organization_id,
        "name": name,
        "slug": _slug(name),
        "logoUrl": None,
        "bio": None,
        "hideBranding": False,
        "isOrganization": False,
        "isPrivate": is_private,
        "hideBookATeamMember": False,
        "metadata": None,
        "theme": None,
        "brandColor": None,
        "darkBrandColor": None,
        "bannerUrl": None,
        "timeFormat": None,
        "timeZone": "Europe/London",
        "weekStart": "Monday",
    }


def _membership_record(
    user: Mapping[str, Any], team_id: int, membership_id: int, role: str
) -> dict[str, Any]:
    """Return an accepted membership as the API shows it."""
    user_keys = ("avatarUrl", "username", "name", "email", "bio", "metadata")
    return {
        "id": membership_id,
        "userId": user["id"],
        "teamId": team_id,
        "accepted": True,
        "role": role,
        "disableImpersonation": False,
        "user": {key: user[key] for key in user_keys if key in user},
    }
