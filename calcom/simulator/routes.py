"""The routes that the simulator answers, and what each of them answers with."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from calcom.simulator import directory, queries
from calcom.simulator.accounts import CLIENT_ID, Account
from calcom.simulator.bodies import check_entry, read_entry_body
from calcom.simulator.errors import not_found
from calcom.simulator.guards import (
    guarded_entry,
    guarded_organization,
    guarded_team,
    guarded_user,
)
from calcom.simulator.listings import Sort
from calcom.simulator.records import Entry, encode_json
from calcom.simulator.world import World


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated request on a known route."""

    worlds: Mapping[int, World | None]
    account: Account
    parameters: Mapping[str, str]
    query: bytes
    body: bytes

    def organization(self, role: str = "ORG_ADMIN") -> World:
        """The organization in the path, past its guards."""
        return guarded_organization(self.worlds, self.account, self.parameters["orgId"], role)


class Answer(NamedTuple):
    """A success: the status and the encoded `data`."""

    status: int
    data: bytes


class Route(NamedTuple):
    """A method, a path pattern and the function that answers."""

    method: str
    pattern: re.Pattern[str]
    answer: Callable[[Call], Answer]


def _ok(data: object) -> Answer:
    return Answer(200, encode_json(data))


def _entries_answer(entries: Sequence[Entry]) -> Answer:
    return Answer(200, b"[" + b",".join(entry.wire_bytes() for entry in entries) + b"]")


def _sort_of(query: Mapping[str, Any]) -> Sort | None:
    """The order asked for; of two, the second overwrites the first (ooo.repository.ts)."""
    if query.get("sortEnd"):
        return Sort("end", query["sortEnd"] == "desc")
    if query.get("sortStart"):
        return Sort("start", query["sortStart"] == "desc")
    return None


def _entry_page(world: World, user_id: int | None, query: Mapping[str, Any]) -> Answer:
    return _entries_answer(world.page(user_id, query["take"], query["skip"], _sort_of(query)))


def _slice(rows: Sequence[Any], query: Mapping[str, Any]) -> Answer:
    skip, take = query.get("skip", 0), query.get("take", 250)
    return _ok(rows[skip : skip + take])


def _me(call: Call) -> Answer:
    return _ok(directory.me(_own_world(call), call.account))


def _own_world(call: Call) -> World:
    """The caller's organization; without the admin API it is empty here."""
    organization_id = call.account.organization_id
    return call.worlds[organization_id] or World((), (), organization_id=organization_id)


def _my_entries(call: Call) -> Answer:
    query = queries.USER_ENTRIES.read(call.query)
    return _entry_page(_own_world(call), call.account.user_id, query)


def _organization_entries(call: Call) -> Answer:
    world = call.organization()
    query = queries.ORGANIZATION_ENTRIES.read(call.query)
    email = query.get("email")
    if not email:
        return _entry_page(world, None, query)
    user_id = world.member_id_by_email(email)
    return _entries_answer(()) if user_id is None else _entry_page(world, user_id, query)


def _user_entries(call: Call) -> Answer:
    world = call.organization()
    user_id = guarded_user(world, call.parameters["userId"])
    return _entry_page(world, user_id, queries.USER_ENTRIES.read(call.query))


def _create_entry(call: Call) -> Answer:
    world = call.organization()
    user_id = guarded_user(world, call.parameters["userId"])
    entry = read_entry_body(call.body, is_new=True)
    check_entry(world, user_id, entry)
    entry_id = world.add_entry(
        user_id,
        entry["start"],
        entry["end"],
        reason=entry.get("reason"),
        notes=entry.get("notes"),
        to_user_id=entry.get("to_user_id"),
    )
    return Answer(201, guarded_entry(world, user_id, str(entry_id)).wire_bytes())


def _update_entry(call: Call) -> Answer:
    """A PATCH that repeats the entry's own start and end is a 409: the check finds the entry."""
    world = call.organization()
    user_id = guarded_user(world, call.parameters["userId"])
    entry = guarded_entry(world, user_id, call.parameters["oooId"])
    changes = read_entry_body(call.body, is_new=False)
    check_entry(world, user_id, changes)
    if changes.get("reason") is None:
        changes.pop("reason", None)
    world.update_entry(entry.entry_id, **changes)
    return Answer(200, entry.wire_bytes())


def _delete_entry(call: Call) -> Answer:
    world = call.organization()
    user_id = guarded_user(world, call.parameters["userId"])
    entry = guarded_entry(world, user_id, call.parameters["oooId"])
    world.delete_entry(entry.entry_id)
    return Answer(200, entry.wire_bytes())


def _users(call: Call) -> Answer:
    world = call.organization()
    query = queries.ORGANIZATION_USERS.read(call.query)
    users = world.members()
    if "emails" in query:
        users = [user for user in users if user["email"] in query["emails"]]
    if "teamIds" in query:
        wanted = world.teams.members_of(query["teamIds"])
        users = [user for user in users if user["id"] in wanted]
    return _slice(users, query)


def _memberships(call: Call) -> Answer:
    world = call.organization()
    query = queries.PAGE.read(call.query)
    return _slice(directory.organization_memberships(world), query)


def _teams(call: Call) -> Answer:
    world = call.organization()
    query = queries.PAGE.read(call.query)
    return _slice(world.teams.records(), query)


def _team_memberships(call: Call) -> Answer:
    world = call.organization("TEAM_ADMIN")
    team_id = guarded_team(world.teams.ids(), call.parameters["teamId"])
    query = queries.PAGE.read(call.query)
    return _slice(directory.team_memberships(world, team_id), query)


def _managed_users(call: Call) -> Answer:
    """At most 500 users can be reached: both the limit and the offset end at 250."""
    client_id = call.parameters["clientId"]
    if client_id != CLIENT_ID:
        raise not_found("OAuthClientGuard - OAuth client not found.")
    query = queries.MANAGED_USERS.read(call.query)
    users = directory.managed_users(_own_world(call), client_id, query.get("emails"))
    limit, offset = query.get("limit", 50), query.get("offset", 0)
    return _ok(users[offset : offset + limit])


def _route(method: str, path: str, answer: Callable[[Call], Answer]) -> Route:
    """A route whose `{name}` parts match one path segment; a trailing slash is fine."""
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
    """The route of a request and the parameters in its path, or None."""
    for route in ROUTES:
        match = route.pattern.fullmatch(path) if route.method == method else None
        if match is not None:
            return route, match.groupdict()
    return None
