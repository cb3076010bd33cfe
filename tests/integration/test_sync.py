"""A sync over a real HTTP server publishes the source's records, in a real DuckDB file and real Parquet files."""

import json
import re
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest
from starlette.requests import Request

from calcom.errors import TransportError
from calcom.simulator import (
    ACCESS_TOKEN,
    CLIENT_ID,
    CLIENT_SECRET,
    Fault,
    Limits,
    Simulator,
    World,
    serve,
)
from calcom.strategy import Strategy
from flows.report.queries import Dates, run_named
from flows.run import stages
from flows.run.context import open_run
from flows.run.plan import USERS_PER_BATCH
from flows.run.progress import SilentListener
from flows.run.summary import RunSummary
from flows.settings import Settings
from flows.settings.errors import AccessRefusedError, QueryError
from tests.support.truth import assert_equals_truth
from transforms.schema import PUBLISHED
from warehouse.errors import GuardError, WarehouseError

ROOT = Path(__file__).parents[2]


def sync(settings: Settings, strategy: str = "auto", **options: bool) -> RunSummary:
    return stages.sync(settings, strategy=Strategy(strategy), listener=SilentListener(), **options)


def sync_lists(
    settings: Settings, respond: Callable[[str], list[dict[str, Any]]], strategy: str = "auto"
) -> RunSummary:
    """Sync with a server that returns pages of the list `respond(path)`."""

    def handle(request: httpx.Request) -> httpx.Response:
        skip, take = int(request.url.params["skip"]), int(request.url.params["take"])
        page = respond(request.url.path)[skip : skip + take]
        return httpx.Response(200, json={"status": "success", "data": page})

    connection = replace(settings.connection(), transport=httpx.MockTransport(handle))
    return stages.sync(
        settings, strategy=Strategy(strategy), listener=SilentListener(), connection=connection
    )


FRAMES_OF_COMMAND = 3
"""The functions of the command line below `stages.sync`: `main`, `run` and the command."""


@pytest.mark.parametrize("strategy", ["org-wide", "per-user"])
def test_a_sync_reaches_each_http_request_through_at_most_twelve_functions_of_the_project(
    strategy: str, settings_for: Callable[..., Settings]
) -> None:
    depths = list[int]()

    def respond(path: str) -> list[dict[str, Any]]:
        frames = [Path(frame.filename) for frame in traceback.extract_stack()]
        own = [frame for frame in frames if frame.parent.parent in (ROOT, ROOT / "flows")]
        depths.append(len(own) + FRAMES_OF_COMMAND)
        return [{"id": 7, "email": "a@example.com"}] if path.endswith("/users") else []

    sync_lists(settings_for("http://127.0.0.1:9", CALCOM_ORG_ID="1"), respond, strategy)
    assert len(depths) >= len(("users", "entries"))
    assert max(depths) <= 12


@pytest.mark.parametrize("strategy", ["org-wide", "per-user", "auto"])
@pytest.mark.parametrize("page_size", [250, 7])
def test_the_published_tables_equal_the_records_of_the_source(
    strategy: str, page_size: int, settings_for: Callable[..., Settings]
) -> None:
    world = World.generate(people=40)
    with serve(Simulator(world, limits=None)) as server:
        summary = sync(settings_for(server.url, OOO_PAGE_SIZE=page_size), strategy)
    assert summary.outcome == "complete"
    assert_equals_truth(summary.database, world.entries(), world.users())


def test_an_organization_without_entries_is_published_as_empty_tables_with_all_columns(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=5)
    for entry in world.entries():
        world.delete_entry(entry["id"])
    with serve(Simulator(world, limits=None)) as server:
        summary = sync(settings_for(server.url))
    assert summary.outcome == "complete"
    assert {name for name, rows in summary.published.items() if not rows} >= {
        "fct_ooo_entries",
        "fct_entry_days",
        "fct_absence_days",
        "ooo_entry_history",
    }
    with duckdb.connect(str(summary.database), read_only=True) as connection:
        for table in PUBLISHED:
            rows = pl.read_parquet(summary.parquet_folder / f"{table.name}.parquet")
            assert rows.schema == table.polars_schema
            assert rows.rows() == connection.execute(f"FROM {table.name}").fetchall()
            assert len(rows) == summary.published[table.name]


