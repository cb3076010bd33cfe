"""Each organization of a fleet has a freshness of its own, and one that is no longer read is stale everywhere."""

import asyncio
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
from pydantic import SecretStr

from calcom.client import CalcomClient
from calcom.connection import Connection
from calcom.credentials import ApiKey
from calcom.errors import ApiError, ExitCode
from calcom.simulator import OWNER_KEY, Fault, RunningServer, Simulator, World
from flows.fleet.organizations import read_organizations
from flows.fleet.summary import FleetSummary
from flows.fleet.sync import sync_fleet
from flows.report.status import raise_if_older, read_status, status_text
from flows.run.progress import SilentListener
from flows.run.source import find_owner
from flows.settings import Settings
from flows.settings.errors import StaleError
from tests.support.fleet import serve_simulators, serve_worlds, write_fleet
from warehouse.connection import open_warehouse
from warehouse.read.report import read_away_facts

NAMES = ("acme", "globex", "initech")
WORLDS = {
    name: World.generate(seed=number, people=4, years=1, organization_id=number)
    for number, name in enumerate(NAMES, 1)
}


@pytest.fixture
def servers() -> Iterator[Mapping[str, RunningServer]]:
    """Serve three organizations with the ids 1, 2 and 3."""
    with serve_worlds(WORLDS) as running:
        yield running


