"""The simulator can deviate from the usual API like single builds, gateways and organizations do."""

from typing import Any

import httpx
import pytest

from calcom.simulator import CUSTOM_LIMITS_KEY, MEMBER_KEY, OWNER_KEY, Simulator, World
from tests.contract.conftest import Connect

ORGANIZATION = "/v2/organizations/1"
LISTS = [
    f"{ORGANIZATION}/users",
    f"{ORGANIZATION}/ooo",
    f"{ORGANIZATION}/users/1/ooo",
    f"{ORGANIZATION}/memberships",
    f"{ORGANIZATION}/teams",
    f"{ORGANIZATION}/teams/101/memberships",
    "/v2/me/ooo",
]


def ids_of(response: httpx.Response) -> list[int]:
    """Return the ids of the records in a response."""
    assert response.status_code == 200
    return [record["id"] for record in response.json()["data"]]


@pytest.fixture
def world() -> World:
    """Return a world with 40 people and 300 teams, in which every list has more than three rows."""
    world = World.generate(seed=2, people=40, years=1)
    for number in range(295):
        world.teams.add(f"Team {number}")
    return world


# Pages with fewer rows than requested


@pytest.mark.parametrize("path", LISTS)
def test_a_page_cap_shortens_the_pages_of_every_list_and_leaves_the_offsets(
    path: str, connect: Connect, world: World
) -> None:
    ids = ids_of(connect(Simulator(world)).get(path))
    client = connect(Simulator(world, page_cap=3))
    assert len(ids) > 3
    assert ids_of(client.get(path)) == ids_of(client.get(f"{path}?take=250")) == ids[:3]
    assert ids_of(client.get(f"{path}?take=2")) == ids[:2]
    assert ids_of(client.get(f"{path}?skip=2")) == ids[2:5]


def test_a_page_cap_applies_to_managed_users(connect: Connect, world: World) -> None:
    client = connect(Simulator(world, page_cap=3))
    assert len(ids_of(client.get("/v2/oauth-clients/simulator-client/users?limit=50"))) == 3


def test_a_page_cap_leaves_the_validation_of_the_page_size(connect: Connect, world: World) -> None:
    assert connect(Simulator(world, page_cap=3)).get(f"{ORGANIZATION}/ooo?take=251").status_code == 400


def test_a_page_cap_can_apply_to_one_kind_of_list(connect: Connect, world: World) -> None:
    client = connect(Simulator(world, page_cap=3, page_cap_path=r"/users/\d+/ooo$"))
    lengths = {path: len(ids_of(client.get(path))) for path in LISTS}
    assert [path for path, length in lengths.items() if length == 3] == [f"{ORGANIZATION}/users/1/ooo"]


# A list of teams without paging


@pytest.mark.parametrize("query", ["", "?take=2", "?skip=100", "?take=10&skip=290", "?take=251", "?take=abc"])
def test_teams_that_ignore_paging_are_always_the_first_250(
    query: str, connect: Connect, world: World
) -> None:
    client = connect(Simulator(world, teams_ignore_paging=True))
    assert ids_of(client.get(f"{ORGANIZATION}/teams{query}")) == sorted(world.teams.ids())[:250]


def test_only_the_list_of_teams_ignores_paging(connect: Connect, world: World) -> None:
    client = connect(Simulator(world, teams_ignore_paging=True))
    for path in LISTS:
        expected = 250 if path.endswith("/teams") else 2
        assert len(ids_of(client.get(f"{path}?take=2"))) == expected
    refused = client.get(f"{ORGANIZATION}/teams", headers={"Authorization": MEMBER_KEY})
    assert refused.status_code == 403


# A caller without a username


def without_usernames(world: World) -> World:
    """Return the world with all usernames set to null."""
    users: list[dict[str, Any]] = [user | {"username": None} for user in world.users()]
    return World.from_records(users, world.entries())


@pytest.mark.parametrize("key", [OWNER_KEY, MEMBER_KEY, CUSTOM_LIMITS_KEY])
def test_me_refuses_a_key_whose_owner_has_no_username(key: str, connect: Connect, world: World) -> None:
    client = connect(Simulator(without_usernames(world)))
    response = client.get("/v2/me", headers={"Authorization": key})
    assert response.status_code == 400
    assert response.json()["error"] == {
        "code": "BAD_REQUEST",
        "message": "username - Expected string, received null, ",
    }


def test_every_list_is_readable_by_a_caller_without_a_username(connect: Connect, world: World) -> None:
    client = connect(Simulator(without_usernames(world)))
    for path in LISTS:
        assert ids_of(client.get(path))
