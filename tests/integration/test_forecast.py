"""The cost that `ooo plan` states is the number of requests of the next sync, if the source does not change."""

from collections.abc import Callable
from datetime import date, timedelta

import pytest

from calcom.simulator import Simulator, World, serve
from calcom.strategy import Strategy
from flows.run.plan import forecast
from flows.run.progress import BarListener, SilentListener
from flows.run.stages import sync
from flows.settings import Settings

SINGLE = (Strategy.ORG_WIDE, Strategy.PER_USER, Strategy.BOTH)


def organization(people: int, entries_of_first: int = 0, teams: int = 0) -> World:
    """Return an organization of a year; the first person has more entries, and the last one none."""
    world = World.generate(people=people, years=1)
    first, *_, last = (user["id"] for user in world.users())
    for number in range(entries_of_first):
        day = date(2020, 1, 1) + timedelta(days=2 * number)
        world.add_entry(first, f"{day}T00:00:00.000Z", f"{day}T23:59:59.999Z")
    for entry in world.entries(last):
        world.delete_entry(entry["id"])
    for number in range(teams):
        team_id = world.teams.add(f"Team {number}")
        if number:
            world.teams.join(team_id, first)
    return world


@pytest.mark.parametrize(
    ("world", "page_size"),
    [
        (organization(5), 250),
        (organization(5, entries_of_first=40, teams=3), 20),
        (organization(5, entries_of_first=19, teams=3), 20),
        (organization(9, teams=2), 9),
        (organization(9, teams=2), 10),
        (organization(4), 1),
        (organization(4, teams=1), 2),
    ],
)
def test_the_planned_number_of_requests_is_that_of_the_next_sync_for_each_strategy(
    world: World, page_size: int, settings_for: Callable[..., Settings]
) -> None:
    simulator = Simulator(world, limits=None)
    with serve(simulator) as server:
        settings = settings_for(server.url, OOO_PAGE_SIZE=page_size, OOO_TEAMS=bool(world.teams.ids()))
        assert sync(settings, strategy=Strategy.AUTO, listener=SilentListener()).exit_code == 0
        for strategy in Strategy:
            plan = forecast(settings)
            planned = {cost.strategy: cost.requests for cost in plan.costs}
            assert set(planned) == set(SINGLE)
            simulator.clear_requests()
            summary = sync(settings, strategy=strategy, listener=SilentListener())
            expected = planned[strategy.first]
            assert (summary.exit_code, summary.requests) == (0, expected)
            assert len(simulator.requests) == expected


def test_the_plan_of_an_organization_that_was_never_read_is_exact_up_to_the_assumed_entries(
    settings_for: Callable[..., Settings],
) -> None:
    with serve(Simulator(organization(5, teams=2), limits=None)) as server:
        settings = settings_for(server.url, OOO_TEAMS=True, CALCOM_ORG_ID=1)
        plan = forecast(settings)
        assert not plan.is_known
        planned = {cost.strategy: cost.requests for cost in plan.costs}
        summary = sync(settings, strategy=Strategy.AUTO, listener=SilentListener())
    assert summary.requests == planned[Strategy.ORG_WIDE]


class LastBar(BarListener):
    """Keeps the bar as it is when the reading ends."""

    bar = ""

    def stage_started(self, name: str, detail: str) -> None:
        """Keep the bar before the stage `load`."""
        if name == "load":
            self.bar = self.lines(80)[0]
        super().stage_started(name, detail)


@pytest.mark.parametrize("strategy", SINGLE)
@pytest.mark.parametrize("organization_id", [1, None])
def test_the_bar_ends_with_the_number_of_requests_of_the_plan_and_of_the_summary(
    strategy: Strategy, organization_id: int | None, settings_for: Callable[..., Settings]
) -> None:
    with serve(Simulator(organization(6, teams=2), limits=None)) as server:
        settings = settings_for(server.url, OOO_TEAMS=True, CALCOM_ORG_ID=organization_id)
        sync(settings, strategy=strategy, listener=SilentListener())
        planned = {cost.strategy: cost.requests for cost in forecast(settings).costs}[strategy]
        listener = LastBar(lambda _: None)
        summary = sync(settings, strategy=strategy, listener=listener)
    assert summary.requests == planned
    assert listener.bar.endswith(f" {planned}/{planned}")
