"""What is staged while it is read is what a load would have staged, and what fails there is not lost."""

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import duckdb
import pytest

from calcom.simulator import Simulator, World, serve
from calcom.strategy import Strategy
from flows.run import stages as pipeline
from flows.run.context import open_own_warehouse, open_run, staging_meanwhile
from flows.run.data_folder import warehouse_path
from flows.run.progress import SilentListener
from flows.run.staging import Staging
from flows.settings import Settings
from landing.folder import SEGMENT_ROWS
from tests.support.truth import assert_equals_truth
from warehouse.errors import WarehouseError


def _core(warehouse: Path) -> list[list[Any]]:
    """All that the core tables hold, but for when a run saw it."""
    queries = (
        "SELECT * EXCLUDE (first_seen_at, last_seen_at) FROM core.ooo_entries ORDER BY ALL",
        "SELECT * EXCLUDE (valid_from) FROM core.ooo_entry_history ORDER BY ALL",
        "SELECT * EXCLUDE (first_seen_at, last_seen_at, entries_as_of) FROM core.people ORDER BY ALL",
    )
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        return [connection.execute(query).fetchall() for query in queries]


@pytest.mark.parametrize("strategy", [Strategy.PER_USER, Strategy.ORG_WIDE, Strategy.BOTH])
def test_staging_while_reading_loads_what_staging_afterwards_does(
    strategy: Strategy, settings_for: Callable[..., Settings], tmp_path: Path
) -> None:
    world = World.generate(people=30)
    with serve(Simulator(world, limits=None)) as server:
        meanwhile = settings_for(server.url, OOO_DATA_DIR=tmp_path / "meanwhile", OOO_PAGE_SIZE=7)
        pipeline.sync(meanwhile, strategy=strategy, listener=SilentListener())
        afterwards = settings_for(server.url, OOO_DATA_DIR=tmp_path / "afterwards", OOO_PAGE_SIZE=7)
        with open_run(afterwards, strategy=strategy, listener=SilentListener()) as run:
            pipeline.extract(run)
            pipeline.load(run)
            pipeline.publish(run)
    found = _core(warehouse_path(meanwhile))
    assert len(found[0]) == len(world.entries())
    assert found == _core(warehouse_path(afterwards))


def test_a_staging_that_fails_ends_the_run_and_costs_no_request_again(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=1_200, years=1)
    assert len(world.entries()) > SEGMENT_ROWS  # so that it fails while there is something left to read
    simulator = Simulator(world, limits=None)
    with serve(simulator) as server:
        narrow = settings_for(server.url, OOO_MEMORY_LIMIT="2MB")
        with pytest.raises(WarehouseError, match="OOO_MEMORY_LIMIT"):
            _fail_to_stage(narrow)
        simulator.clear_requests()
        summary = pipeline.sync(
            settings_for(server.url), strategy=Strategy.ORG_WIDE, listener=SilentListener()
        )
    assert summary.is_resumed
    assert [request.path for request in simulator.requests] == ["/v2/me"]
    assert_equals_truth(summary.database, world.entries(), world.users())


def _fail_to_stage(settings: Settings) -> None:
    with (
        open_run(settings, strategy=Strategy.ORG_WIDE, listener=SilentListener()) as run,
        staging_meanwhile(run),
    ):
        pipeline.extract(run)
        assert run.staging is not None
        assert isinstance(run.staging.exception(), duckdb.OutOfMemoryException)
        pipeline.load(run)


def test_nothing_opens_the_warehouse_before_the_staging_has(settings_for: Callable[..., Settings]) -> None:
    with serve(Simulator(World.generate(people=3), limits=None)) as server:
        settings = settings_for(server.url)
        with open_run(settings, strategy=Strategy.AUTO, listener=SilentListener()) as run:
            pipeline.extract(run)
            failed: Future[Staging] = Future()
            failed.set_exception(WarehouseError("the staging's own"))
            run.staging = failed
            with pytest.raises(WarehouseError, match="the staging's own"), open_own_warehouse(run):
                pass
    assert not warehouse_path(settings).exists()
