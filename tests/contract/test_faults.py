"""Every scripted fault reaches a real client over a real socket, for the scripted requests."""

import asyncio
import json
import time

import httpx
import pytest

from calcom.simulator import ABSENT, OWNER_KEY, Fault, Simulator, World
from tests.contract.conftest import Connect

LISTING = "/v2/organizations/1/ooo?take=9"


def test_a_fault_applies_to_its_requests_only(connect: Connect, small_world: World) -> None:
    fault = Fault("500", path=r"/ooo\?", nth=2, times=2)
    client = connect(Simulator(small_world, faults=[fault]))
    assert [client.get(LISTING).status_code for _ in range(4)] == [200, 500, 500, 200]
    assert client.get("/v2/me").status_code == 200


def test_an_uncaught_exception_has_a_bare_body_and_no_rate_headers(
    connect: Connect, small_world: World
) -> None:
    response = connect(Simulator(small_world, faults=[Fault("500")])).get(LISTING)
    assert response.json() == {"statusCode": 500, "message": "Internal server error"}
    assert "X-RateLimit-Limit-Default" not in response.headers


def test_a_database_error_has_the_envelope_and_counts_as_a_request(
    connect: Connect, small_world: World
) -> None:
    response = connect(Simulator(small_world, faults=[Fault("500_prisma")])).get(LISTING)
    assert response.json()["error"]["code"] == "INTERNAL_SERVER_ERROR"
    assert response.headers["X-RateLimit-Remaining-Default"] == "119"


@pytest.mark.parametrize(
    ("fault", "status"),
    [(Fault("502_html"), 502), (Fault("403_html"), 403), (Fault("empty_200_html"), 200)],
)
def test_an_edge_server_responds_in_html(
    fault: Fault, status: int, connect: Connect, small_world: World
) -> None:
    response = connect(Simulator(small_world, faults=[fault])).get(LISTING)
    assert response.status_code == status
    assert response.headers["Content-Type"].startswith("text/html")
    assert bool(response.content) == (status != 200)


def test_a_scripted_429_has_its_reset_in_the_headers(connect: Connect, small_world: World) -> None:
    response = connect(Simulator(small_world, faults=[Fault("429", seconds=7)])).get(LISTING)
    assert response.status_code == 429
    assert response.headers["X-RateLimit-Reset-Default"] == "7"


def test_a_timeout_lasts_longer_than_the_client_waits_and_the_next_request_succeeds(
    connect: Connect, small_world: World
) -> None:
    simulator = Simulator(small_world, faults=[Fault("timeout")])
    client = connect(simulator)
    with pytest.raises(httpx.ReadTimeout):
        client.get(LISTING, timeout=0.05)
    assert client.get(LISTING).status_code == 200
    statuses = {request.number: request.status for request in simulator.requests}
    assert statuses == {1: None, 2: 200}


def test_a_late_response_is_the_usual_one(connect: Connect, small_world: World) -> None:
    client = connect(Simulator(small_world, faults=[Fault("timeout", seconds=0.05)]))
    started_at = time.monotonic()
    assert client.get(LISTING).status_code == 200
    assert time.monotonic() - started_at >= 0.05


def test_a_reset_connection_is_a_transport_error(connect: Connect, small_world: World) -> None:
    simulator = Simulator(small_world, faults=[Fault("reset")])
    client = connect(simulator)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        client.get(LISTING)
    assert client.get(LISTING).status_code == 200
    assert [request.status for request in simulator.requests] == [None, 200]


def test_a_reset_within_a_process_is_an_exception(small_world: World) -> None:
    async def send() -> None:
        transport = httpx.ASGITransport(Simulator(small_world, faults=[Fault("reset")]))
        async with httpx.AsyncClient(transport=transport, base_url="http://simulator") as client:
            await client.get(LISTING)

    with pytest.raises(ConnectionResetError):
        asyncio.run(send())


def test_truncated_json_has_a_matching_content_length(connect: Connect, small_world: World) -> None:
    response = connect(Simulator(small_world, faults=[Fault("truncated_json")])).get(LISTING)
    assert response.status_code == 200
    assert int(response.headers["Content-Length"]) == len(response.content)
    with pytest.raises(json.JSONDecodeError):
        response.json()


