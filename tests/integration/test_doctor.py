"""The doctor checks the page size and the credential's owner with the requests that a sync depends on."""

from pathlib import Path

import pytest

from calcom.simulator import OWNER_KEY, Simulator, World, serve
from flows.cli.doctor import exit_code_of, run_checks
from flows.cli.findings import Finding, Level


def check(simulator: Simulator, folder: Path, **overrides: object) -> dict[str, Finding]:
    """Return the findings of the doctor by subject."""
    with serve(simulator) as server:
        settings = {"CALCOM_API_URL": server.url, "CALCOM_API_KEY": OWNER_KEY, "OOO_DATA_DIR": folder}
        all_findings = list(run_checks(_env_file=None, **settings, **overrides))
    assert exit_code_of(all_findings) in (0, 10)
    return {finding.subject: finding for finding in all_findings}


def targets(simulator: Simulator) -> list[str]:
    """Return the requests of the lists, without the number of the organization."""
    prefix = "/v2/organizations/1/"
    lists = [request for request in simulator.requests if request.path.startswith(prefix)]
    return [f"{request.path.removeprefix(prefix)}?{request.query}" for request in lists]


@pytest.fixture
def world() -> World:
    """Return twelve people with the entries of one year."""
    return World.generate(people=12, years=1)


def test_a_server_that_honours_take_costs_two_requests_per_list(world: World, tmp_path: Path) -> None:
    assert 12 < world.count_entries() < 250
    simulator = Simulator(world, limits=None)
    findings = check(simulator, tmp_path)
    assert (findings["users"].level, findings["entries"].level) == (Level.OK, Level.OK)
    assert findings["users"].text == "the users of the organization can be read, 1000 per request"
    assert findings["entries"].text == "the entries of the organization can be read, 250 per request"
    entries = world.count_entries()
    assert targets(simulator) == [
        "users?take=1000&skip=0",
        "users?take=1000&skip=12",
        "ooo?take=250&skip=0",
        f"ooo?take=250&skip={entries}",
    ]


def test_a_full_page_needs_no_second_request(world: World, tmp_path: Path) -> None:
    simulator = Simulator(world, limits=None)
    findings = check(simulator, tmp_path, OOO_PAGE_SIZE=5)
    assert (findings["users"].level, findings["entries"].level) == (Level.OK, Level.OK)
    assert targets(simulator) == ["users?take=5&skip=0", "ooo?take=5&skip=0"]


@pytest.mark.parametrize(
    ("path", "capped"), [("", ("users", "entries")), ("/users", ("users",)), ("/ooo", ("entries",))]
)
def test_a_server_that_caps_its_pages_is_a_warning_that_says_what_a_sync_does(
    world: World, tmp_path: Path, path: str, capped: tuple[str, ...]
) -> None:
    findings = check(Simulator(world, limits=None, page_cap=7, page_cap_path=path), tmp_path)
    for subject, take in (("users", 1000), ("entries", 250)):
        if subject in capped:
            assert findings[subject].level is Level.WARNING
            assert findings[subject].text == (
                f"the server returns at most 7 of {take} requested {subject}; a sync reads them 7 per request,"
                " so it sends more requests"
            )
        else:
            assert findings[subject].level is Level.OK


def test_a_server_that_caps_its_pages_at_one_row_is_a_warning_that_names_the_exit_code(
    world: World, tmp_path: Path
) -> None:
    findings = check(Simulator(world, limits=None, page_cap=1), tmp_path)
    for subject in ("users", "entries"):
        assert findings[subject].level is Level.WARNING
        assert "a sync deletes nothing and ends with exit code 17" in findings[subject].text


def test_an_organization_without_entries_is_healthy(world: World, tmp_path: Path) -> None:
    for entry in world.entries():
        world.delete_entry(entry["id"])
    simulator = Simulator(world, limits=None)
    assert check(simulator, tmp_path)["entries"].level is Level.OK
    assert targets(simulator)[2:] == ["ooo?take=250&skip=0"]


def test_an_empty_users_list_is_a_warning_that_names_the_exit_code(tmp_path: Path) -> None:
    findings = check(Simulator(World((), ()), limits=None), tmp_path)
    assert findings["users"].level is Level.WARNING
    assert "a sync deletes nothing and ends with exit code 17" in findings["users"].text


def test_an_owner_without_a_username_is_judged_by_the_lists_if_the_organization_is_set(
    world: World, tmp_path: Path
) -> None:
    nameless = World.from_records([user | {"username": None} for user in world.users()], world.entries())
    findings = check(Simulator(nameless, limits=None), tmp_path)
    assert (findings["credential"].level, findings["credential"].exit_code) == (Level.FAILURE, 10)
    assert "CALCOM_ORG_ID" in findings["credential"].text
    assert "users" not in findings
    findings = check(Simulator(nameless, limits=None), tmp_path, CALCOM_ORG_ID=1)
    assert {findings[subject].level for subject in ("credential", "users", "entries")} == {Level.OK}
