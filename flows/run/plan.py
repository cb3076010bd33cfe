"""The reading plan of a run, and what a sync would cost before it runs (`ooo plan`)."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from calcom.client import MAX_TEAMS_TAKE, MAX_USERS_TAKE, CalcomClient
from calcom.connection import Connection, SentRequest
from calcom.credentials import ApiKey
from calcom.errors import ApiError, ErrorKind
from calcom.paging import Scan
from calcom.rate_limit import USUAL_WINDOW_SECONDS, Window
from calcom.records import Records
from calcom.scopes import ORGANIZATION, TEAMS, USERS, Page, Scope
from calcom.strategy import Strategy, requests_for
from calcom.wording import count_of
from flows.report.queries import run_sql
from flows.run.source import find_organization, make_client
from flows.settings import Settings
from flows.settings.data_folder import database_path, has_file
from flows.settings.errors import AccessRefusedError, ConfigurationError, QueryError, naming_organization
from flows.settings.values import Teams
from warehouse.connection import read_statement
from warehouse.load.runs import OrganizationSize

USERS_PER_BATCH = 200
"""The number of users whose entries are read in one batch.

If Cal.com becomes unavailable, at most this number of users fails before it is requested again.
"""

ASSUMED_ENTRIES_PER_PERSON = 25
"""The estimate for an organization that was never read: the entries of about three years."""

API_KEY_LIMIT, TOKEN_LIMIT = 120, 500
"""Requests per minute that Cal.com documents for an API key, and for any other credential."""


@dataclass(frozen=True)
class Batch:
    """Scopes that are read in one step of a run."""

    number: int
    scopes: tuple[Scope, ...]

    @property
    def label(self) -> str:
        """Return the batch in a few words."""
        first = self.scopes[0]
        if first == ORGANIZATION:
            return "the whole organization"
        return f"{count_of(len(self.scopes), first.kind)} from id {first.user_id or first.team_id}"


@dataclass(frozen=True)
class ReadingPlan:
    """The scopes that a run reads after the lists of users and teams. A run is complete if all of them are.

    The plan is made once, from the lists. The only change is the explicit step `reading_per_user`.
    """

    strategy: Strategy
    """Settled: never `auto`."""
    user_ids: tuple[int, ...]
    team_ids: tuple[int, ...] | None
    """None if teams are not read."""

    def reading_per_user(self) -> "ReadingPlan":
        """Return the plan that reads the same entries with the endpoint of each user."""
        return replace(self, strategy=Strategy.PER_USER)

    @property
    def reads_organization(self) -> bool:
        """Return True if the organization's own endpoint is read."""
        return self.strategy in (Strategy.ORG_WIDE, Strategy.BOTH)

    def user_batches(self) -> Iterator[Batch]:
        """Yield the scopes of the users in batches, or nothing if only the organization's endpoint is read."""
        if self.strategy in (Strategy.PER_USER, Strategy.BOTH):
            for number, start in enumerate(range(0, len(self.user_ids), USERS_PER_BATCH), start=2):
                user_ids = self.user_ids[start : start + USERS_PER_BATCH]
                yield Batch(number, tuple(Scope("user", user_id) for user_id in user_ids))

    @property
    def scopes(self) -> frozenset[Scope]:
        """Return every scope that has to end complete."""
        planned = {USERS}
        if self.reads_organization:
            planned.add(ORGANIZATION)
        planned |= {scope for batch in self.user_batches() for scope in batch.scopes}
        if self.team_ids is not None:
            planned |= {TEAMS, *(Scope("team", team_id=team_id) for team_id in self.team_ids)}
        return frozenset(planned)


def make_reading_plan(
    requested: Strategy,
    *,
    user_ids: list[int],
    team_ids: list[int] | None,
) -> ReadingPlan:
    """Return the plan for the users and teams that were listed."""
    return ReadingPlan(
        strategy=requested.first,
        user_ids=tuple(user_ids),
        team_ids=None if team_ids is None else tuple(team_ids),
    )


def estimate_requests(plan: ReadingPlan, *, size: OrganizationSize | None, page_size: int) -> int:
    """Return the number of requests that the plan needs, the lists of users and teams included."""
    users = len(plan.user_ids)
    return requests_for(
        plan.strategy,
        users=users,
        entries=size.entries if size else users * ASSUMED_ENTRIES_PER_PERSON,
        teams=None if plan.team_ids is None else len(plan.team_ids),
        take=page_size,
    )


@dataclass(frozen=True)
class Cost:
    """The cost of one strategy: requests, and the seconds that the rate limit adds to them."""

    strategy: Strategy
    requests: int
    seconds: float


