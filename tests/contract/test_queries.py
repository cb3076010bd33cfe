"""Query strings and path parameters are interpreted like by Cal.com's own validation."""

import re
from typing import Any

import pytest

from calcom.simulator import OTHER_ORGANIZATION_KEY, Simulator, World
from calcom.simulator.errors import RefusalError
from calcom.simulator.inputs import ORGANIZATION_ENTRIES, ORGANIZATION_USERS, USER_ENTRIES
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
def test_numbers_are_parsed_like_javascripts_parse_int(query: bytes, take: int, skip: int) -> None:
    assert USER_ENTRIES.parse(query) == {"take": take, "skip": skip}


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
def test_the_400_lists_every_broken_constraint(query: bytes, constraints: dict[str, list[str]]) -> None:
    with pytest.raises(RefusalError) as refusal:
        ORGANIZATION_ENTRIES.parse(query)
    details: Any = refusal.value.details
    assert {error["property"]: list(error["constraints"]) for error in details["errors"]} == constraints


@pytest.mark.parametrize("query", [b"emails=a@b.example,c@d.example", b"teamIds=1&teamIds=2"])
def test_emails_are_repeated_keys_and_team_ids_one_comma_separated_list(query: bytes) -> None:
    with pytest.raises(RefusalError):
        ORGANIZATION_USERS.parse(query)
    parsed = ORGANIZATION_USERS.parse(b"emails=a%2Bb@c.example&emails=d@e.example&teamIds=1,2")
    assert (parsed["emails"], parsed["teamIds"]) == (["a+b@c.example", "d@e.example"], [1, 2])


@pytest.mark.parametrize("query", [b"skp=5", b"startDate=2025-01-01", b"Take=1", b"=7", b"&&"])
def test_unknown_keys_are_ignored(query: bytes) -> None:
    assert ORGANIZATION_ENTRIES.parse(query) == {"take": 250, "skip": 0}


@pytest.mark.parametrize(
    "path", ["1.0/ooo", "1./users", "1/users/{user}.0/ooo", "1.00/teams/101.0/memberships"]
)
def test_a_path_id_with_a_decimal_point_is_the_whole_number(
    path: str, connect: Connect, small_world: World
) -> None:
    path = path.replace("{user}", str(small_world.users()[3]["id"]))
    client = connect(Simulator(small_world))
    response = client.get(f"/v2/organizations/{path}")
    assert response.status_code == 200
    plain = re.sub(r"(\d)\.0*", r"\1", path)
    assert response.content == client.get(f"/v2/organizations/{plain}").content


@pytest.mark.parametrize(
    "path", ["abc/ooo", "1.5/ooo", "2147483648/ooo", "1/users/abc/ooo", "1/users/1.5/ooo"]
)
def test_a_path_id_that_is_not_a_32_bit_integer_is_a_database_error(
    path: str, connect: Connect, small_world: World
) -> None:
    response = connect(Simulator(small_world)).get(f"/v2/organizations/{path}")
    assert (response.status_code, response.json()["error"]["code"]) == (500, "INTERNAL_SERVER_ERROR")


def test_another_organization_is_visible_to_its_own_owner_only(connect: Connect, small_world: World) -> None:
    client = connect(Simulator(small_world))
    assert client.get("/v2/organizations/2/ooo").status_code == 403
    own = client.get("/v2/organizations/2/ooo", headers={"Authorization": OTHER_ORGANIZATION_KEY})
    assert own.json() == {"status": "success", "data": []}


def test_users_can_be_filtered_by_team(connect: Connect) -> None:
    world = World.generate(people=30, years=1)
    client = connect(Simulator(world))
    members = client.get("/v2/organizations/1/teams/102/memberships").json()["data"]
    users = client.get("/v2/organizations/1/users?teamIds=102").json()["data"]
    assert [user["id"] for user in users] == [member["userId"] for member in members]
    assert 0 < len(users) < 30


def test_paging_reaches_at_most_500_managed_users(connect: Connect) -> None:
    client = connect(Simulator(World.generate(people=600, years=1)))
    url = "/v2/oauth-clients/simulator-client/users"
    last = client.get(f"{url}?limit=250&offset=250").json()["data"]
    assert len(last) == 250
    assert client.get(f"{url}?limit=250&offset=251").status_code == 400
    assert len(client.get(url).json()["data"]) == 50
    assert client.get("/v2/oauth-clients/unknown/users").status_code == 404
