"""The simulated teams are believable, page like every listing, and change like a database."""

import pytest

from calcom.simulator import MEMBER_KEY, Simulator, World
from calcom.simulator.directory import team_memberships
from tests.contract.conftest import Connect

TEAMS = "/v2/organizations/1/teams"


@pytest.fixture(scope="module")
def world() -> World:
    """The default people, without their past."""
    return World.generate(years=1)


def test_the_same_world_has_the_same_teams_with_every_role_and_pending_invitations(world: World) -> None:
    again = World.generate(years=1)
    everyone = [team_memberships(world, team_id) for team_id in sorted(world.teams.ids())]
    assert everyone == [team_memberships(again, team_id) for team_id in sorted(again.teams.ids())]
    assert world.teams.records() == again.teams.records()
    rows = [one for members in everyone for one in members]
    assert {one["role"] for one in rows} == {"OWNER", "ADMIN", "MEMBER"}
    assert {one["accepted"] for one in rows} == {True, False}
    assert len({one["userId"] for one in rows}) < len(rows) == len({one["id"] for one in rows})
    assert {one["id"] for one in world.users()} < {one["userId"] for one in rows}  # the invited, too


def test_both_listings_page_by_ascending_id_and_end_with_a_short_page(connect: Connect, world: World) -> None:
    client = connect(Simulator(world))
    for url in (TEAMS, f"{TEAMS}/101/memberships"):
        whole = [one["id"] for one in client.get(url).json()["data"]]
        assert len(whole) > 2
        assert whole == sorted(whole)
        paged: list[int] = []
        while page := client.get(f"{url}?take=2&skip={len(paged)}").json()["data"]:
            paged += [one["id"] for one in page]
        assert paged == whole
        assert client.get(f"{url}?take=251").status_code == 400


def test_an_unknown_team_is_not_found_and_a_member_is_refused(connect: Connect, world: World) -> None:
    client = connect(Simulator(world))
    unknown = client.get(f"{TEAMS}/999/memberships")
    assert (unknown.status_code, unknown.json()["error"]["message"][:11]) == (404, "IsTeamInOrg")
    refused = client.get(f"{TEAMS}/101/memberships", headers={"Authorization": MEMBER_KEY})
    assert refused.status_code == 403
    assert "TEAM_ADMIN" in refused.json()["error"]["message"]


def test_who_rejoins_has_another_membership_and_a_deleted_teams_id_is_not_given_again() -> None:
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


def test_who_leaves_the_organization_is_in_none_of_its_teams() -> None:
    world = World.generate(people=12, years=1)
    user_id = world.teams.memberships(101)[0].user_id
    world.remove_user(user_id)
    assert user_id not in {one["userId"] for one in team_memberships(world, 101)}
    world.restore_user(user_id)
    assert user_id in {one["userId"] for one in team_memberships(world, 101)}
