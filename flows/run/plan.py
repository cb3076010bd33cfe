"""What a sync would cost, before anything runs: requests and minutes for each strategy."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import polars as pl

from calcom.client import MAX_TEAMS_TAKE, MAX_USERS_TAKE, CalcomClient
from calcom.credentials import ApiKey
from calcom.models import Records
from calcom.paging import Page, Scan
from calcom.rate_limit import USUAL_WINDOW_SECONDS, Window
from calcom.requester import Connection
from calcom.strategy import Strategy, requests_for
from flows.report.queries import run_sql
from flows.run.context import find_organization, make_client
from flows.run.data_folder import database_path
from flows.run.stages import ASSUMED_ENTRIES_PER_PERSON
from flows.settings import Settings
from flows.settings.errors import ConfigurationError, QueryError, naming_organization
from warehouse.connection import read_statement

API_KEY_LIMIT, TOKEN_LIMIT = 120, 500
"""Requests a minute that Cal.com documents for an API key, and for any other credential."""


@dataclass(frozen=True)
class Cost:
    """What one strategy costs: requests, and seconds that the rate limit adds to them."""

    strategy: Strategy
    requests: int
    seconds: float


@dataclass(frozen=True)
class Plan:
    """The cost of each strategy for an organization of this size; `is_known` if a run has measured it."""

    organization_id: int
    people: int
    entries: int
    teams: int | None
    """None if they are not read."""
    is_known: bool
    limits: str
    costs: list[Cost]

    def as_text(self) -> str:
        """The plan for a person."""
        how = "as published" if self.is_known else "never synchronised; entries are assumed"
        teams = "" if self.teams is None else f" {self.teams:,} teams,"
        lines = [
            f"organization {self.organization_id}: {self.people:,} people,{teams} {self.entries:,} entries"
            f" ({how}); {self.limits}"
        ]
        cheapest = min(self.costs, key=lambda one: one.requests).strategy
        lines += [
            f"  {one.strategy.value:<9} {one.requests:>7,} requests  {one.seconds / 60:>6.1f} min of waiting"
            + ("   <- auto" if one.strategy is cheapest else "")
            for one in self.costs
        ]
        return "\n".join(lines)


def make_plan(settings: Settings, connection: Connection | None = None) -> Plan:
    """The plan, from what is published; without a publication, the users list is read to count people."""
    connection = connection or settings.connection()
    with asyncio.Runner() as runner:
        client = make_client(connection)
        try:
            organization_id = settings.organization_id or find_organization(runner, client)
            known = _published_size(settings, organization_id)
            people = known[0] if known else runner.run(_count_people(client, organization_id))
            teams = _published_teams(settings, organization_id) if settings.reads_teams else None
            if settings.reads_teams and not teams:
                teams = runner.run(_count_teams(client, organization_id))
        finally:
            runner.run(client.close())
    entries = known[1] if known else people * ASSUMED_ENTRIES_PER_PERSON
    if not client.traffic.requests:
        limit = API_KEY_LIMIT if isinstance(settings.credential(), ApiKey) else TOKEN_LIMIT
        client.rate_limiter.budget.windows["documented"] = Window(
            limit, limit, float("inf"), USUAL_WINDOW_SECONDS
        )
    costs = []
    for strategy in (Strategy.ORG_WIDE, Strategy.PER_USER, Strategy.BOTH):
        requests = requests_for(strategy, users=people, entries=entries, teams=teams, take=settings.page_size)
        costs.append(Cost(strategy, requests, client.rate_limiter.seconds_for(requests)))
    limits = ", ".join(
        f"{one.limit} requests in {one.length:.0f} s" for one in client.rate_limiter.budget.windows.values()
    )
    return Plan(
        organization_id=organization_id,
        people=people,
        entries=entries,
        teams=teams,
        is_known=known is not None,
        limits=f"limit {limits}" if limits else "no rate limit stated",
        costs=costs,
    )


def _published_size(settings: Settings, organization_id: int) -> tuple[int, int] | None:
    """People and live entries as published; None if the organization never was."""
    if not database_path(settings).exists():
        return None
    people, entries = _ask(settings, "read/sql/select_published_size", organization_id).row(0)
    return (people, entries) if people else None


def _published_teams(settings: Settings, organization_id: int) -> int:
    """Teams as published; 0 if none ever were, or by a version without them."""
    try:
        return int(_ask(settings, "read/sql/select_published_teams", organization_id).item())
    except (ConfigurationError, QueryError):
        return 0


def _ask(settings: Settings, statement: str, organization_id: int) -> pl.DataFrame:
    given = {"organization_id": organization_id}
    return run_sql(database_path(settings), read_statement(statement), given)


async def _count_people(client: CalcomClient, organization_id: int) -> int:
    return await _count(partial(client.fetch_users, organization_id), organization_id, MAX_USERS_TAKE)


async def _count_teams(client: CalcomClient, organization_id: int) -> int:
    return await _count(partial(client.fetch_teams, organization_id), organization_id, MAX_TEAMS_TAKE)


async def _count(fetch: Callable[..., Awaitable[Records]], organization_id: int, take: int) -> int:
    scan, seen = Scan(take), set[int | None]()
    with naming_organization(organization_id):
        while not scan.is_over:
            for skip in scan.next_skips():
                page = await fetch(skip=skip, take=scan.take)
                seen.update(page.ids)
                scan.accept(Page.of_ids(skip=skip, take=scan.take, ids=page.ids))
    return len(seen)
