"""The routes of the simulator: the guards in front of each, and its response.

The guards run in the order of Cal.com's: after the throttler and the authentication, and before the
validation of the query. They pass ids to the database unchecked. So an id that is not a 32-bit integer is
a database error, and `4.0` is 4, because JavaScript converts it first (both measured).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from calcom.simulator import inputs
from calcom.simulator.accounts import CLIENT_ID, Account
from calcom.simulator.errors import database_error, forbidden, invalid_output, not_found
from calcom.simulator.records import Entry, Sort, encode_json
from calcom.simulator.world import World

_INT32_MAX = 2**31 - 1
_WHOLE_NUMBER = re.compile(r"(-?\d+)(\.0*)?")


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated request on a known route."""

    worlds: Mapping[int, World | None]
    """Every organization by its id; None is an organization without the admin API."""
    account: Account
    parameters: Mapping[str, str]
    """The parts of the path that a route's `{name}` matches."""
    query: bytes
    body: bytes
    page_cap: int | None = None
    teams_ignore_paging: bool = False

    def organization(self, role: str = "ORG_ADMIN") -> World:
        """Return the organization in the path; raise 403 unless the caller is its admin and has the API."""
        organization_id = _database_id(self.parameters["orgId"])
        if organization_id not in self.worlds:
            text = "does not represent any existing organization."
            raise forbidden(f"IsOrgGuard - provided organization id={organization_id} {text}")
        if self.account.organization_id != organization_id:
            text = f"User is not a member of the organization with id={organization_id}."
            raise forbidden(f"RolesGuard - {text}")
        if not self.account.is_admin:
            text = (
                f"user with id={self.account.user_id} does not have the minimum required role={role}"
                f" within organization with id={organization_id}."
            )
            raise forbidden(f"RolesGuard - {text}")
        world = self.worlds[organization_id]
        if world is None:
            text = (
                "Organization does not have Admin API access, please contact https://cal.com/sales to upgrade"
            )
            raise forbidden(f"IsAdminAPIEnabledGuard - {text}")
        return world

    def user_id(self, world: World) -> int:
        """Return the id of the user in the path; raise 403 unless the user has a profile in the organization."""
        user_id = _database_id(self.parameters["userId"])
        if not world.has_member(user_id):
            text = f"is not part of the organization with id={world.organization_id}."
            raise forbidden(f"IsUserInOrg - user with id={user_id} {text}")
        return user_id

    def entry(self, world: World, user_id: int) -> Entry:
        """Return the user's entry in the path; raise 403 for an unknown entry and for another user's."""
        return _entry_of(world, user_id, _database_id(self.parameters["oooId"]))

    def team_id(self, world: World) -> int:
        """Return the id of the team in the path; raise 404 unless the organization has the team."""
        team_id = _database_id(self.parameters["teamId"])
        if team_id not in world.teams.ids():
            raise not_found(f"IsTeamInOrg - Team ({team_id}) not found.")
        return team_id

    def own_world(self) -> World:
        """Return the caller's organization; without the admin API, it is empty here."""
        organization_id = self.account.organization_id
        return self.worlds[organization_id] or World((), (), organization_id=organization_id)

    def page_size(self, requested: int) -> int:
        """Return the number of rows that a page may have."""
        return requested if self.page_cap is None else min(requested, self.page_cap)


class Answer(NamedTuple):
    """A successful result: the status and the encoded `data`."""

    status: int
    data: bytes


class Route(NamedTuple):
    """A method, a pattern of the path, and the function that returns the result."""

    method: str
    pattern: re.Pattern[str]
    answer: Callable[[Call], Answer]


def _database_id(text: str) -> int:
    """Return the id; raise 500 for a text that PostgreSQL cannot store as an integer."""
    match = _WHOLE_NUMBER.fullmatch(text)
    if match is None or abs(int(match[1])) > _INT32_MAX:
        raise database_error()
    return int(match[1])


