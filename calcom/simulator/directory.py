"""The organization's other listings: memberships, teams, managed users and the caller itself."""

from collections.abc import Mapping, Sequence
from typing import Any

from calcom.simulator.accounts import Account
from calcom.simulator.world import World

_TEAM_NAMES = ("Engineering", "Sales", "Customer Support", "Finance & People", "Design")
_FIRST_TEAM_ID = 101
_MEMBERSHIPS_PER_USER = 4  # more than a user can have here: ids derived from the user's stay unique


def team_ids_of(user_id: int) -> tuple[int, ...]:
    """The teams of a user: one, and for every seventh user the next one too."""
    first = user_id % len(_TEAM_NAMES)
    second = (first + 1) % len(_TEAM_NAMES)
    numbers = (first, second) if user_id % 7 == 0 else (first,)
    return tuple(_FIRST_TEAM_ID + number for number in numbers)


def teams(world: World) -> list[dict[str, Any]]:
    """The organization's teams by ascending id."""
    return [
        {
            "id": _FIRST_TEAM_ID + number,
            "parentId": world.organization_id,
            "name": name,
            "slug": name.lower().replace(" & ", "-").replace(" ", "-"),
            "logoUrl": None,
            "bio": None,
            "hideBranding": False,
            "isOrganization": False,
            "isPrivate": False,
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
        for number, name in enumerate(_TEAM_NAMES)
    ]


def organization_memberships(world: World) -> list[dict[str, Any]]:
    """Everyone with a membership: the first user owns, the second administers, invitees pend.

    The set differs from `/users`, which knows only people with a profile.
    """
    members, invited = world.members(), world.invited()
    roles = {member["id"]: role for member, role in zip(members, ("OWNER", "ADMIN"), strict=False)}
    return [
        _membership(user, world.organization_id, 0, roles.get(user["id"], "MEMBER"))
        | {"accepted": accepted, "attributes": []}
        for accepted, users in ((True, members), (False, invited))
        for user in users
    ]


def team_memberships(world: World, team_id: int) -> list[dict[str, Any]]:
    """The memberships of one team by ascending id."""
    return [
        _membership(user, team_id, 1 + team_ids_of(user["id"]).index(team_id), "MEMBER")
        for user in world.members()
        if team_id in team_ids_of(user["id"])
    ]


def _membership(user: Mapping[str, Any], team_id: int, number: int, role: str) -> dict[str, Any]:
    shown = ("avatarUrl", "username", "name", "email", "bio", "metadata")
    return {
        "id": user["id"] * _MEMBERSHIPS_PER_USER + number,
        "userId": user["id"],
        "teamId": team_id,
        "accepted": True,
        "role": role,
        "disableImpersonation": False,
        "user": {key: user[key] for key in shown if key in user},
    }


def managed_users(world: World, client_id: str, emails: Sequence[str] | None) -> list[dict[str, Any]]:
    """The people as users managed by a platform client, whose id is in each address."""
    users = [_managed_user(user, client_id) for user in world.members()]
    return users if emails is None else [user for user in users if user["email"] in emails]


def _managed_user(user: Mapping[str, Any], client_id: str) -> dict[str, Any]:
    local, _, domain = user["email"].rpartition("@")
    shown = (
        "username", "name", "bio", "timeZone", "weekStart", "createdDate", "timeFormat",
        "defaultScheduleId", "avatarUrl",
    )  # fmt: skip
    return (
        {"id": user["id"], "email": f"{local}+{client_id}@{domain}"}
        | {key: user[key] for key in shown}
        | {"locale": user["locale"] or "en", "metadata": user.get("metadata") or {}}
    )


def me(world: World, account: Account) -> dict[str, Any]:
    """The caller, with the organization of its main profile."""
    user = next((user for user in world.members() if user["id"] == account.user_id), {})
    return {
        "id": account.user_id,
        "username": user.get("username") or "owner",
        "email": user.get("email", "owner@acme.example"),
        "name": user.get("name"),
        "avatarUrl": user.get("avatarUrl"),
        "bio": user.get("bio"),
        "timeFormat": user.get("timeFormat", 12),
        "defaultScheduleId": user.get("defaultScheduleId"),
        "weekStart": user.get("weekStart", "Sunday"),
        "timeZone": user.get("timeZone", "Europe/London"),
        "organizationId": account.organization_id,
        "organization": {"id": account.organization_id, "isPlatform": False},
    }
