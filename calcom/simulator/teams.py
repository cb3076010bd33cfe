"""The simulated organization's teams and who is in them, which may change.

A membership has a serial id of its own: who leaves a team and comes back gets a new one. The team ids
ascend without being given twice, as all of Cal.com's ids do.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from threading import RLock
from typing import Any

_NAMES = ("Engineering", "Sales", "Customer Support", "Finance & People", "Design")
_FIRST_TEAM_ID = 101
_ADMIN_EVERY, _PENDING_EVERY = 11, 13
"""Which memberships of the drawn ones administer, and which are not accepted yet, by their number."""


@dataclass(frozen=True, slots=True)
class Membership:
    """One row of Cal.com's Membership table, of a team."""

    membership_id: int
    team_id: int
    user_id: int
    role: str
    is_accepted: bool


class Teams:
    """The teams of one organization; a thread may change them while a server reads in another."""

    def __init__(
        self, lock: RLock, organization_id: int, user_ids: Iterable[int], invited_ids: Iterable[int]
    ) -> None:
        """Five teams; a person is in one of them, every seventh in the next too, the invited in the first."""
        self._lock, self._organization_id = lock, organization_id
        self._records: dict[int, dict[str, Any]] = {}
        self._memberships: dict[tuple[int, int], Membership] = {}  # by team and user, the newest last
        self._last_team_id = _FIRST_TEAM_ID - 1
        self._last_membership_id = 1
        team_ids = [self.add(name) for name in _NAMES]
        for user_id in sorted(user_ids):
            home = user_id % len(team_ids)
            for number in (home, home + 1) if user_id % 7 == 0 else (home,):
                self._join_drawn(team_ids[number % len(team_ids)], user_id)
        for user_id in invited_ids:
            self.join(team_ids[0], user_id, is_accepted=False)

    def _join_drawn(self, team_id: int, user_id: int) -> None:
        number = len(self._memberships) + 1
        if not any(one == team_id for one, _ in self._memberships):
            self.join(team_id, user_id, role="OWNER")
        else:
            role = "ADMIN" if number % _ADMIN_EVERY == 0 else "MEMBER"
            self.join(team_id, user_id, role=role, is_accepted=number % _PENDING_EVERY != 0)

    # What the API can see

    def records(self) -> list[dict[str, Any]]:
        """The teams as `/teams` shows them, by ascending id."""
        with self._lock:
            return [dict(record) for record in self._records.values()]

    def ids(self) -> frozenset[int]:
        """The ids of the teams that there are."""
        return frozenset(self._records)

    def memberships(self, team_id: int) -> Sequence[Membership]:
        """The memberships of one team by ascending id."""
        with self._lock:
            return [one for one in self._memberships.values() if one.team_id == team_id]

    def members_of(self, team_ids: Collection[int]) -> set[int]:
        """The users with a membership of any of the teams, accepted or not."""
        with self._lock:
            return {user_id for team_id, user_id in self._memberships if team_id in team_ids}

    # What changes it

    def add(self, name: str, *, is_private: bool = False) -> int:
        """A new team's id; its slug is made from its name."""
        with self._lock:
            self._last_team_id += 1
            self._records[self._last_team_id] = _record(
                self._last_team_id, self._organization_id, name, is_private=is_private
            )
            return self._last_team_id

    def rename(self, team_id: int, name: str) -> None:
        """The team has another name and slug; its id stays."""
        with self._lock:
            self._records[team_id] |= {"name": name, "slug": _slug(name)}

    def delete(self, team_id: int) -> None:
        """The team and its memberships are gone, without a trace."""
        with self._lock:
            del self._records[team_id]
            self._memberships = {key: one for key, one in self._memberships.items() if key[0] != team_id}

    def join(self, team_id: int, user_id: int, *, role: str = "MEMBER", is_accepted: bool = True) -> int:
        """The id of the user's new membership; one that the user had in this team is replaced."""
        with self._lock:
            if team_id not in self._records:
                message = f"there is no team {team_id}; expected one of {sorted(self._records)}"
                raise ValueError(message)
            self.leave(team_id, user_id)
            self._last_membership_id += 2  # odd: the organization's own memberships are even
            membership_id = self._last_membership_id
            membership = Membership(membership_id, team_id, user_id, role, is_accepted)
            self._memberships[team_id, user_id] = membership
            return membership_id

    def leave(self, team_id: int, user_id: int) -> None:
        """The user has no membership of the team."""
        with self._lock:
            self._memberships.pop((team_id, user_id), None)


def _slug(name: str) -> str:
    return name.lower().replace(" & ", "-").replace(" ", "-")


def _record(team_id: int, organization_id: int, name: str, *, is_private: bool) -> dict[str, Any]:
    """A team as `/teams` shows it, in the API's key order."""
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