def test_changes_at_the_source_are_changes_in_the_warehouse(settings_for: Callable[..., Settings]) -> None:
    world = World.generate(people=20)
    with serve(Simulator(world, limits=None)) as server:
        settings = settings_for(server.url)
        sync(settings)
        gone, moved = [entry["id"] for entry in world.entries()[:2]]
        world.delete_entry(gone)
        world.update_entry(moved, start="2030-05-06T00:00:00.000Z", end="2030-05-10T23:59:59.999Z")
        user_id = world.users()[0]["id"]
        world.add_entry(user_id, "2030-01-01T00:00:00.000Z", "2030-01-02T23:59:59.999Z", reason="sick")
        summary = sync(settings)
    assert (summary.rows["inserted"], summary.rows["updated"], summary.rows["deleted"]) == (1, 1, 1)
    with duckdb.connect(str(summary.database), read_only=True) as connection:
        tombstones = connection.execute(
            "SELECT entry_id FROM fct_ooo_entries WHERE deleted_at IS NOT NULL"
        ).fetchall()
        changes = connection.execute(
            "SELECT change, count(*) FROM ooo_entry_history WHERE change <> 'appeared'"
            " GROUP BY ALL ORDER BY ALL"
        ).fetchall()
    assert tombstones == [(gone,)]
    assert changes == [("changed", 1), ("vanished", 1)]


@pytest.mark.parametrize("strategy", ["org-wide", "per-user"])
def test_the_entries_of_a_person_who_leaves_are_tombstoned_until_the_person_returns(
    strategy: str, settings_for: Callable[..., Settings]
) -> None:
    world = World.generate(people=20)
    leaver = world.entries()[0]["userId"]
    with serve(Simulator(world, limits=None)) as server:
        settings = settings_for(server.url)
        sync(settings, strategy)
        world.remove_user(leaver)
        left = sync(settings, strategy)
        world.restore_user(leaver)
        back = sync(settings, strategy)
    assert left.rows["deleted"] == back.rows["updated"] > 0
    assert_equals_truth(back.database, world.entries(), world.users())


def test_the_rows_of_a_failing_user_stay_and_the_other_users_load(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=20)
    victim = world.entries()[0]["userId"]
    own_entries = len(world.entries(victim))
    simulator = Simulator(
        world, limits=None, faults=[Fault("500", path=rf"/users/{victim}/ooo", nth=2, times=1000)]
    )
    with serve(simulator) as server:
        settings = settings_for(server.url, OOO_MAX_ATTEMPTS=1)
        whole = sync(settings, "per-user")
        for entry in world.entries(victim):
            world.delete_entry(entry["id"])
        partial = sync(settings, "per-user")
    assert (whole.exit_code, partial.exit_code) == (0, 17)
    assert partial.scopes["failed"] == 1
    assert partial.rows["deleted"] == 0
    assert [problem["user_id"] for problem in partial.problems] == [victim]
    with duckdb.connect(str(partial.database), read_only=True) as connection:
        stale = connection.execute(
            "SELECT count(*), bool_and(user_id = $id) FROM fct_ooo_entries WHERE is_stale", {"id": victim}
        ).fetchall()
        people = connection.execute("SELECT user_id FROM dim_people WHERE is_stale").fetchall()
    assert stale == [(own_entries, True)]
    assert people == [(victim,)]


def test_auto_reads_per_user_if_the_organizations_endpoint_is_refused(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=10)
    refused = Fault("403_html", path=r"/organizations/1/ooo", times=1000)
    with serve(Simulator(world, limits=None, faults=[refused])) as server:
        summary = sync(settings_for(server.url))
        with pytest.raises(AccessRefusedError, match="organization 1"):
            sync(settings_for(server.url), "org-wide")
    assert summary.strategy == "per-user"
    assert_equals_truth(summary.database, world.entries(), world.users())


@pytest.mark.parametrize(
    "credential",
    [
        {"CALCOM_ACCESS_TOKEN": ACCESS_TOKEN},
        {"CALCOM_CLIENT_ID": CLIENT_ID, "CALCOM_SECRET_KEY": CLIENT_SECRET},
    ],
)
def test_every_kind_of_credential_reads_the_organization(
    credential: dict[str, str], settings_for: Callable[..., Settings]
) -> None:
    world = World.generate(people=5)
    with serve(Simulator(world, limits=Limits())) as server:
        summary = sync(settings_for(server.url, CALCOM_API_KEY=None, **credential))
    assert summary.rows["in"] == len(world.entries())


