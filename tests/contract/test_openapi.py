"""Every response of every route satisfies the OpenAPI document in this folder."""

import json
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest

from calcom.simulator import (
    CLIENT_ID,
    MEMBER_KEY,
    OWNER_KEY,
    Fault,
    Limits,
    RateLimit,
    Simulator,
    World,
)
from tests.contract.conftest import Connect

DOCUMENT = json.loads((Path(__file__).parent / "openapi_observed.json").read_text("utf-8"))
GET_PATHS = [path for path, operations in DOCUMENT["paths"].items() if "get" in operations]
ORGANIZATION_PATHS = [path for path in GET_PATHS if "{orgId}" in path]
TEAM_ID = 101
DAYS = {"start": "2031-03-03T10:00:00Z", "end": "2031-03-07T10:00:00.000Z"}


def as_json_schema(node: Any) -> Any:
    """Return an OpenAPI 3.0 schema as JSON Schema: `nullable` becomes the type null."""
    if isinstance(node, list):
        return [as_json_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    schema = {key: as_json_schema(value) for key, value in node.items() if key != "nullable"}
    if node.get("nullable") is True and "type" in schema:
        schema["type"] = [schema["type"], "null"]
    return schema


COMPONENTS = as_json_schema(DOCUMENT["components"])


def assert_documented(response: httpx.Response, path: str, method: str = "get") -> None:
    """Check that the status is documented for the operation, and that the body satisfies its schema."""
    documented = DOCUMENT["paths"][path][method]["responses"][str(response.status_code)]
    schema = as_json_schema(documented["content"]["application/json"]["schema"])
    validator = jsonschema.Draft202012Validator(schema | {"components": COMPONENTS})
    validator.validate(response.json())


def address(world: World, path: str) -> str:
    """Return the path with ids of the world."""
    user_id = str(world.users()[0]["id"])
    values = {"{orgId}": "1", "{userId}": user_id, "{teamId}": str(TEAM_ID)}
    for name, value in (values | {"{clientId}": CLIENT_ID}).items():
        path = path.replace(name, value)
    return path


@pytest.mark.parametrize("path", GET_PATHS)
def test_a_successful_response_is_documented_and_not_empty(
    path: str, connect: Connect, small_world: World
) -> None:
    response = connect(Simulator(small_world)).get(address(small_world, path))
    assert response.status_code == 200
    assert response.json()["data"]
    assert_documented(response, path)


@pytest.mark.parametrize("path", [path for path in GET_PATHS if path != "/v2/me"])
def test_the_400_for_an_invalid_page_size_is_documented(
    path: str, connect: Connect, small_world: World
) -> None:
    response = connect(Simulator(small_world)).get(f"{address(small_world, path)}?take=0&limit=0")
    assert response.status_code == 400
    assert_documented(response, path)


@pytest.mark.parametrize("path", GET_PATHS)
def test_the_401_the_429_and_both_500_responses_are_documented(
    path: str, connect: Connect, small_world: World
) -> None:
    limits = Limits(api_key=[RateLimit(limit=3)])
    faults = [Fault("500", nth=1), Fault("500_prisma", nth=2)]
    client = connect(Simulator(small_world, limits=limits, faults=faults))
    url = address(small_world, path)
    responses = [client.get(url) for _ in range(5)]
    responses.append(client.get(url, headers={"Authorization": ""}))
    assert [response.status_code for response in responses] == [500, 500, 200, 200, 429, 401]
    for response in responses:
        assert_documented(response, path)


@pytest.mark.parametrize("path", ORGANIZATION_PATHS)
def test_a_member_without_the_role_is_refused_as_documented(
    path: str, connect: Connect, small_world: World
) -> None:
    client = connect(Simulator(small_world))
    response = client.get(address(small_world, path), headers={"Authorization": MEMBER_KEY})
    assert response.status_code == 403
    assert_documented(response, path)


def test_the_404_for_an_unknown_team_is_documented(connect: Connect, small_world: World) -> None:
    path = "/v2/organizations/{orgId}/teams/{teamId}/memberships"
    response = connect(Simulator(small_world)).get("/v2/organizations/1/teams/999/memberships")
    assert response.status_code == 404
    assert_documented(response, path)


def test_the_400_for_a_caller_without_a_username_is_documented(connect: Connect, small_world: World) -> None:
    users = [user | {"username": None} for user in small_world.users()]
    response = connect(Simulator(World.from_records(users, small_world.entries()))).get("/v2/me")
    assert response.status_code == 400
    assert_documented(response, "/v2/me")


def test_the_responses_for_written_entries_are_documented(connect: Connect, small_world: World) -> None:
    path = "/v2/organizations/{orgId}/users/{userId}/ooo"
    client, url = connect(Simulator(small_world)), address(small_world, path)
    created = client.post(url, json=DAYS)
    entry_url = f"{url}/{created.json()['data']['id']}"
    assert_documented(created, path, "post")
    assert_documented(client.post(url, json=DAYS), path, "post")
    assert_documented(client.patch(entry_url, json={"notes": ""}), f"{path}/{{oooId}}", "patch")
    assert_documented(client.delete(entry_url), f"{path}/{{oooId}}", "delete")


def test_an_entry_has_no_undocumented_key(connect: Connect, small_world: World) -> None:
    response = connect(Simulator(small_world)).get("/v2/organizations/1/ooo")
    documented = DOCUMENT["components"]["schemas"]["UserOooOutputDto"]["properties"]
    assert {key for record in response.json()["data"] for key in record} == set(documented)


def test_the_word_bearer_and_the_version_header_are_optional(connect: Connect, small_world: World) -> None:
    client = connect(Simulator(small_world))
    headers = {"Authorization": OWNER_KEY, "cal-api-version": "2099-01-01"}
    assert client.get("/v2/me", headers=headers).status_code == 200
