"""The guards in front of Cal.com's organization routes, in the order in which they run.

The throttler and the authentication come before them, the validation of the query after them. Ids
go to the database unchecked, so one that is no 32-bit integer is a database error (measured).
"""

import re
from collections.abc import Mapping

from calcom.simulator.accounts import Account
from calcom.simulator.errors import database_error, forbidden, not_found
from calcom.simulator.records import Entry
from calcom.simulator.world import World

_INT32_MAX = 2**31 - 1


def database_id(text: str) -> int:
    """The id; anything that PostgreSQL cannot take as an integer is a 500."""
    if not re.fullmatch(r"-?\d+", text) or abs(int(text)) > _INT32_MAX:
        raise database_error()
    return int(text)


def guarded_organization(
    worlds: Mapping[int, World | None], account: Account, raw_id: str, role: str
) -> World:
    """The organization, when it exists, the caller administers it and it has the admin API.

    An organization that maps to None exists without the admin API.
    """
    organization_id = database_id(raw_id)
    if organization_id not in worlds:
        text = "does not represent any existing organization."
        raise forbidden(f"IsOrgGuard - provided organization id={organization_id} {text}")
    if account.organization_id != organization_id:
        text = f"User is not a member of the organization with id={organization_id}."
        raise forbidden(f"RolesGuard - {text}")
    if not account.is_admin:
        text = (
            f"user with id={account.user_id} does not have the minimum required role={role}"
            f" within organization with id={organization_id}."
        )
        raise forbidden(f"RolesGuard - {text}")
    world = worlds[organization_id]
    if world is None:
        text = "Organization does not have Admin API access, please contact https://cal.com/sales to upgrade"
        raise forbidden(f"IsAdminAPIEnabledGuard - {text}")
    return world


def guarded_user(world: World, raw_id: str) -> int:
    """The user's id, when the user has a profile in the organization."""
    user_id = database_id(raw_id)
    if not world.has_member(user_id):
        text = f"is not part of the organization with id={world.organization_id}."
        raise forbidden(f"IsUserInOrg - user with id={user_id} {text}")
    return user_id


def guarded_entry(world: World, user_id: int, raw_id: str) -> Entry:
    """The user's own entry; Cal.com answers 403 for an unknown entry as for another user's."""
    entry = world.find_entry(database_id(raw_id), user_id)
    if entry is None:
        raise forbidden("This OOO entry does not belong to this user.")
    return entry


def guarded_team(team_ids: frozenset[int], raw_id: str) -> int:
    """The team's id, when the organization has it."""
    team_id = database_id(raw_id)
    if team_id not in team_ids:
        raise not_found(f"IsTeamInOrg - Team ({team_id}) not found.")
    return team_id