def test_an_unreadable_page_of_the_organization_keeps_its_rows_and_the_rest_is_proved(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=20)
    ids = [entry["id"] for entry in world.entries()]
    bad_page = Fault("500", path=r"/organizations/1/ooo\?take=10&skip=99$", nth=2, times=1000)
    with serve(Simulator(world, limits=None, faults=[bad_page])) as server:
        settings = settings_for(server.url, OOO_PAGE_SIZE=10, OOO_MAX_ATTEMPTS=1)
        sync(settings, "org-wide")
        for position in (105, 300):
            world.delete_entry(ids[position])
        partial = sync(settings, "org-wide")
    assert partial.exit_code == 17
    assert partial.rows["deleted"] == 1
    assert "proved nevertheless" in partial.problems[0]["problem"]
    with duckdb.connect(str(partial.database), read_only=True) as connection:
        gone = connection.execute(
            "SELECT entry_id FROM fct_ooo_entries WHERE deleted_at IS NOT NULL"
        ).fetchall()
        stale = connection.execute("SELECT entry_id FROM fct_ooo_entries WHERE is_stale").fetchall()
    assert gone == [(ids[300],)]
    assert (ids[105],) in stale
    assert {entry_id for (entry_id,) in stale} <= set(ids[99:111])


def test_an_entry_that_changes_between_the_two_reads_is_no_difference(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=20)
    first, second, third = world.users()[:3]
    deleted, moved = world.entries(first["id"])[0]["id"], world.entries(second["id"])[0]["id"]
    changes = []

    def change(_: int, request: Request) -> None:
        if "/users/" in request.url.path and not changes:
            changes.append(request.url.path)
            world.delete_entry(deleted)
            world.update_entry(moved, start="2031-05-06T00:00:00.000Z", end="2031-05-06T23:59:59.999Z")
            world.add_entry(third["id"], "2031-01-01T00:00:00.000Z", "2031-01-02T23:59:59.999Z")

    with serve(Simulator(world, limits=None, before_request=change)) as server:
        settings = settings_for(server.url, OOO_MAX_CONCURRENCY=1)
        during, after = sync(settings, "both"), sync(settings, "both")
    assert changes
    assert (during.outcome, during.differences) == ("complete", [])
    assert (after.outcome, after.differences, after.rows["deleted"]) == ("complete", [], 1)
    assert_equals_truth(after.database, world.entries(), world.users())


@pytest.mark.parametrize("position", [0, 1, 19])
@pytest.mark.parametrize("requests_before", [0, 20])
def test_a_person_who_leaves_between_the_two_reads_is_no_difference(
    position: int, requests_before: int, settings_for: Callable[..., Settings]
) -> None:
    """The person leaves before the first read of a user, or after all of them, before an entry is read again."""
    world = World.generate(people=20)
    leaver = [user["id"] for user in world.users()][position]
    other = world.entries(world.users()[5]["id"])[0]["id"]
    requests: list[str] = []

    def change(_: int, request: Request) -> None:
        path = request.url.path
        if not re.search(r"/users/\d+/ooo$", path):
            return
        requests.append(path)
        if len(requests) == 1:
            world.update_entry(other, start="2031-05-06T00:00:00.000Z", end="2031-05-06T23:59:59.999Z")
        if len(requests) == requests_before + 1:
            world.remove_user(leaver)

    with serve(Simulator(world, limits=None, before_request=change)) as server:
        settings = settings_for(server.url, OOO_MAX_CONCURRENCY=1)
        during, after = sync(settings, "both"), sync(settings, "both")
    assert leaver not in {user["id"] for user in world.users()}
    assert (during.outcome, during.differences) == ("complete", [])
    assert (after.outcome, after.differences) == ("complete", [])
    with duckdb.connect(str(after.database), read_only=True) as connection:
        live = connection.execute(
            "SELECT entry_id FROM fct_ooo_entries WHERE deleted_at IS NULL ORDER BY 1"
        ).fetchall()
        causes = connection.execute(
            "SELECT DISTINCT deletion_cause FROM fct_ooo_entries WHERE deleted_at IS NOT NULL"
        ).fetchall()
    assert live == [(entry["id"],) for entry in world.entries()]
    assert causes in ([], [("person_left",)])


