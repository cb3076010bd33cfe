"""Query strings mean what they mean to Cal.com's validation."""

from typing import Any

import pytest

from calcom.simulator import OTHER_ORGANIZATION_KEY, Simulator, World
from calcom.simulator.errors import RefusalError
from calcom.simulator.queries import ORGANIZATION_ENTRIES, ORGANIZATION_USERS, USER_ENTRIES
from tests.contract.conftest import Connect


@pytest.mark.parametrize(
    ("query", "take", "skip"),
    [
        (b"", 250, 0),
        (b"take=&skip=", 250, 0),
        (b"take=1e2", 1, 0),
        (b"take=25.0&skip=1.9", 25, 1),
        (b"take=2&take=3", 2, 0),
        (b"take=%207x&skip=%2B5", 7, 5),
        (b"skip=99999999999", 250, 99999999999),
    ],
)
def test_numbers_are_read_like_parse_int(query: bytes, take: int, skip: int) -> None:
    assert USER_ENTRIES.read(query) == {"take": take, "skip": skip}


@pytest.mark.parametrize(
    ("query", "constraints"),
    [
        (b"take=0", {"take": ["min"]}),
        (b"take=-1&skip=-1", {"take": ["min"], "skip": ["min"]}),
        (b"take=abc", {"take": ["max", "min", "isNumber"]}),
        (b"skip=abc", {"skip": ["min", "isNumber"]}),
        (b"sortStart=", {"sortStart": ["isEnum"]}),
        (b"sortEnd=asc&sortEnd=desc", {"sortEnd": ["isEnum"]}),
        (b"email=a&email=b", {"email": ["isString"]}),
    ],
)
def test_every_broken_constraint_is_named(query: bytes, constraints: dict[str, list[str]]) -> None:
    with pytest.raises(RefusalError) as refusal:
        ORGANIZATION_ENTRIES.read(query)
    details: Any = refusal.value.details
    assert {error["property"]: list(error["constraints"]) for error in details["errors"]} == (constraints)


@pytest.mark.parametrize("query", [b"emails=a@b.example,c@d.example", b"teamIds=1&teamIds=2"])
def test_users_take_repeated_emails_and_one_list_of_teams(query: bytes) -> None:
    with pytest.raises(RefusalError):
        ORGANIZATION_USERS.read(query)
    read = ORGANIZATION_USERS.read(b"emails=a%2Bb@c.example&emails=d@e.example&teamIds=1,2")
    assert (read["emails"], read["teamIds"]) == (["a+b@c.example", "d@e.example"], [1, 2])


@pytest.mark.parametrize("query", [b"skp=5", b"startDate=2025-01-01", b"Take=1", b"=7", b"&&"])
def test_unknown_keys_change_nothing(query: bytes) -> None:
    assert ORGANIZATION_ENTRIES.read(query) == {"take": 250, "skip": 0}


def test_another_organization_is_seen_by_its_own_owner_only(connect: Connect, small_world: World) -> None:
    client = connect(Simulator(small_world))
    assert client.get("/v2/organizations/2/ooo").status_code == 403
    own = client.get("/v2/organizations/2/ooo", headers={"Authorization": OTHER_ORGANIZATION_KEY})
    assert own.json() == {"status": "success", "data": []}


def test_users_can_be_asked_for_by_team(connect: Connect) -> None:
    world = World.generate(people=30, years=1)
    client = connect(Simulator(world))
    members = client.get("/v2/organizations/1/teams/102/memberships").json()["data"]
    users = client.get("/v2/organizations/1/users?teamIds=102").json()["data"]
    assert [user["id"] for user in users] == [member["userId"] for member in members]
    assert 0 < len(users) < 30


def test_paging_cannot_reach_more_than_500_managed_users(connect: Connect) -> None:
    client = connect(Simulator(World.generate(people=600, years=1)))
    url = "/v2/oauth-clients/simulator-client/users"
    last = client.get(f"{url}?limit=250&offset=250").json()["data"]
    assert len(last) == 250
    assert client.get(f"{url}?limit=250&offset=251").status_code == 400
    assert len(client.get(url).json()["data"]) == 50
    assert client.get("/v2/oauth-clients/unknown/users").status_code == 404
