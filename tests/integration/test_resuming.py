"""A run that ends early keeps its landing, and the next run requests only the missing pages."""

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from calcom.errors import CalcomError, ExitCode, WaitTooLongError
from calcom.simulator import Fault, Simulator, World, serve
from calcom.strategy import Strategy
from flows.run import stages
from flows.run.context import RunContext, open_run
from flows.run.load import load_landing
from flows.run.plan import Batch
from flows.run.progress import SilentListener
from flows.run.stages import PLAIN_STAGES, Stages
from flows.run.summary import RunSummary
from flows.settings import Settings
from flows.settings.data_folder import landing_root, warehouse_path
from landing.folder import open_landing
from tests.support.truth import assert_equals_truth
from warehouse.errors import WarehouseError


def sync(settings: Settings, strategy: str = "org-wide", stages_of_run: Stages = PLAIN_STAGES) -> RunSummary:
    return stages.sync(settings, strategy=Strategy(strategy), listener=SilentListener(), stages=stages_of_run)


def paths(simulator: Simulator) -> list[str]:
    return [request.path for request in simulator.requests]


def landings(settings: Settings) -> list[Path]:
    return [path for path in landing_root(settings).iterdir() if path.is_dir()]


def test_a_load_that_runs_out_of_memory_keeps_the_landing_and_the_next_run_requests_only_me(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=100)
    simulator = Simulator(world, limits=None)
    with serve(simulator) as server:
        with pytest.raises(WarehouseError, match="OOO_MEMORY_LIMIT"):
            sync(settings_for(server.url, OOO_MEMORY_LIMIT="2MB"))
        simulator.clear_requests()
        summary = sync(settings_for(server.url))
    assert summary.is_resumed
    assert paths(simulator) == ["/v2/me"]
    assert_equals_truth(summary.database, world.entries(), world.users())


def test_a_load_that_fails_after_its_commit_is_not_recorded_as_failed(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=5)
    simulator = Simulator(world, limits=None)

    def load_and_fail(run: RunContext) -> None:
        load_landing(run)
        message = "the disk is full"
        raise WarehouseError(message)

    with serve(simulator) as server:
        settings = settings_for(server.url)
        with pytest.raises(WarehouseError, match="disk is full"):
            sync(settings, stages_of_run=Stages(load=load_and_fail))
        simulator.clear_requests()
        summary = sync(settings)
    assert summary.is_resumed
    assert paths(simulator) == ["/v2/me"]
    assert (summary.outcome, summary.rows["inserted"]) == ("complete", len(world.entries()))
    with duckdb.connect(str(summary.warehouse), read_only=True) as connection:
        scopes = connection.execute("SELECT count(*) FROM ops.scopes").fetchall()
    assert scopes == [(2 + 1 + 5,)]  # people, entries, the list of teams, and five teams


def test_a_load_that_fails_before_its_commit_is_recorded_until_the_run_is_resumed(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=5)

    def fail(_: RunContext) -> None:
        message = "the disk is full"
        raise WarehouseError(message)

    def outcomes(settings: Settings) -> list[tuple[str, str | None]]:
        with duckdb.connect(str(warehouse_path(settings)), read_only=True) as connection:
            return connection.execute("SELECT outcome, error FROM ops.runs ORDER BY run_id").fetchall()

    with serve(Simulator(world, limits=None)) as server:
        settings = settings_for(server.url)
        sync(settings)
        with pytest.raises(WarehouseError, match="disk is full"):
            sync(settings, stages_of_run=Stages(load=fail))
        failed = outcomes(settings)
        summary = sync(settings)
    assert failed == [("complete", None), ("failed", "the disk is full")]
    assert outcomes(settings) == [("complete", None), ("complete", None)]
    assert summary.is_resumed


def test_a_run_that_is_killed_between_load_and_publication_is_published_by_the_next(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=10)
    simulator = Simulator(world, limits=None)
    with serve(simulator) as server:
        settings = settings_for(server.url)
        with open_run(settings, strategy=Strategy.ORG_WIDE, listener=SilentListener()) as run:
            stages.extract(run)
            stages.load(run)
            (run.landing.folder / "finished").unlink()
        simulator.clear_requests()
        summary = sync(settings)
    assert summary.is_resumed
    assert paths(simulator) == ["/v2/me"]
    assert_equals_truth(summary.database, world.entries(), world.users())


def test_a_landing_that_is_older_than_the_latest_snapshot_is_not_resumed(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=10)
    with serve(Simulator(world, limits=None)) as server:
        settings = settings_for(server.url)
        with open_run(settings, strategy=Strategy.PER_USER, listener=SilentListener()) as killed:
            stages.extract(killed)
        world.delete_entry(world.entries()[0]["id"])
        sync(settings, "org-wide")
        again = sync(settings, "per-user")
    assert not again.is_resumed
    assert_equals_truth(again.database, world.entries(), world.users())