@pytest.mark.parametrize("leaves", [True, False])
def test_entries_that_vanish_after_the_users_list_was_read_have_the_right_cause(
    leaves: bool,  # noqa: FBT001 - a parameter of the test
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=20)
    person = world.entries()[0]["userId"]
    entries = [entry["id"] for entry in world.entries(person)]
    changes: list[str] = []

    def change(_: int, request: Request) -> None:
        if request.url.path.endswith("/organizations/1/ooo") and not changes:
            changes.append(request.url.path)
            if leaves:
                world.remove_user(person)
            for entry_id in [] if leaves else entries:
                world.delete_entry(entry_id)

    for before_request in (None, change):
        with serve(Simulator(world, limits=None, before_request=before_request)) as server:
            summary = sync(settings_for(server.url, OOO_ALLOW_NEW_HOST=True))
    query = f"SELECT DISTINCT deletion_cause FROM fct_ooo_entries WHERE user_id = {person}"
    with duckdb.connect(str(summary.database), read_only=True) as connection:
        causes = connection.execute(query).fetchall()
        has_left = connection.execute(
            f"SELECT left_at IS NOT NULL FROM dim_people WHERE user_id = {person}"
        ).fetchall()
    assert (summary.outcome, summary.rows["deleted"]) == ("complete", len(entries))
    assert causes == [("person_left" if leaves else "deleted",)]
    assert has_left == [(leaves,)]


def test_differences_between_the_strategies_are_reported_by_user_and_make_the_run_partial(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=20)
    org_wide, per_user = world.entries(), {user["id"]: world.entries(user["id"]) for user in world.users()}
    first, second, third = list(per_user)[:3]
    only_org_wide, moved = per_user[first].pop(0)["id"], per_user[second][0]["id"]
    other_dates = {"start": "2031-05-06T00:00:00.000Z", "end": "2031-05-06T23:59:59.999Z"}
    per_user[second][0] = per_user[second][0] | other_dates
    only_per_user = per_user[third][-1]["id"]
    org_wide = [entry for entry in org_wide if entry["id"] != only_per_user]

    def respond(path: str) -> list[dict[str, Any]]:
        if path.endswith("/organizations/1/ooo"):
            return org_wide
        return per_user[int(path.split("/")[-2])] if path.endswith("/ooo") else world.users()

    summary = sync_lists(settings_for("https://cal.example", CALCOM_ORG_ID=1), respond, "both")
    assert [
        (difference.user_id, difference.entry_id, difference.difference, difference.columns)
        for difference in summary.differences
    ] == sorted(
        [
            (first, only_org_wide, "only_org_wide", None),
            (second, moved, "differs", "starts_at_raw, ends_at_raw"),
            (third, only_per_user, "only_per_user", None),
        ]
    )
    assert (summary.outcome, summary.exit_code) == ("partial", 17)
    assert f"user {second}, entry {moved}: differs" in summary.as_text()
    assert summary.rows["deleted"] == 0


def test_a_page_with_entries_of_another_user_fails_the_scope_and_deletes_nothing(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=4)
    first, second = [user["id"] for user in world.users()][:2]
    users = [user for user in world.users() if user["id"] in (first, second)]
    served = {first: world.entries(first), second: world.entries(second)}

    def respond(path: str) -> list[dict[str, Any]]:
        return served[int(path.split("/")[-2])] if path.endswith("/ooo") else users

    settings = settings_for("https://cal.example", CALCOM_ORG_ID=1, OOO_MAX_ATTEMPTS=1)
    whole = sync_lists(settings, respond, "per-user")
    served[second] = served[first]
    partial = sync_lists(settings, respond, "per-user")
    assert (whole.exit_code, partial.exit_code, partial.rows["deleted"]) == (0, 17, 0)
    assert f"expected entries of user {second}" in partial.problems[0]["problem"]


def test_a_log_file_that_another_program_left_beside_the_database_is_removed(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=5)
    with serve(Simulator(world, limits=None)) as server:
        settings = settings_for(server.url)
        first = sync(settings)
        first.database.with_name("ooo.duckdb.wal").write_bytes(b"of another file")
        second = sync(settings)
    assert_equals_truth(second.database, world.entries(), world.users())


def test_an_empty_users_list_deletes_nothing(settings_for: Callable[..., Settings]) -> None:
    world = World.generate(people=4)
    users = world.users()

    def respond(path: str) -> list[dict[str, Any]]:
        return world.entries() if path.endswith("/ooo") else users

    settings = settings_for("https://cal.example", CALCOM_ORG_ID=1)
    sync_lists(settings, respond)
    users.clear()
    second = sync_lists(settings, respond)
    assert (second.strategy, second.outcome, second.rows["deleted"]) == ("org-wide", "partial", 0)
    assert second.rows["unchanged"] == len(world.entries())
    with duckdb.connect(str(second.database), read_only=True) as connection:
        assert connection.execute("SELECT count(left_at) FROM dim_people").fetchall() == [(0,)]


