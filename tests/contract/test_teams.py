"""The simulated teams are realistic, page like every list, and change like a database."""

import pytest

from calcom.simulator import MEMBER_KEY, Simulator, World
from tests.contract.conftest import Connect

TEAMS = "/v2/organizations/1/teams"


@pytest.fixture(scope="module")
def world() -> World:
    """Return the default people with one year of entries."""
    return World.generate(years=1)


def test_equal_worlds_have_equal_teams_with_every_role_and_pending_invitations(world: World) -> None:
    again = World.generate(years=1)
    memberships = [world.teams.membership_records(team_id) for team_id in sorted(world.teams.ids())]
    assert memberships == [again.teams.membership_records(team_id) for team_id in sorted(again.teams.ids())]
    assert world.teams.records() == again.teams.records()
    rows = [row for team_rows in memberships for row in team_rows]
    assert {row["role"] for row in rows} == {"OWNER", "ADMIN", "MEMBER"}
    assert {row["accepted"] for row in rows} == {True, False}
    assert len({row["userId"] for row in rows}) < len(rows) == len({row["id"] for row in rows})
    assert {user["id"] for user in world.users()} < {row["userId"] for row in rows}  # the invited, too


def test_teams_and_memberships_page_by_ascending_id_and_end_with_a_short_page(
    connect: Connect, world: World
) -> None:
    client = connect(Simulator(world))
    for url in (TEAMS, f"{TEAMS}/101/memberships"):
        ids = [record["id"] for record in client.get(url).json()["data"]]
        assert len(ids) > 2
        assert ids == sorted(ids)
        paged: list[int] = []
        while page := client.get(f"{url}?take=2&skip={len(paged)}").json()["data"]:
            paged += [record["id"] for record in page]
        assert paged == ids
        assert client.get(f"{url}?take=251").status_code == 400


def test_an_unknown_team_is_not_found(connect: Connect, world: World) -> None:
    response = connect(Simulator(world)).get(f"{TEAMS}/999/memberships")
    error = response.json()["error"]
    assert (response.status_code, error["code"]) == (404, "NotFoundException")
    assert error["message"] == "IsTeamInOrg - Team (999) not found."


def test_a_member_without_the_role_may_not_read_memberships(connect: Connect, world: World) -> None:
    client = connect(Simulator(world))
    response = client.get(f"{TEAMS}/101/memberships", headers={"Authorization": MEMBER_KEY})
    assert response.status_code == 403
    assert "TEAM_ADMIN" in response.json()["error"]["message"]


def test_a_new_membership_has_a_new_id_and_the_id_of_a_deleted_team_is_not_reused() -> None:
    world = World.generate(people=12, years=1)
    first = min(world.teams.ids())
    before = world.teams.memberships(first)[0]
    world.teams.leave(first, before.user_id)
    assert before.user_id not in world.teams.members_of([first])
    assert world.teams.join(first, before.user_id) > before.membership_id
    last = world.teams.add("Board")
    world.teams.delete(last)
    assert world.teams.memberships(last) == []
    assert world.teams.add("Board") == last + 1
    world.teams.rename(first, "Research & Development")
    assert world.teams.records()[0]["slug"] == "research-development"
    with pytest.raises(ValueError, match=f"there is no team {last}"):
        world.teams.join(last, before.user_id)


def test_a_user_who_is_removed_from_the_organization_is_in_none_of_its_teams() -> None:
    world = World.generate(people=12, years=1)
    user_id = world.teams.memberships(101)[0].user_id
    world.remove_user(user_id)
    assert user_id not in {row["userId"] for row in world.teams.membership_records(101)}
    world.restore_user(user_id)
    assert user_id in {row["userId"] for row in world.teams.membership_records(101)}
