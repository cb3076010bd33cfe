"""Entries written through the API are validated, become whole days and are in the next response."""

from typing import Any

import httpx
import pytest

from calcom.simulator import Simulator, World
from tests.contract.conftest import Connect

DAYS = {"start": "2031-03-03T01:00:00Z", "end": "2031-03-07T13:59:59.000Z"}


@pytest.fixture
def world() -> World:
    """Return a world with the people 1 to 3 and without entries."""
    world = World.from_records([], [])
    for _ in range(3):
        world.add_user()
    return world


@pytest.fixture
def client(world: World, connect: Connect) -> httpx.Client:
    """Return the owner's client."""
    return connect(Simulator(world))


OOO = "/v2/organizations/1/users/1/ooo"


def test_a_new_entry_covers_whole_utc_days_and_is_listed(client: httpx.Client) -> None:
    response = client.post(OOO, json=DAYS | {"notes": "Räksmörgås", "reason": "sick", "toUserId": 2})
    created = response.json()["data"]
    assert response.status_code == 201
    assert created == {
        "userId": 1,
        "toUserId": 2,
        "id": 1,
        "uuid": created["uuid"],
        "start": "2031-03-03T00:00:00.000Z",
        "end": "2031-03-07T23:59:59.999Z",
        "notes": "Räksmörgås",
        "reason": "sick",
    }
    assert client.get(OOO).json()["data"] == [created]
    assert client.get("/v2/organizations/1/ooo").json()["data"] == [created]


def test_an_entry_without_a_reason_is_unspecified(client: httpx.Client) -> None:
    created = client.post(OOO, json=DAYS).json()["data"]
    assert (created["reason"], created["notes"], created["toUserId"]) == ("unspecified", None, None)


def test_patch_changes_only_the_keys_of_its_body(client: httpx.Client) -> None:
    created = client.post(OOO, json=DAYS | {"reason": "travel"}).json()["data"]
    changed = client.patch(f"{OOO}/1", json={"notes": "moved"})
    assert changed.status_code == 200
    assert changed.json()["data"] == created | {"notes": "moved"}


def test_patch_with_the_same_days_conflicts_with_the_entry_itself(client: httpx.Client) -> None:
    client.post(OOO, json=DAYS)
    assert client.patch(f"{OOO}/1", json=DAYS).status_code == 409


def test_delete_returns_the_entry_and_its_id_is_not_reused(client: httpx.Client) -> None:
    created = client.post(OOO, json=DAYS).json()["data"]
    deleted = client.delete(f"{OOO}/1")
    assert (deleted.status_code, deleted.json()["data"]) == (200, created)
    assert client.get(OOO).json()["data"] == []
    assert client.post(OOO, json=DAYS).json()["data"]["id"] == 2


def test_an_exact_repetition_is_a_conflict_and_an_overlap_is_not(client: httpx.Client) -> None:
    client.post(OOO, json=DAYS)
    repeat = client.post(OOO, json=DAYS)
    assert repeat.status_code == 409
    assert repeat.json()["error"]["code"] == "ConflictException"
    longer = client.post(OOO, json=DAYS | {"end": "2031-03-08T00:00:00Z"})
    assert longer.status_code == 201


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"start": "2031-03-08T00:00:00Z"}, "Start date must be before end date."),
        ({"start": "2031-03-03"}, "Invalid Date."),
        ({"start": "2031-03-03T00:00:00+01:00"}, "Invalid Date."),
        ({"end": "2031-02-30T00:00:00Z"}, "Invalid Date."),
        ({"end": None}, "Invalid Date."),
        ({"toUserId": 1}, "Cannot redirect to self."),
        ({"toUserId": 99}, "Cannot redirect to this user."),
    ],
)
def test_a_body_that_the_service_refuses_is_a_400_with_the_reason(
    body: dict[str, Any], message: str, client: httpx.Client
) -> None:
    response = client.post(OOO, json=DAYS | body)
    assert response.status_code == 400
    assert response.json()["error"]["details"] == {
        "message": message,
        "error": "Bad Request",
        "statusCode": 400,
    }


@pytest.mark.parametrize(
    ("body", "constraints"),
    [
        ({}, {"start": "isDate", "end": "isDate"}),
        (DAYS | {"reason": "holiday"}, {"reason": "isEnum"}),
        (DAYS | {"notes": 1, "toUserId": "2"}, {"notes": "isString", "toUserId": "isInt"}),
    ],
)
def test_a_body_with_invalid_properties_is_a_400_that_lists_each_property(
    body: dict[str, Any], constraints: dict[str, str], client: httpx.Client
) -> None:
    response = client.post(OOO, json=body)
    assert response.status_code == 400
    errors = response.json()["error"]["details"]["errors"]
    assert {error["property"]: next(iter(error["constraints"])) for error in errors} == constraints


def test_a_body_that_is_not_json_is_a_400(client: httpx.Client) -> None:
    assert client.post(OOO, content=b"{").status_code == 400


def test_a_start_without_an_end_is_refused(client: httpx.Client) -> None:
    client.post(OOO, json=DAYS)
    response = client.patch(f"{OOO}/1", json={"start": DAYS["start"]})
    assert response.json()["error"]["message"] == "Please specify both ooo start and end time."


def test_a_redirect_to_an_absent_user_who_redirects_back_is_refused(client: httpx.Client) -> None:
    client.post("/v2/organizations/1/users/2/ooo", json=DAYS | {"toUserId": 1})
    response = client.post(OOO, json=DAYS | {"toUserId": 2})
    assert response.json()["error"]["message"] == "Booking redirect infinite not allowed."


@pytest.mark.parametrize("entry", ["2", "1"])
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_an_unknown_entry_and_another_users_entry_are_both_forbidden(
    method: str, entry: str, client: httpx.Client, world: World
) -> None:
    world.add_entry(2, "2031-01-01T00:00:00.000Z", "2031-01-01T23:59:59.999Z")
    response = client.request(method, f"{OOO}/{entry}", json={})
    assert response.status_code == 403
    assert len(world.entries()) == 1