def test_a_slow_body_arrives_whole_and_in_pieces(connect: Connect, small_world: World) -> None:
    client = connect(Simulator(small_world, faults=[Fault("slow_body", seconds=0.08)]))
    started_at = time.monotonic()
    with client.stream("GET", LISTING) as response:
        pieces = list(response.iter_raw())
    assert time.monotonic() - started_at >= 0.08
    assert len(pieces) > 1
    assert json.loads(b"".join(pieces))["data"] == small_world.entries()[:9]


def test_wrong_types_are_in_every_record(connect: Connect, small_world: World) -> None:
    client = connect(Simulator(small_world, faults=[Fault("wrong_types")]))
    records = client.get(LISTING).json()["data"]
    assert len(records) == 9
    for record in records:
        assert isinstance(record["id"], str)
        assert isinstance(record["start"], int)


@pytest.mark.parametrize(("field", "value"), [("id", ABSENT), ("start", "soon"), ("userId", None)])
def test_a_bad_record_is_in_the_middle_of_a_valid_page(
    field: str, value: object, connect: Connect, small_world: World
) -> None:
    fault = Fault("bad_record", field=field, value=value)
    records = connect(Simulator(small_world, faults=[fault])).get(LISTING).json()["data"]
    valid = small_world.entries()[:9]
    changed = [index for index in range(9) if records[index] != valid[index]]
    assert changed == [4]
    assert records[4].get(field, ABSENT) == value


def test_a_fault_in_the_records_leaves_a_refusal_unchanged(connect: Connect, small_world: World) -> None:
    client = connect(Simulator(small_world, faults=[Fault("wrong_types")]))
    assert client.get("/v2/organizations/1/ooo?take=0").status_code == 400


def test_the_world_can_change_before_a_request(connect: Connect, small_world: World) -> None:
    first = small_world.entries()[0]["id"]

    def delete_before_second(number: int, _: object) -> None:
        if number == 2:
            small_world.delete_entry(first)

    simulator = Simulator(small_world, before_request=delete_before_second)
    client = connect(simulator)
    ids = [client.get(f"{LISTING}&page={n}").json()["data"][0]["id"] for n in (1, 2)]
    assert ids[0] == first < ids[1]
    assert [(request.number, request.query) for request in simulator.requests] == [
        (1, "take=9&page=1"),
        (2, "take=9&page=2"),
    ]
    simulator.clear_requests()
    assert simulator.requests == []


def test_a_user_can_leave_the_organization_at_a_chosen_request(connect: Connect, small_world: World) -> None:
    user_id = small_world.users()[3]["id"]

    def leave_at_third(number: int, _: object) -> None:
        if number == 3:
            small_world.remove_user(user_id)

    client = connect(Simulator(small_world, before_request=leave_at_third))
    responses = [client.get(f"/v2/organizations/1/users/{user_id}/ooo") for _ in range(4)]
    assert [response.status_code for response in responses] == [200, 200, 403, 403]
    message = responses[2].json()["error"]["message"]
    assert message == f"IsUserInOrg - user with id={user_id} is not part of the organization with id=1."
    users = client.get("/v2/organizations/1/users").json()["data"]
    assert user_id not in {user["id"] for user in users}


def test_latency_delays_every_response(connect: Connect, small_world: World) -> None:
    client = connect(Simulator(small_world, latency_seconds=0.03))
    started_at = time.monotonic()
    client.get(LISTING)
    assert time.monotonic() - started_at >= 0.03


def test_several_servers_run_at_the_same_time_with_their_own_keys(connect: Connect) -> None:
    clients = [connect(Simulator(World.generate(seed=s, people=5), api_key=f"cal_{s}")) for s in (1, 2)]
    first, second = (
        client.get("/v2/me", headers={"Authorization": f"cal_{seed}"}).json()
        for seed, client in enumerate(clients, start=1)
    )
    assert first != second
    assert clients[0].get("/v2/me", headers={"Authorization": OWNER_KEY}).status_code == 401
