"""The whole pipeline over a real HTTP server, a real DuckDB file and real Parquet."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

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
from flows.run import stages as pipeline
from flows.run.context import open_run
from flows.run.progress import SilentListener
from flows.run.summary import RunSummary
from flows.settings import Settings
from flows.settings.errors import AccessRefusedError, QueryError
from tests.support.truth import assert_equals_truth
from transforms.schema import PUBLISHED
from warehouse.errors import GuardError, WarehouseError


def _sync(settings: Settings, strategy: str = "auto", **options: bool) -> RunSummary:
    return pipeline.sync(settings, strategy=Strategy(strategy), listener=SilentListener(), **options)


@pytest.mark.parametrize("strategy", ["org-wide", "per-user", "auto"])
@pytest.mark.parametrize("page_size", [250, 7])
def test_the_tables_equal_the_simulators_truth(
    strategy: str, page_size: int, settings_for: Callable[..., Settings]
) -> None:
    world = World.generate(people=40)
    with serve(Simulator(world, limits=None)) as server:
        summary = _sync(settings_for(server.url, OOO_PAGE_SIZE=page_size), strategy)
    assert summary.outcome == "complete"
    assert_equals_truth(summary.database, world.entries(), world.users())


def test_an_organization_without_entries_is_published_as_empty_tables_of_the_full_schema(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=5)
    for entry in world.entries():
        world.delete_entry(entry["id"])
    with serve(Simulator(world, limits=None)) as server:
        summary = _sync(settings_for(server.url))
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
        _sync(settings)
        gone, moved = [entry["id"] for entry in world.entries()[:2]]
        world.delete_entry(gone)
        world.update_entry(moved, start="2030-05-06T00:00:00.000Z", end="2030-05-10T23:59:59.999Z")
        user_id = world.users()[0]["id"]
        world.add_entry(user_id, "2030-01-01T00:00:00.000Z", "2030-01-02T23:59:59.999Z", reason="sick")
        summary = _sync(settings)
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
def test_a_person_who_leaves_is_tombstoned_and_comes_back(
    strategy: str, settings_for: Callable[..., Settings]
) -> None:
    world = World.generate(people=20)
    leaver = world.entries()[0]["userId"]
    with serve(Simulator(world, limits=None)) as server:
        settings = settings_for(server.url)
        _sync(settings, strategy)
        world.remove_user(leaver)
        left = _sync(settings, strategy)
        world.restore_user(leaver)
        back = _sync(settings, strategy)
    assert left.rows["deleted"] == back.rows["updated"] > 0
    assert_equals_truth(back.database, world.entries(), world.users())


def test_a_failing_user_keeps_their_rows_and_the_others_load(settings_for: Callable[..., Settings]) -> None:
    world = World.generate(people=20)
    victim = world.entries()[0]["userId"]
    own_entries = len(world.entries(victim))
    simulator = Simulator(
        world, limits=None, faults=[Fault("500", path=rf"/users/{victim}/ooo", nth=2, times=1000)]
    )
    with serve(simulator) as server:
        settings = settings_for(server.url, OOO_MAX_ATTEMPTS=1)
        whole = _sync(settings, "per-user")
        for entry in world.entries(victim):
            world.delete_entry(entry["id"])
        partial = _sync(settings, "per-user")
    assert (whole.exit_code, partial.exit_code) == (0, 17)
    assert partial.scopes["failed"] == 1
    assert partial.rows["deleted"] == 0
    assert [one["user_id"] for one in partial.problems] == [victim]
    with duckdb.connect(str(partial.database), read_only=True) as connection:
        stale = connection.execute(
            "SELECT count(*), bool_and(user_id = $id) FROM fct_ooo_entries WHERE is_stale", {"id": victim}
        ).fetchall()
        people = connection.execute("SELECT user_id FROM dim_people WHERE is_stale").fetchall()
    assert stale == [(own_entries, True)]
    assert people == [(victim,)]


def test_auto_reads_user_by_user_when_the_org_wide_call_is_refused(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=10)
    refused = Fault("403_html", path=r"/organizations/1/ooo", times=1000)
    with serve(Simulator(world, limits=None, faults=[refused])) as server:
        summary = _sync(settings_for(server.url))
        with pytest.raises(AccessRefusedError, match="organization 1"):
            _sync(settings_for(server.url), "org-wide")
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
        summary = _sync(settings_for(server.url, CALCOM_API_KEY=None, **credential))
    assert summary.rows["in"] == len(world.entries())


def test_one_bad_page_of_the_org_wide_read_leaves_the_rest_of_the_proof_intact(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=20)
    ids = [entry["id"] for entry in world.entries()]
    bad_page = Fault("500", path=r"/organizations/1/ooo\?take=10&skip=99$", nth=2, times=1000)
    with serve(Simulator(world, limits=None, faults=[bad_page])) as server:
        settings = settings_for(server.url, OOO_PAGE_SIZE=10, OOO_MAX_ATTEMPTS=1)
        _sync(settings, "org-wide")
        for position in (105, 300):
            world.delete_entry(ids[position])
        partial = _sync(settings, "org-wide")
    assert partial.exit_code == 17
    assert partial.rows["deleted"] == 1
    assert "proved all the same" in partial.problems[0]["problem"]
    with duckdb.connect(str(partial.database), read_only=True) as connection:
        gone = connection.execute(
            "SELECT entry_id FROM fct_ooo_entries WHERE deleted_at IS NOT NULL"
        ).fetchall()
        stale = connection.execute("SELECT entry_id FROM fct_ooo_entries WHERE is_stale").fetchall()
    assert gone == [(ids[300],)]
    assert (ids[105],) in stale
    assert {entry_id for (entry_id,) in stale} <= set(ids[99:111])


def test_both_strategies_are_compared_and_every_difference_is_reported_by_user(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=20)
    alike = World.from_records(world.users(), world.entries())
    first, second, third = world.users()[:3]
    only_org_wide, moved = world.entries(first["id"])[0]["id"], world.entries(second["id"])[0]["id"]

    def change(_: int, request: Request) -> None:
        if request.url.path == f"/v2/organizations/1/users/{first['id']}/ooo":
            world.delete_entry(only_org_wide)
            world.update_entry(moved, start="2031-05-06T00:00:00.000Z", end="2031-05-06T23:59:59.999Z")
            world.add_entry(third["id"], "2031-01-01T00:00:00.000Z", "2031-01-02T23:59:59.999Z")

    with serve(Simulator(alike, limits=None)) as server:
        quiet = _sync(settings_for(server.url), "both")
    with serve(Simulator(world, limits=None, before_request=change)) as server:
        summary = _sync(settings_for(server.url, OOO_MAX_CONCURRENCY=1), "both")
    assert (quiet.outcome, quiet.differences) == ("complete", [])
    found = {(one.user_id, one.difference, one.columns) for one in summary.differences}
    assert found == {
        (first["id"], "only_org_wide", None),
        (second["id"], "differs", "starts_at_raw, ends_at_raw"),
        (third["id"], "only_per_user", None),
    }
    assert f"user {second['id']}, entry {moved}: differs" in summary.as_text()


def test_a_failure_after_the_commit_does_not_make_the_run_a_failed_one(
    settings_for: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World.generate(people=5)
    simulator = Simulator(world, limits=None)

    def fail(*_: object) -> None:
        message = "the disk is full"
        raise WarehouseError(message)

    with serve(simulator) as server:
        settings = settings_for(server.url)
        monkeypatch.setattr(pipeline, "find_differences", fail)
        with pytest.raises(WarehouseError, match="disk is full"):
            _sync(settings, "org-wide")
        monkeypatch.undo()
        simulator.clear_requests()
        summary = _sync(settings, "org-wide")
    assert summary.is_resumed
    assert [request.path for request in simulator.requests] == ["/v2/me"]
    assert (summary.outcome, summary.rows["inserted"]) == ("complete", len(world.entries()))
    with duckdb.connect(str(summary.warehouse), read_only=True) as connection:
        scopes = connection.execute("SELECT count(*) FROM ops.scopes").fetchall()
    assert scopes == [(2,)]


def test_a_page_of_another_users_entries_says_nothing_of_the_user(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=4)
    first, second = [user["id"] for user in world.users()][:2]
    users = [user for user in world.users() if user["id"] in (first, second)]
    served = {first: world.entries(first), second: world.entries(second)}

    def answer(request: httpx.Request) -> httpx.Response:
        owner = int(request.url.path.split("/")[-2]) if request.url.path.endswith("/ooo") else None
        return httpx.Response(200, json={"status": "success", "data": served[owner] if owner else users})

    settings = settings_for("http://cal.example", CALCOM_ORG_ID=1, OOO_MAX_ATTEMPTS=1)
    connection = replace(settings.connection(), transport=httpx.MockTransport(answer))

    def run() -> RunSummary:
        return pipeline.sync(
            settings, strategy=Strategy.PER_USER, listener=SilentListener(), connection=connection
        )

    whole = run()
    served[second] = served[first]
    partial = run()
    assert (whole.exit_code, partial.exit_code, partial.rows["deleted"]) == (0, 17, 0)
    assert f"expected entries of user {second}" in partial.problems[0]["problem"]


def test_a_log_that_a_reader_left_beside_the_database_does_not_brick_the_next_one(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=5)
    with serve(Simulator(world, limits=None)) as server:
        settings = settings_for(server.url)
        first = _sync(settings)
        first.database.with_name("ooo.duckdb.wal").write_bytes(b"of another file")
        second = _sync(settings)
    assert_equals_truth(second.database, world.entries(), world.users())


def test_an_empty_users_list_does_not_empty_the_warehouse(settings_for: Callable[..., Settings]) -> None:
    world = World.generate(people=4)
    users = world.users()

    def answer(request: httpx.Request) -> httpx.Response:
        rows = world.entries() if request.url.path.endswith("/ooo") else users
        return httpx.Response(200, json={"status": "success", "data": rows})

    settings = settings_for("http://cal.example", CALCOM_ORG_ID=1)
    connection = replace(settings.connection(), transport=httpx.MockTransport(answer))

    def run() -> RunSummary:
        return pipeline.sync(
            settings, strategy=Strategy.AUTO, listener=SilentListener(), connection=connection
        )

    run()
    users.clear()
    second = run()
    assert (second.strategy, second.rows["deleted"]) == ("org-wide", 0)
    assert second.rows["unchanged"] == len(world.entries())


def test_a_body_that_dribbles_in_for_ever_is_given_up(settings_for: Callable[..., Settings]) -> None:
    dribble = Fault("slow_body", path="/users", seconds=30, times=9)
    with serve(Simulator(World.generate(people=4), limits=None, faults=[dribble])) as server:
        settings = settings_for(server.url, OOO_READ_TIMEOUT_SECONDS=0.5, OOO_MAX_ATTEMPTS=1)
        with pytest.raises(TransportError, match="no answer"):
            _sync(settings)


def test_a_page_size_of_one_is_read_as_two(settings_for: Callable[..., Settings]) -> None:
    world = World.generate(people=3)
    with serve(Simulator(world, limits=None)) as server:
        settings = settings_for(server.url, OOO_PAGE_SIZE=1)
        _sync(settings)
        second = _sync(settings)
    assert_equals_truth(second.database, world.entries(), world.users())


def test_an_outage_that_passes_fails_one_batch_of_users_and_not_the_rest(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=2 * pipeline.USERS_PER_BATCH + 50, years=1)
    simulator = Simulator(world, limits=None, faults=[Fault("500", path="/ooo", times=25)])
    with serve(simulator) as server:
        settings = settings_for(server.url, OOO_MAX_ATTEMPTS=1)
        summary = _sync(settings, "per-user")
    assert summary.exit_code == 17
    assert 25 <= summary.scopes["failed"] <= pipeline.USERS_PER_BATCH
    assert summary.scopes["complete"] >= pipeline.USERS_PER_BATCH + 50


def test_a_landing_that_is_older_than_the_warehouse_is_not_resumed(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=10)
    with serve(Simulator(world, limits=None)) as server:
        settings = settings_for(server.url)
        with open_run(settings, strategy=Strategy.PER_USER, listener=SilentListener()) as killed:
            pipeline.read_people(killed)
            for batch in pipeline.plan_batches(killed):
                pipeline.read_entries(killed, batch)
        world.delete_entry(world.entries()[0]["id"])
        _sync(settings, "org-wide")
        again = _sync(settings, "per-user")
    assert not again.is_resumed
    assert_equals_truth(again.database, world.entries(), world.users())


def test_an_emptied_organization_stops_at_the_guard_until_a_person_allows_it(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=20)
    with serve(Simulator(world, limits=None)) as server:
        settings = settings_for(server.url)
        first = _sync(settings)
        for entry in world.entries():
            world.delete_entry(entry["id"])
        with pytest.raises(GuardError, match="--allow-mass-delete"):
            _sync(settings)
        still = json.loads((settings.data_dir / "exports" / "current.json").read_text())
        allowed = _sync(settings, allows_mass_delete=True)
    assert still["generation"] == first.generation
    assert not allowed.is_resumed  # what a person allows is the source as it is now
    assert allowed.rows["deleted"] == first.rows["in"]
    assert allowed.published["fct_absence_days"] == 0


def test_a_second_run_on_the_same_data_folder_is_refused(settings_for: Callable[..., Settings]) -> None:
    world = World.generate(people=3)
    with serve(Simulator(world, limits=None)) as server:
        settings = settings_for(server.url)
        held = open_run(settings, strategy=Strategy.AUTO, listener=SilentListener())
        with held, pytest.raises(WarehouseError, match="another run is writing"):
            _sync(settings)
        _sync(settings)


def test_every_engine_reads_the_parquet_files_and_agrees(settings_for: Callable[..., Settings]) -> None:
    world = World.generate(people=20)
    with serve(Simulator(world, limits=None)) as server:
        summary = _sync(settings_for(server.url))
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


def test_a_run_that_is_killed_between_load_and_publication_is_published_by_the_next(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=10)
    simulator = Simulator(world, limits=None)
    with serve(simulator) as server:
        settings = settings_for(server.url)
        with open_run(settings, strategy=Strategy.ORG_WIDE, listener=SilentListener()) as run:
            pipeline.read_people(run)
            for batch in pipeline.plan_batches(run):
                pipeline.read_entries(run, batch)
            pipeline.load(run)
            (run.landing.folder / "finished").unlink()
        simulator.clear_requests()
        summary = _sync(settings, "org-wide")
    assert summary.is_resumed
    assert [request.path for request in simulator.requests] == ["/v2/me"]
    assert_equals_truth(summary.database, world.entries(), world.users())


def test_the_bradford_factor_is_there_only_if_the_setting_says_so(
    settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    with serve(Simulator(World.generate(people=5), limits=None)) as server:
        plain = _sync(settings_for(server.url))
        switched = _sync(settings_for(server.url, OOO_DATA_DIR=tmp_path / "other", OOO_BRADFORD="true"))
    year = Dates(date(2026, 1, 1), date(2026, 12, 31))
    with pytest.raises(QueryError, match="OOO_BRADFORD=true"):
        run_named(plain.database, "bradford_factor", year)
    assert "bradford_factor" in run_named(switched.database, "bradford_factor", year).columns


def test_nothing_that_is_published_holds_a_note(
    settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    world = World.generate(people=5)
    user_id = world.users()[0]["id"]
    text = "Zahnarzttermin-XYZ"
    world.add_entry(user_id, "2026-03-02T00:00:00.000Z", "2026-03-02T23:59:59.999Z", notes=text)
    with serve(Simulator(world, limits=None)) as server:
        summary = _sync(settings_for(server.url))
        dropped = _sync(settings_for(server.url, OOO_DATA_DIR=tmp_path / "dropped", OOO_NOTES="drop"))
        published = _sync(settings_for(server.url, OOO_DATA_DIR=tmp_path / "published", OOO_NOTES="publish"))
    assert not _files_with(text, summary.database, *summary.parquet_folder.iterdir())
    kept = pl.read_parquet(summary.parquet_folder / "fct_ooo_entries.parquet")
    assert "notes" not in kept.columns
    with duckdb.connect(str(dropped.warehouse), read_only=True) as connection:
        stored = connection.execute(
            "SELECT count(*) FROM core.ooo_entries WHERE notes IS NOT NULL"
        ).fetchall()
        flagged = connection.execute("SELECT count(*) FROM core.ooo_entries WHERE has_notes").fetchall()
    assert (stored, flagged[0][0] > 0) == ([(0,)], True)
    notes = pl.read_parquet(published.parquet_folder / "fct_ooo_entries.parquet")["notes"]
    assert text in notes.to_list()


def test_dropping_notes_drops_those_that_are_stored_and_changes_no_entry(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=10)
    with serve(Simulator(world, limits=None)) as server:
        kept = _sync(settings_for(server.url))
        dropped = _sync(settings_for(server.url, OOO_NOTES="drop"))
    with duckdb.connect(str(kept.warehouse), read_only=True) as connection:
        stored = connection.execute(
            "SELECT count(*) FROM core.ooo_entries WHERE notes IS NOT NULL"
        ).fetchall()
    assert stored == [(0,)]
    assert dropped.rows["updated"] == 0
    assert kept.warehouse.stat().st_mode & 0o077 == 0


def _files_with(text: str, *paths: Path) -> list[Path]:
    return [path for path in paths if text.encode() in path.read_bytes()]