@dataclass(frozen=True)
class Forecast:
    """The cost of each strategy for an organization; `is_known` if an earlier run has measured its size."""

    organization_id: int
    people: int
    entries: int
    teams: int | None
    """None if teams are not read, or cannot be."""
    most_teams: int | None
    """The largest number of teams whose members are read; None without such a number."""
    is_known: bool
    limits: str
    costs: list[Cost]

    def as_text(self) -> str:
        """Return the forecast as text for a terminal."""
        how = "as published" if self.is_known else "never synchronised; the number of entries is an estimate"
        teams = "" if self.teams is None else f" {self._teams_text(self.teams)},"
        lines = [
            f"organization {self.organization_id}: {count_of(self.people, 'person', 'people')},{teams}"
            f" {count_of(self.entries, 'entry', 'entries')}"
            f" ({how}); {self.limits}"
        ]
        lines += [
            f"  {cost.strategy.value:<9} {cost.requests:>7,} requests  {cost.seconds / 60:>6.1f} min of waiting"
            + ("   <- auto" if cost.strategy is Strategy.AUTO.first else "")
            for cost in self.costs
        ]
        return "\n".join(lines)

    def _teams_text(self, teams: int) -> str:
        is_skipped = self.most_teams is not None and teams > self.most_teams
        return count_of(teams, "team") + (" (not read; OOO_TEAMS=true reads them)" if is_skipped else "")


def forecast(
    settings: Settings,
    connection: Connection | None = None,
    *,
    on_request: Callable[[SentRequest], None] | None = None,
) -> Forecast:
    """Return the cost of a sync, from the published tables; without a publication, the lists are read.

    The number of requests is exact if the tables are as Cal.com is now, and the server returns as many rows as are
    requested. It includes the request for the credential's owner, which finds the organization. `on_request` is called
    after each request.
    """
    connection, most_teams = connection or settings.connection(), settings.most_teams
    with asyncio.Runner() as runner:
        client = make_client(connection, on_request=on_request)
        try:
            organization_id = settings.organization_id or find_organization(runner, client)
            by_user = _read_published_size(settings, organization_id)
            people = len(by_user) or runner.run(_count_users(client, organization_id))
            reads_teams = settings.teams is not Teams.OFF
            by_team = _read_published_teams(settings, organization_id) if reads_teams else []
            teams = len(by_team) or None
            refused = 0
            if reads_teams and not by_team:
                teams = runner.run(_count_teams(client, organization_id, is_optional=most_teams is not None))
                refused = teams is None
        finally:
            runner.run(client.close())
    entries = sum(by_user) if by_user else people * ASSUMED_ENTRIES_PER_PERSON
    windows = client.rate_limiter.budget.windows
    if not client.traffic.requests:
        limit = API_KEY_LIMIT if isinstance(settings.credential(), ApiKey) else TOKEN_LIMIT
        windows["documented"] = Window(limit, limit, float("inf"), USUAL_WINDOW_SECONDS)
    costs = []
    for strategy in (Strategy.ORG_WIDE, Strategy.PER_USER, Strategy.BOTH):
        requests = requests_for(
            strategy,
            users=people,
            entries=entries,
            teams=teams,
            most_teams=most_teams,
            take=settings.page_size,
            entries_by_user=by_user or None,
            members_by_team=by_team or None,
        )
        requests += settings.organization_id is None  # /v2/me finds the organization
        requests += refused  # the list of teams, which is not read any further
        costs.append(Cost(strategy, requests, client.rate_limiter.seconds_for(requests)))
    limits = ", ".join(
        f"{count_of(window.limit, 'request')} in {window.length:.0f} s" for window in windows.values()
    )
    return Forecast(
        organization_id=organization_id,
        people=people,
        entries=entries,
        teams=teams,
        most_teams=most_teams,
        is_known=bool(by_user),
        limits=f"limit {limits}" if limits else "no rate limit stated",
        costs=costs,
    )


def _read_published_size(settings: Settings, organization_id: int) -> list[int]:
    """Return the published number of live entries of each person; empty if the organization is not published."""
    if not has_file(database_path(settings)):
        return []
    return _query(settings, "read/sql/select_published_size", organization_id)


def _read_published_teams(settings: Settings, organization_id: int) -> list[int]:
    """Return the published number of members of each team; empty also if the publication has no table of teams."""
    try:
        return _query(settings, "read/sql/select_published_teams", organization_id)
    except (ConfigurationError, QueryError):
        return []


def _query(settings: Settings, statement: str, organization_id: int) -> list[int]:
    """Return the only column of the statement."""
    parameters = {"organization_id": organization_id}
    counts: list[int] = (
        run_sql(database_path(settings), read_statement(statement), parameters).to_series().to_list()
    )
    return counts


async def _count_users(client: CalcomClient, organization_id: int) -> int:
    return await _count(partial(client.fetch_users, organization_id), organization_id, MAX_USERS_TAKE)


async def _count_teams(client: CalcomClient, organization_id: int, *, is_optional: bool) -> int | None:
    """Return the number of teams, or None if the list is optional and refused."""
    try:
        return await _count(partial(client.fetch_teams, organization_id), organization_id, MAX_TEAMS_TAKE)
    except (AccessRefusedError, ApiError) as error:
        is_refused = isinstance(error, AccessRefusedError) or error.kind is ErrorKind.NOT_FOUND
        if not (is_optional and is_refused):
            raise
        return None


async def _count(fetch: Callable[..., Awaitable[Records]], organization_id: int, take: int) -> int:
    scan, ids = Scan(take), set[int | None]()
    with naming_organization(organization_id):
        while not scan.is_over:
            for skip in scan.next_skips():
                records = await fetch(skip=skip, take=scan.take)
                ids.update(records.ids)
                scan.accept(Page.of_ids(skip=skip, take=scan.take, ids=records.ids))
    return len(ids)