@pytest.fixture
def settings(
    settings_for: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Settings:
    """Return the settings of the loader; the environment has the right key and a wrong one."""
    monkeypatch.chdir(tmp_path)
    for name, value in {
        "RIGHT_KEY": OWNER_KEY,
        "WRONG_KEY": "cal_wrong",
        "OOO_DATA_DIR": str(tmp_path / "data"),
        "OOO_MAX_ATTEMPTS": "1",
    }.items():
        monkeypatch.setenv(name, value)
    return settings_for("https://cal.example")


def sync(settings: Settings, servers: Mapping[str, RunningServer], **keys: str) -> FleetSummary:
    """Sync the organizations of `servers`, with the right key or the one in `keys`."""
    file = write_fleet(settings.data_dir.parent / "orgs.toml", servers, **keys)
    return sync_fleet(
        settings, read_organizations(file), read_block=str, listener_for=lambda _: SilentListener()
    )


def published(settings: Settings, query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(settings.data_dir / "ooo.duckdb"), read_only=True) as connection:
        return connection.execute(query).fetchall()


def without(servers: Mapping[str, RunningServer], name: str) -> dict[str, RunningServer]:
    return {other: server for other, server in servers.items() if other != name}


def assert_only_globex_is_stale(settings: Settings) -> None:
    """Assert that every place that states a freshness states it for globex, whose id is 2, and for no other."""
    assert published(settings, "SELECT organization_id FROM dim_organizations WHERE is_stale") == [(2,)]
    for table, end in (("dim_people", "left_at"), ("fct_ooo_entries", "deleted_at")):
        query = f"SELECT DISTINCT organization_id, is_stale FROM {table} WHERE {end} IS NULL ORDER BY ALL"
        assert published(settings, query) == [(1, False), (2, True), (3, False)], table
    pointer = json.loads((settings.data_dir / "exports" / "current.json").read_text())
    assert (pointer["stale_organizations"], set(pointer["data_as_of"])) == ([2], {"1", "2", "3"})
    with duckdb.connect(str(settings.data_dir / "ooo.duckdb"), read_only=True) as connection:
        facts = read_away_facts(connection)
    assert facts is not None
    assert {row["organization_id"]: row["is_stale"] for row in facts.organizations} == {
        1: False,
        2: True,
        3: False,
    }
    status = read_status(settings)
    assert {each["name"]: each["is_stale"] for each in status["organizations"]} == {
        "acme": False,
        "globex": True,
        "initech": False,
    }
    assert "organizations 3 (1 stale)" in status_text(status)


def test_an_organization_with_a_refused_key_is_stale_and_leaves_a_row_in_runs(
    settings: Settings, servers: Mapping[str, RunningServer]
) -> None:
    assert sync(settings, servers).outcome == "complete"
    summary = sync(settings, servers, globex="WRONG_KEY")
    assert (summary.outcome, [each.outcome for each in summary.organizations]) == (
        "partial",
        ["complete", "failed", "complete"],
    )
    assert_only_globex_is_stale(settings)
    runs = "SELECT organization_id, outcome, error IS NULL FROM runs WHERE fleet_name = 'globex' ORDER BY ALL"
    assert published(settings, runs) == [(2, "complete", True), (2, "failed", False)]
    assert "globex (organization 2)" in status_text(read_status(settings))
    assert sync(settings, servers).outcome == "complete"
    assert published(settings, "SELECT count(*) FROM dim_organizations WHERE is_stale") == [(0,)]
    assert published(settings, "SELECT count(*) FROM fct_ooo_entries WHERE is_stale") == [(0,)]


@pytest.mark.parametrize(
    ("fault", "fault_text"),
    [
        (Fault("502_html", path="/v2/me", times=99), "502"),
        (Fault("empty_200_html", path="/v2/me", times=99), "json"),
        (Fault("reset", path="/v2/me", times=99), "/v2/me"),
    ],
    ids=lambda value: value.kind if isinstance(value, Fault) else "",
)
def test_each_organization_that_fails_at_its_first_request_is_accounted_for_by_its_own_cause(
    fault: Fault, fault_text: str, settings: Settings, servers: Mapping[str, RunningServer]
) -> None:
    assert sync(settings, servers).outcome == "complete"
    broken = {"initech": Simulator(WORLDS["initech"], limits=None, faults=[fault])}
    with serve_simulators(broken) as failing:
        connected = {"initech": failing["initech"]} | without(servers, "initech")
        summary = sync(settings, connected, globex="WRONG_KEY")
    assert [(each.organization, each.outcome) for each in summary.organizations] == [
        ("initech", "failed"),
        ("acme", "complete"),
        ("globex", "failed"),
    ]
    assert summary.exit_code == 17
    rows = dict(
        published(settings, "SELECT organization_id, error FROM runs WHERE outcome = 'failed' ORDER BY ALL")
    )
    assert rows.keys() == {2, 3}
    assert "401" in rows[2]
    assert fault_text in rows[3]
    stale = "SELECT organization_id FROM dim_organizations WHERE is_stale ORDER BY ALL"
    assert published(settings, stale) == [(2,), (3,)]
    status = read_status(settings)
    assert [each["name"] for each in status["organizations"] if each["is_stale"]] == ["globex", "initech"]
    assert "organizations 3 (2 stale)" in status_text(status)


def test_the_advice_for_an_owner_without_a_username_names_the_key_of_the_fleet_file(
    settings: Settings,
) -> None:
    users: list[dict[str, Any]] = [user | {"username": None} for user in WORLDS["acme"].users()]
    simulator = Simulator(World.from_records(users, WORLDS["acme"].entries()), limits=None)
    with serve_simulators({"acme": simulator}) as servers:
        (problem,) = sync(settings, servers).problems
    assert problem["exit_code"] == ExitCode.CONFIGURATION
    assert "organization_id in the file of a fleet" in problem["error"]


def test_a_page_of_a_proxy_with_status_400_is_not_taken_for_an_owner_without_a_username() -> None:
    page = httpx.Response(400, html="<h1>Bad Request</h1>")
    transport = httpx.MockTransport(lambda _: page)
    connection = Connection("https://api.cal.com", ApiKey(SecretStr("cal_live_1")), transport=transport)
    with asyncio.Runner() as runner, pytest.raises(ApiError, match="a proxy or an edge server"):
        find_owner(runner, CalcomClient(connection))


def test_an_organization_with_a_new_name_in_the_file_is_the_same_organization(
    settings: Settings, servers: Mapping[str, RunningServer]
) -> None:
    sync(settings, servers, globex="WRONG_KEY")  # the first attempt fails before the id is known
    sync(settings, servers)
    renamed = {{"globex": "globex-ltd"}.get(name, name): server for name, server in servers.items()}
    summary = sync(settings, renamed)
    assert (summary.outcome, summary.left) == ("complete", [])
    assert published(settings, "SELECT fleet_name FROM dim_organizations ORDER BY organization_id") == [
        ("acme",),
        ("globex-ltd",),
        ("initech",),
    ]
    status = read_status(settings)
    assert [each["name"] for each in status["organizations"]] == ["acme", "globex-ltd", "initech"]
    assert not any(each["is_stale"] for each in status["organizations"])
    raise_if_older(status, timedelta(hours=26))


def test_an_organization_with_a_new_name_and_a_refused_key_is_not_advised_to_be_removed_unseen(
    settings: Settings, servers: Mapping[str, RunningServer]
) -> None:
    sync(settings, servers)
    renamed = {{"globex": "globex-ltd"}.get(name, name): server for name, server in servers.items()}
    summary = sync(settings, renamed, **{"globex-ltd": "WRONG_KEY"})
    assert [each.organization_id for each in summary.left] == [2]
    assert "the id of globex-ltd is not known. Correct the errors first" in summary.as_text()


def test_an_organization_with_a_new_name_whose_load_is_stopped_has_not_left_the_file(
    settings: Settings,
) -> None:
    world = World.generate(seed=2, people=9, years=1, organization_id=2)
    with serve_worlds({"acme": WORLDS["acme"], "globex": world}) as servers:
        sync(settings, servers)
        for entry in world.entries():
            world.delete_entry(entry["id"])
        summary = sync(settings, {"acme": servers["acme"], "globex-ltd": servers["globex"]})
    (stopped,) = summary.problems
    assert (stopped["organization_id"], stopped["exit_code"]) == (2, ExitCode.GUARD)
    assert summary.left == []


def test_a_failure_under_the_former_name_of_a_stopped_organization_is_not_its_failure(
    settings: Settings,
) -> None:
    world = World.generate(seed=1, people=9, years=1, organization_id=1)
    with serve_worlds({"acme": world, "globex": WORLDS["globex"]}) as servers:
        sync(settings, servers)
        for entry in world.entries():
            world.delete_entry(entry["id"])
        swapped = {"acme": servers["globex"], "globex": servers["acme"]}
        summary = sync(settings, swapped, acme="WRONG_KEY")
    assert [(each.organization, each.organization_id, each.exit_code) for each in summary.organizations] == [
        ("acme", None, ExitCode.CREDENTIALS),
        ("globex", 1, ExitCode.GUARD),
    ]
    with open_warehouse(settings.data_dir / "warehouse.duckdb") as connection:
        failed = "SELECT organization_id, fleet_name FROM ops.runs WHERE outcome = 'failed' ORDER BY ALL"
        assert connection.execute(failed).fetchall() == [(1, "globex"), (None, "acme")]


def test_an_organization_that_left_the_file_is_stale_and_named(
    settings: Settings, servers: Mapping[str, RunningServer]
) -> None:
    sync(settings, servers)
    summary = sync(settings, without(servers, "globex"))
    assert (summary.outcome, [(each.fleet_name, each.organization_id) for each in summary.left]) == (
        "complete",
        [("globex", 2)],
    )
    assert "ooo fleet remove globex" in summary.as_text()
    assert_only_globex_is_stale(settings)
    ((left_at,),) = published(
        settings, "SELECT left_fleet_at FROM dim_organizations WHERE organization_id = 2"
    )
    sync(settings, without(servers, "globex"))
    assert published(settings, "SELECT left_fleet_at FROM dim_organizations WHERE organization_id = 2") == [
        (left_at,)
    ]
    assert "globex (organization 2): snapshot" in status_text(read_status(settings))
    assert "not in the fleet file since" in status_text(read_status(settings))
    assert sync(settings, servers).left == []
    assert published(settings, "SELECT count(*) FROM dim_organizations WHERE is_stale") == [(0,)]


def test_the_oldest_organization_counts_for_the_maximum_age_and_each_is_named(
    settings: Settings, servers: Mapping[str, RunningServer]
) -> None:
    sync(settings, servers)
    ((oldest,),) = published(
        settings, "SELECT last_snapshot_at FROM dim_organizations WHERE organization_id = 2"
    )
    sync(settings, servers, globex="WRONG_KEY")
    status = read_status(settings)
    assert status["snapshot_at"] == oldest
    raise_if_older(status, timedelta(hours=26))
    for each in status["organizations"]:
        if each["name"] in ("globex", "initech"):
            each["snapshot_at"] -= timedelta(days=2)
    with pytest.raises(StaleError) as error:
        raise_if_older(status, timedelta(hours=26))
    assert "globex" in str(error.value)
    assert "initech" in str(error.value)
    assert "acme" not in str(error.value)


def test_a_name_that_was_never_read_is_recorded_without_an_id_and_is_never_fresh(
    settings: Settings, servers: Mapping[str, RunningServer]
) -> None:
    summary = sync(settings, servers, globex="WRONG_KEY")
    assert summary.outcome == "partial"
    query = "SELECT organization_id, fleet_name, outcome FROM runs WHERE outcome = 'failed'"
    assert published(settings, query) == [(None, "globex", "failed")]
    assert published(settings, "SELECT organization_id FROM dim_organizations ORDER BY ALL") == [(1,), (3,)]
    status = read_status(settings)
    assert [each["name"] for each in status["organizations"] if each["is_stale"]] == ["globex"]
    with pytest.raises(StaleError, match="globex: none is complete yet"):
        raise_if_older(status, timedelta(hours=26))
    assert sync(settings, servers).outcome == "complete"
    raise_if_older(read_status(settings), timedelta(hours=26))


def test_a_night_on_which_all_organizations_fail_is_known_to_the_status(
    settings: Settings, servers: Mapping[str, RunningServer]
) -> None:
    sync(settings, servers)
    generation = read_status(settings)["generation"]
    summary = sync(settings, servers, acme="WRONG_KEY", globex="WRONG_KEY", initech="WRONG_KEY")
    assert (summary.outcome, summary.published) == ("failed", {})
    status = read_status(settings)
    assert status["generation"] == generation
    assert all(each["is_stale"] and "401" in each["error"] for each in status["organizations"])


def test_the_summary_is_in_the_order_of_the_file_with_the_quarantine_and_failed_scopes_of_each(
    settings: Settings,
) -> None:
    victim = WORLDS["globex"].users()[1]["id"]
    simulators = {
        "zeta": Simulator(WORLDS["acme"], limits=None, latency_seconds=0.05),
        "beta": Simulator(
            WORLDS["globex"],
            limits=None,
            faults=[
                Fault("403_html", path="/organizations/2/ooo", times=99),
                Fault("500_prisma", path=f"/users/{victim}/ooo", times=99),
            ],
        ),
        "alpha": Simulator(
            WORLDS["initech"], limits=None, faults=[Fault("bad_record", path="/ooo", times=9)]
        ),
    }
    with serve_simulators(simulators) as servers:
        summary = sync(settings, servers)
    assert [each.organization for each in summary.organizations] == ["zeta", "beta", "alpha"]
    outcomes = {each.organization: each for each in summary.organizations}
    assert [problem["user_id"] for problem in outcomes["beta"].problems] == [victim]
    assert (
        outcomes["alpha"].quarantined == sum(group["records"] for group in outcomes["alpha"].quarantine) > 0
    )
    assert f"failed     user {victim}:" in summary.as_text()
    assert "quarantine" in summary.as_text()