def test_a_run_without_a_page_leaves_no_landing(settings_for: Callable[..., Settings]) -> None:
    with serve(Simulator(World.generate(people=3), limits=None)) as server:
        settings = settings_for(server.url)
        with open_run(settings, strategy=Strategy.AUTO, listener=SilentListener()):
            assert len(landings(settings)) == 1
        assert landings(settings) == []
    unavailable = Fault("502_html", path="/users", times=9)
    simulator = Simulator(World.generate(people=3), limits=None, faults=[unavailable])
    with serve(simulator) as server, pytest.raises(CalcomError, match="502"):
        sync(settings_for(server.url, OOO_MAX_ATTEMPTS=1))
    assert landings(settings) == []


def test_a_run_with_a_page_leaves_its_landing_however_it_ends(settings_for: Callable[..., Settings]) -> None:
    unavailable = Fault("502_html", path="/organizations/1/ooo", times=9)
    simulator = Simulator(World.generate(people=3), limits=None, faults=[unavailable])
    with serve(simulator) as server:
        settings = settings_for(server.url, OOO_MAX_ATTEMPTS=1)
        with pytest.raises(CalcomError, match="502"):
            sync(settings)
        (landing,) = landings(settings)
    assert list(landing.glob("users-*.parquet"))
    assert not (landing / "read.json").exists()
    assert not warehouse_path(settings).exists()


def test_a_planned_scope_without_a_result_stops_the_run_before_the_load(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=5)

    def read_no_user(run: RunContext, batch: Batch) -> None:
        """Return without a result for any scope of the batch."""

    with serve(Simulator(world, limits=None)) as server:
        settings = settings_for(server.url)
        with pytest.raises(CalcomError, match="5 planned scopes were not read"):
            sync(settings, "per-user", Stages(read_users=read_no_user))
        (landing,) = landings(settings)
        assert not (landing / "read.json").exists()
        assert not warehouse_path(settings).exists()
        summary = sync(settings, "per-user")
    assert (summary.is_resumed, summary.outcome) == (True, "complete")
    assert_equals_truth(summary.database, world.entries(), world.users())


def test_a_run_in_which_no_scope_of_entries_could_be_read_fails_with_the_first_error(
    settings_for: Callable[..., Settings],
) -> None:
    faults = [Fault("500", path=r"/users/\d+/ooo", times=999)]
    with serve(Simulator(World.generate(people=5), limits=None, faults=faults)) as server:
        settings = settings_for(server.url, OOO_MAX_ATTEMPTS=1)
        with pytest.raises(CalcomError, match="500"):
            sync(settings, "per-user")
    assert not warehouse_path(settings).exists()


def test_opening_a_run_publishes_and_purges_nothing_and_the_load_is_followed_by_the_purge(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=5)
    note = "Zahnarzttermin-Qxv-81724"
    day = ("2031-03-02T00:00:00.000Z", "2031-03-02T23:59:59.999Z")
    world.add_entry(world.users()[0]["id"], *day, notes=note)

    def state(settings: Settings) -> tuple[int, bool, str, list[Path]]:
        """Return the identity of the warehouse file, whether it has the note, the generation and the landings."""
        path = warehouse_path(settings)
        current = (settings.data_dir / "exports" / "current.json").read_text()
        return path.stat().st_ino, note.encode() in path.read_bytes(), current, sorted(landings(settings))

    with serve(Simulator(world, limits=None)) as server:
        sync(settings_for(server.url))
        settings = settings_for(server.url, OOO_NOTES="drop")
        before = state(settings)
        with open_run(settings, strategy=Strategy.ORG_WIDE, listener=SilentListener()) as run:
            opened = [path for path in landings(settings) if path != run.landing.folder]
            assert (*state(settings)[:3], opened) == before
        assert state(settings) == before
        sync(settings)
    assert before[1]
    inode, has_note, current, _ = state(settings)
    assert inode != before[0], "the warehouse was not compacted"
    assert not has_note
    assert current != before[2]


@pytest.mark.parametrize("strategy", ["org-wide", "per-user", "both"])
def test_a_pause_beyond_the_bound_ends_the_run_with_12_and_keeps_the_landed_pages(
    strategy: str, settings_for: Callable[..., Settings]
) -> None:
    world = World.generate(people=30)
    simulator = Simulator(world, faults=[Fault("429", path="/ooo", nth=3, seconds=86_400)])
    with serve(simulator) as server:
        settings = settings_for(server.url, OOO_PAGE_SIZE="20")
        with pytest.raises(WaitTooLongError, match="OOO_MAX_WAIT_SECONDS") as caught:
            sync(settings, strategy)
        assert caught.value.exit_code is ExitCode.UNAVAILABLE
        assert not warehouse_path(settings).exists()
        (folder,) = landings(settings)
        landed = sum(len(pages) for pages in open_landing(folder).pages.values())
        (folder.parent / "rate_limit.json").unlink()  # the pause is over
        simulator.clear_requests()
        summary = sync(settings, strategy)
    assert landed >= 3
    assert summary.is_resumed
    assert summary.outcome == "complete"
    assert_equals_truth(summary.database, world.entries(), world.users())
