"""The organization's other listings: memberships, managed users and the caller itself."""

from collections.abc import Mapping, Sequence
from typing import Any

from calcom.simulator.accounts import Account
from calcom.simulator.world import World


def organization_memberships(world: World) -> list[dict[str, Any]]:
    """Everyone with a membership: the first user owns, the second administers, invitees pend.

    The set differs from `/users`, which knows only people with a profile.
    """
    members, invited = world.members(), world.invited()
    roles = {member["id"]: role for member, role in zip(members, ("OWNER", "ADMIN"), strict=False)}
    return [
        _membership(user, world.organization_id, 2 * user["id"], roles.get(user["id"], "MEMBER"))
        | {"accepted": accepted, "attributes": []}
        for accepted, users in ((True, members), (False, invited))
        for user in users
    ]


def team_memberships(world: World, team_id: int) -> list[dict[str, Any]]:
    """The memberships of one team by ascending id: of people with a profile, and of the invited."""
    known = {user["id"]: user for user in (*world.invited(), *world.members())}
    return [
        _membership(known[one.user_id], team_id, one.membership_id, one.role) | {"accepted": one.is_accepted}
        for one in world.teams.memberships(team_id)
        if one.user_id in known
    ]


def _membership(user: Mapping[str, Any], team_id: int, membership_id: int, role: str) -> dict[str, Any]:
    shown = ("avatarUrl", "username", "name", "email", "bio", "metadata")
    return {
        "id": membership_id,
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
