"""What a sync would cost, before anything runs: requests and minutes for each strategy."""

import asyncio
from dataclasses import dataclass

from calcom.client import MAX_USERS_TAKE, CalcomClient, Connection
from calcom.credentials import ApiKey
from calcom.paging import Page, Scan
from calcom.strategy import WINDOW_SECONDS, Estimate, Strategy, estimate
from flows.errors import naming_organization
from flows.pipeline import ASSUMED_ENTRIES_PER_PERSON
from flows.run import find_organization, read_known_size
from flows.settings import Settings

API_KEY_LIMIT, TOKEN_LIMIT = 120, 500


@dataclass(frozen=True)
class Plan:
    """The cost of each strategy for an organization of this size; `is_known` if a run has measured it."""

    organization_id: int
    people: int
    entries: int
    is_known: bool
    requests_per_minute: int | None
    estimates: list[Estimate]

    def as_text(self) -> str:
        """The plan for a person."""
        how = "as of the last sync" if self.is_known else "never synchronised; entries are assumed"
        limit = (
            "no rate limit stated"
            if self.requests_per_minute is None
            else f"{self.requests_per_minute} requests a minute"
        )
        lines = [
            f"organization {self.organization_id}: {self.people:,} people, {self.entries:,} entries ({how});"
            f" {limit}"
        ]
        cheapest = min(self.estimates, key=lambda one: one.requests).strategy
        lines += [
            f"  {one.strategy.value:<9} {one.requests:>7,} requests  {one.seconds / 60:>6.1f} min of waiting"
            + ("   <- auto" if one.strategy is cheapest else "")
            for one in self.estimates
        ]
        return "\n".join(lines)


def make_plan(settings: Settings, connection: Connection | None = None) -> Plan:
    """The plan, from what the last sync saw; without one, the users list is read to count people."""
    connection = connection or settings.connection()
    with asyncio.Runner() as runner:
        client = CalcomClient(connection)
        try:
            organization_id = settings.organization_id or find_organization(runner, client)
            known = read_known_size(settings, organization_id)
            people = known.people if known else runner.run(_count_people(client, organization_id))
        finally:
            runner.run(client.close())
    entries = known.entries if known else people * ASSUMED_ENTRIES_PER_PERSON
    limit = _limit_of(client, settings)
    strategies = (Strategy.ORG_WIDE, Strategy.PER_USER, Strategy.BOTH)
    return Plan(
        organization_id=organization_id,
        people=people,
        entries=entries,
        is_known=known is not None,
        requests_per_minute=limit,
        estimates=[
            estimate(
                strategy,
                users=people,
                entries=entries,
                requests_per_minute=limit,
                take=max(2, settings.page_size),
            )
            for strategy in strategies
        ],
    )


async def _count_people(client: CalcomClient, organization_id: int) -> int:
    scan, seen = Scan(MAX_USERS_TAKE), set[int | None]()
    with naming_organization(organization_id):
        while not scan.is_over:
            for skip in scan.next_skips():
                page = await client.fetch_users(organization_id, skip=skip, take=scan.take)
                seen.update(page.ids)
                scan.accept(Page.of_ids(skip=skip, take=scan.take, ids=page.ids))
    return len(seen)


def _limit_of(client: CalcomClient, settings: Settings) -> int | None:
    """What the server states, scaled to a minute of the tightest limit; else what Cal.com documents."""
    windows = client.pacer.budget.windows.values()
    if stated := [round(one.limit * WINDOW_SECONDS / one.length) for one in windows if one.length]:
        return min(stated)
    if client.traffic.requests:
        return None  # it was asked, and states no limit
    return API_KEY_LIMIT if isinstance(settings.credential(), ApiKey) else TOKEN_LIMIT