def test_a_response_that_arrives_too_slowly_ends_the_run(settings_for: Callable[..., Settings]) -> None:
    dribble = Fault("slow_body", path="/users", seconds=30, times=9)
    with serve(Simulator(World.generate(people=4), limits=None, faults=[dribble])) as server:
        settings = settings_for(server.url, OOO_READ_TIMEOUT_SECONDS=0.5, OOO_MAX_ATTEMPTS=1)
        with pytest.raises(TransportError, match="no answer"):
            sync(settings)


def test_a_page_size_of_one_is_read_as_two(settings_for: Callable[..., Settings]) -> None:
    world = World.generate(people=3)
    with serve(Simulator(world, limits=None)) as server:
        settings = settings_for(server.url, OOO_PAGE_SIZE=1)
        sync(settings)
        second = sync(settings)
    assert_equals_truth(second.database, world.entries(), world.users())


def test_an_outage_that_ends_fails_one_batch_of_users_and_not_the_rest(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=2 * USERS_PER_BATCH + 50, years=1)
    simulator = Simulator(world, limits=None, faults=[Fault("500", path="/ooo", times=25)])
    with serve(simulator) as server:
        settings = settings_for(server.url, OOO_MAX_ATTEMPTS=1)
        summary = sync(settings, "per-user")
    assert summary.exit_code == 17
    assert 25 <= summary.scopes["failed"] <= USERS_PER_BATCH
    assert summary.scopes["complete"] >= USERS_PER_BATCH + 50


def test_an_emptied_organization_is_refused_until_mass_deletion_is_allowed(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=20)
    with serve(Simulator(world, limits=None)) as server:
        settings = settings_for(server.url)
        first = sync(settings)
        for entry in world.entries():
            world.delete_entry(entry["id"])
        with pytest.raises(GuardError, match="--allow-mass-delete"):
            sync(settings)
        unchanged = json.loads((settings.data_dir / "exports" / "current.json").read_text())
        allowed = sync(settings, allows_mass_delete=True)
    assert unchanged["generation"] == first.generation
    assert not allowed.is_resumed  # the allowance is for the source as it is now
    assert allowed.rows["deleted"] == first.rows["in"]
    assert allowed.published["fct_absence_days"] == 0


def test_a_second_run_on_the_same_data_folder_is_refused(settings_for: Callable[..., Settings]) -> None:
    world = World.generate(people=3)
    with serve(Simulator(world, limits=None)) as server:
        settings = settings_for(server.url)
        first = open_run(settings, strategy=Strategy.AUTO, listener=SilentListener())
        with first, pytest.raises(WarehouseError, match="another run is writing"):
            sync(settings)
        sync(settings)


def test_each_engine_reads_the_same_rows_from_the_parquet_files(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=20)
    with serve(Simulator(world, limits=None)) as server:
        summary = sync(settings_for(server.url))
    manifest_path = summary.parquet_folder.parent / "generations" / summary.generation / "manifest.json"
    manifest = json.loads(manifest_path.read_text())
    assert summary.published.keys() == {table.name for table in PUBLISHED}
    for table, rows in summary.published.items():
        path = summary.parquet_folder / f"{table}.parquet"
        with duckdb.connect(str(summary.database), read_only=True) as connection:
            in_database = connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
            in_parquet = connection.execute(f"SELECT count(*) FROM '{path}'").fetchall()[0][0]
            as_frame = connection.sql(f"FROM {table} ORDER BY ALL").pl()
        counts = {
            in_database,
            in_parquet,
            len(pl.read_parquet(path)),
            len(pd.read_parquet(path)),
            pq.read_table(path).num_rows,
            manifest["tables"][table]["rows"],
        }
        assert counts == {rows}, table
        assert pl.read_parquet(path).sort(pl.all()).equals(as_frame.sort(pl.all())), table


def test_the_bradford_factor_is_published_only_with_its_setting(
    settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    with serve(Simulator(World.generate(people=5), limits=None)) as server:
        plain = sync(settings_for(server.url))
        switched = sync(settings_for(server.url, OOO_DATA_DIR=tmp_path / "other", OOO_BRADFORD="true"))
    year = Dates(date(2026, 1, 1), date(2026, 12, 31))
    with pytest.raises(QueryError, match="OOO_BRADFORD=true"):
        run_named(plain.database, "bradford_factor", year)
    assert "bradford_factor" in run_named(switched.database, "bradford_factor", year).columns