def _entry_of(world: World, user_id: int, entry_id: int) -> Entry:
    entry = world.find_entry(entry_id, user_id)
    if entry is None:
        raise forbidden("This OOO entry does not belong to this user.")
    return entry


def _ok(data: object) -> Answer:
    return Answer(200, encode_json(data))


def _page_of(rows: Sequence[Any], call: Call, query: Mapping[str, Any]) -> Answer:
    skip, take = query.get("skip", 0), call.page_size(query.get("take", inputs.MAX_TAKE))
    return _ok(rows[skip : skip + take])


def _page_of_entries(world: World, user_id: int | None, call: Call, query: Mapping[str, Any]) -> Answer:
    entries = world.page(user_id, call.page_size(query["take"]), query["skip"], _sort_of(query))
    return Answer(200, b"[" + b",".join(entry.wire_bytes() for entry in entries) + b"]")


def _sort_of(query: Mapping[str, Any]) -> Sort | None:
    """Return the requested order; of two orders, the second overwrites the first (ooo.repository.ts)."""
    if query.get("sortEnd"):
        return Sort("end", query["sortEnd"] == "desc")
    if query.get("sortStart"):
        return Sort("start", query["sortStart"] == "desc")
    return None


def _me(call: Call) -> Answer:
    """Return the caller with the organization of its main profile; raise 400 without a username.

    The validation of Cal.com's own output requires a username, although the database does not.
    """
    account = call.account
    user = next((user for user in call.own_world().members() if user["id"] == account.user_id), {})
    username = user.get("username", "owner")
    if username is None:
        raise invalid_output(["username - Expected string, received null"])
    return _ok(
        {
            "id": account.user_id,
            "username": username,
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
    )


def _my_entries(call: Call) -> Answer:
    query = inputs.USER_ENTRIES.parse(call.query)
    return _page_of_entries(call.own_world(), call.account.user_id, call, query)


def _organization_entries(call: Call) -> Answer:
    world = call.organization()
    query = inputs.ORGANIZATION_ENTRIES.parse(call.query)
    email = query.get("email")
    if not email:
        return _page_of_entries(world, None, call, query)
    user_id = world.member_id_by_email(email)
    return _ok([]) if user_id is None else _page_of_entries(world, user_id, call, query)


def _user_entries(call: Call) -> Answer:
    world = call.organization()
    user_id = call.user_id(world)
    return _page_of_entries(world, user_id, call, inputs.USER_ENTRIES.parse(call.query))


def _create_entry(call: Call) -> Answer:
    world = call.organization()
    user_id = call.user_id(world)
    entry = inputs.parse_entry_body(call.body, is_new=True)
    inputs.check_entry(world, user_id, entry)
    entry_id = world.add_entry(
        user_id,
        entry["start"],
        entry["end"],
        reason=entry.get("reason"),
        notes=entry.get("notes"),
        to_user_id=entry.get("to_user_id"),
    )
    return Answer(201, _entry_of(world, user_id, entry_id).wire_bytes())


def _update_entry(call: Call) -> Answer:
    """Change an entry; a PATCH with the entry's own start and end is a 409, because the check finds it."""
    world = call.organization()
    user_id = call.user_id(world)
    entry = call.entry(world, user_id)
    changes = inputs.parse_entry_body(call.body, is_new=False)
    inputs.check_entry(world, user_id, changes)
    if changes.get("reason") is None:
        changes.pop("reason", None)
    world.update_entry(entry.entry_id, **changes)
    return Answer(200, entry.wire_bytes())


def _delete_entry(call: Call) -> Answer:
    world = call.organization()
    entry = call.entry(world, call.user_id(world))
    world.delete_entry(entry.entry_id)
    return Answer(200, entry.wire_bytes())


def _users(call: Call) -> Answer:
    world = call.organization()
    query = inputs.ORGANIZATION_USERS.parse(call.query)
    users = world.members()
    if "emails" in query:
        users = [user for user in users if user["email"] in query["emails"]]
    if "teamIds" in query:
        team_members = world.teams.members_of(query["teamIds"])
        users = [user for user in users if user["id"] in team_members]
    return _page_of(users, call, query)


def _memberships(call: Call) -> Answer:
    world = call.organization()
    query = inputs.PAGE.parse(call.query)
    return _page_of(world.teams.organization_membership_records(), call, query)


def _teams(call: Call) -> Answer:
    """Return a page of the teams, or always the first 250 teams with `teams_ignore_paging`.

    Cal.com's builds from September to December 2025 drop `skip` and `take` before their validation.
    """
    world = call.organization()
    query = {} if call.teams_ignore_paging else inputs.PAGE.parse(call.query)
    return _page_of(world.teams.records(), call, query)


def _team_memberships(call: Call) -> Answer:
    world = call.organization("TEAM_ADMIN")
    team_id = call.team_id(world)
    query = inputs.PAGE.parse(call.query)
    return _page_of(world.teams.membership_records(team_id), call, query)


def _managed_users(call: Call) -> Answer:
    """Return a page of the managed users; limit and offset end at 250, so 500 users can be reached."""
    client_id = call.parameters["clientId"]
    if client_id != CLIENT_ID:
        raise not_found("OAuthClientGuard - OAuth client not found.")
    query = inputs.MANAGED_USERS.parse(call.query)
    users = [_managed_user(user, client_id) for user in call.own_world().members()]
    if "emails" in query:
        users = [user for user in users if user["email"] in query["emails"]]
    return _page_of(users, call, {"skip": query.get("offset", 0), "take": query.get("limit", 50)})


def _managed_user(user: Mapping[str, Any], client_id: str) -> dict[str, Any]:
    """Return a person as a user managed by a platform client; the address contains the client's id."""
    local, _, domain = user["email"].rpartition("@")
    keys = (
        "username", "name", "bio", "timeZone", "weekStart", "createdDate", "timeFormat",
        "defaultScheduleId", "avatarUrl",
    )  # fmt: skip
    return (
        {"id": user["id"], "email": f"{local}+{client_id}@{domain}"}
        | {key: user[key] for key in keys}
        | {"locale": user["locale"] or "en", "metadata": user.get("metadata") or {}}
    )


def _route(method: str, path: str, answer: Callable[[Call], Answer]) -> Route:
    """Return a route; each `{name}` of the path matches one segment, and a trailing slash is optional."""
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
    return Route(method, re.compile(f"{pattern}/?"), answer)


_ORGANIZATION = "/v2/organizations/{orgId}"
_USER_OOO = f"{_ORGANIZATION}/users/{{userId}}/ooo"

ROUTES = (
    _route("GET", "/v2/me", _me),
    _route("GET", "/v2/me/ooo", _my_entries),
    _route("GET", f"{_ORGANIZATION}/ooo", _organization_entries),
    _route("GET", f"{_ORGANIZATION}/users", _users),
    _route("GET", _USER_OOO, _user_entries),
    _route("POST", _USER_OOO, _create_entry),
    _route("PATCH", f"{_USER_OOO}/{{oooId}}", _update_entry),
    _route("DELETE", f"{_USER_OOO}/{{oooId}}", _delete_entry),
    _route("GET", f"{_ORGANIZATION}/memberships", _memberships),
    _route("GET", f"{_ORGANIZATION}/teams", _teams),
    _route("GET", f"{_ORGANIZATION}/teams/{{teamId}}/memberships", _team_memberships),
    _route("GET", "/v2/oauth-clients/{clientId}/users", _managed_users),
)


def match_route(method: str, path: str) -> tuple[Route, dict[str, str]] | None:
    """Return the route of a request and the parameters in its path, or None for an unknown route."""
    for route in ROUTES:
        match = route.pattern.fullmatch(path) if route.method == method else None
        if match is not None:
            return route, match.groupdict()
    return None
