"""A run stops before it changes anything if too much vanished, the host moved, or a clock disagrees."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest

from calcom.simulator import OWNER_KEY, Simulator, World, serve
from calcom.strategy import Strategy
from flows.report.status import raise_if_older, read_status
from flows.run import stages
from flows.run.maintenance import maintain
from flows.run.progress import SilentListener
from flows.run.source import RateLimitMemory
from flows.run.summary import RunSummary
from flows.settings import Settings
from flows.settings.clock import utc_now
from flows.settings.data_folder import warehouse_path
from flows.settings.errors import ClockError, StaleError
from tests.support.naive import Absence
from tests.support.warehouse import load, new_warehouse, night, read_all, rows_of
from warehouse.errors import GuardError
from warehouse.load.guards import Guards

STRICT = Guards()


def sync(settings: Settings, **options: Any) -> RunSummary:
    return stages.sync(settings, strategy=Strategy.AUTO, listener=SilentListener(), **options)


def absences(count: int) -> tuple[Absence, ...]:
    day = night(60).date()
    return tuple(Absence(number, number % 5 + 1, day, day) for number in range(1, count + 1))


@pytest.mark.parametrize(
    ("before", "after", "is_stopped"),
    [
        (9, 0, False),
        (10, 0, True),
        (40, 0, True),
        (40, 1, False),
        (100, 49, True),
        (100, 50, False),  # exactly 50
        (250, 200, False),  # exactly 50, and exactly 20 %
        (255, 204, False),  # exactly 20 %
        (255, 203, True),
    ],
)
def test_all_of_ten_entries_or_a_large_share_never_vanish_silently(
    before: int, after: int, *, is_stopped: bool
) -> None:
    users = (1, 2, 3, 4, 5)
    with new_warehouse() as connection:
        load(connection, read_all(absences(before), at=night(1), users=users), STRICT)
        reading = read_all(absences(after), at=night(2), users=users)
        if is_stopped:
            with pytest.raises(GuardError, match=f"{before - after} of {before} live entries"):
                load(connection, reading, STRICT)
        else:
            load(connection, reading, STRICT)
        live = rows_of(connection, "FROM core.ooo_entries WHERE deleted_at IS NULL")
        assert len(live) == (before if is_stopped else after)


def test_people_are_guarded_like_entries() -> None:
    with new_warehouse() as connection:
        load(connection, read_all((), at=night(1), users=tuple(range(1, 13))), STRICT)
        with pytest.raises(GuardError, match="12 of 12 people"):
            load(connection, read_all((), at=night(2), users=(99,)), STRICT)


@pytest.mark.parametrize(("remaining", "is_stopped"), [(204, False), (203, True)])
def test_exactly_a_fifth_of_the_people_may_leave_and_no_more(remaining: int, *, is_stopped: bool) -> None:
    with new_warehouse() as connection:
        load(connection, read_all((), at=night(1), users=tuple(range(1, 256))), STRICT)
        reading = read_all((), at=night(2), users=tuple(range(1, remaining + 1)))
        if is_stopped:
            with pytest.raises(GuardError, match="52 of 255 people"):
                load(connection, reading, STRICT)
        else:
            load(connection, reading, STRICT)


def test_an_organization_from_another_host_is_refused_before_it_is_read(
    settings_for: Callable[..., Settings],
) -> None:
    with serve(Simulator(World.generate(people=3), limits=None)) as server:
        sync(settings_for(server.url))
    other = Simulator(World.generate(people=3, seed=2), limits=None)
    with serve(other) as server:
        with pytest.raises(GuardError, match="OOO_ALLOW_NEW_HOST"):
            sync(settings_for(server.url))
        assert {request.path for request in other.requests} <= {"/v2/me"}
        moved = settings_for(server.url, OOO_ALLOW_NEW_HOST=True)
        assert sync(moved, allows_mass_delete=True).exit_code == 0
        assert sync(settings_for(server.url)).exit_code == 0


@pytest.mark.parametrize("seconds", [-86_400, 86_400])
def test_a_clock_that_disagrees_with_the_source_stops_the_run(
    seconds: int, settings_for: Callable[..., Settings]
) -> None:
    world = World.generate(people=3)
    simulator = Simulator(world, limits=None)

    class Skewed(httpx.AsyncBaseTransport):
        """A transport whose responses state another time."""

        def __init__(self) -> None:
            self._inner = httpx.ASGITransport(simulator)

        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            response = await self._inner.handle_async_request(request)
            stated = time.gmtime(time.time() + seconds)
            response.headers["Date"] = time.strftime("%a, %d %b %Y %H:%M:%S GMT", stated)
            return response

    settings = settings_for("http://simulator.localhost")
    connection = replace(settings.connection(), transport=Skewed())
    with pytest.raises(ClockError, match="NTP"):
        sync(settings, connection=connection)
    assert not warehouse_path(settings).exists()


def test_a_snapshot_in_the_future_stops_runs_until_the_clock_is_repaired(
    settings_for: Callable[..., Settings],
) -> None:
    world = World.generate(people=3)
    with serve(Simulator(world, limits=None)) as server:
        settings = settings_for(server.url)
        sync(settings)
        with duckdb.connect(str(warehouse_path(settings))) as connection:
            for table, column in (
                ("ops.runs", "started_at"),
                ("ops.runs", "finished_at"),
                ("core.ooo_entries", "last_seen_at"),
                ("core.ooo_entry_history", "valid_from"),
                ("core.people", "last_seen_at"),
            ):
                connection.execute(f"UPDATE {table} SET {column} = {column} + INTERVAL 2 YEAR")
        with pytest.raises(ClockError, match="repair-clock"):
            sync(settings)
        assert maintain(settings, repairs_clock=True).instants_repaired > 0
        summary = sync(settings)
    assert (summary.exit_code, summary.rows["unchanged"]) == (0, len(world.entries()))
    assert summary.audits["failed"] == []
    raise_if_older(read_status(settings), timedelta(hours=1))


def test_a_snapshot_in_the_future_is_never_fresh() -> None:
    status = {"snapshot_at": utc_now() + timedelta(days=400)}
    with pytest.raises(StaleError):
        raise_if_older(status, timedelta(hours=1))


def test_a_spent_rate_limit_is_remembered_by_the_next_process_of_the_same_credential(
    tmp_path: Path, settings_for: Callable[..., Settings]
) -> None:
    connection = settings_for("http://127.0.0.1:9").connection()
    other = settings_for("http://127.0.0.1:9", CALCOM_API_KEY="cal_other").connection()
    RateLimitMemory(tmp_path, connection).save(30.0)
    assert 25 < RateLimitMemory(tmp_path, connection).load() <= 30
    assert RateLimitMemory(tmp_path, other).load() == 0
    assert OWNER_KEY not in (tmp_path / "rate_limit.json").read_text()
