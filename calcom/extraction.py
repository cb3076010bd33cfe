"""Extraction: reads whole scopes through the client into the landing, each ending in a verdict.

A scope is all users, all entries of the organization, one user's entries, all teams, or one team's
memberships. Its scan goes on from the pages that the landing already has, so a resumed run asks for
nothing that it has. Several pages, users or teams are under way at once; the rate_limiter keeps them within
one budget.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from functools import partial
from typing import Protocol

from calcom.client import MAX_ENTRIES_TAKE, MAX_USERS_TAKE, CalcomClient
from calcom.errors import ApiError, CalcomError, ErrorKind, ProtocolError
from calcom.models import Records
from calcom.outage import Outage
from calcom.paging import ALL_IDS, Page, Scan, Spans, Verdict
from calcom.passes import Passes
from calcom.requester import Traffic
from calcom.scopes import Scope, ScopeResult

USERS = Scope("users")
ORGANIZATION = Scope("organization")
TEAMS = Scope("teams")
TEAM_KINDS = ("teams", "team")
"""Scopes that a run can do without: their failure, whatever it is, is theirs alone."""


_Follow = Callable[[Scope, Scan], Awaitable[CalcomError | None]]


class Progress(Protocol):
    """Who wants to know how far extraction is."""

    def page_read(self, scope: Scope, rows: int) -> None:
        """A page has been landed."""

    def scope_ended(self, result: ScopeResult) -> None:
        """A scope has its verdict."""


class Extraction:
    """Reads one organization's scopes into one landing."""

    def __init__(
        self,
        client: CalcomClient,
        landing: Landing,
        *,
        progress: Progress,
        max_concurrency: int = 8,
    ) -> None:
        """`landing.facts` says which organization and page size."""
        self._client, self._landing, self._progress = client, landing, progress
        self._max_concurrency = max_concurrency
        self._organization_id = landing.facts.organization_id
        self._take = max(2, landing.facts.page_size)
        self._traffic: dict[Scope, Traffic] = {}
        self.first_error: CalcomError | None = None
        """The first error that failed a scope of entries: the run's own, if none at all could be read."""

    async def read_users(self) -> ScopeResult:
        """All users of the organization are landed. Any error is raised: without users nothing is known."""
        take = MAX_USERS_TAKE if self._take == MAX_ENTRIES_TAKE else self._take
        return await self._read_scope(USERS, Scan(take))

    async def read_organization(self, expected_rows: int = 0) -> ScopeResult:
        """All entries of the organization are landed. An error before the first page is raised.

        `expected_rows` (what the last run saw) lets that many rows' pages be read side by side. A page
        that can't be read leaves a gap in what is proved, and fails the scope, but not the rest of it.
        """
        scan = Scan(self._take)
        follow = partial(self._follow_side_by_side, expected_rows=expected_rows)
        try:
            return await self._read_scope(ORGANIZATION, scan, follow)
        except CalcomError as error:
            if _ends_the_run(error, ORGANIZATION) or ORGANIZATION not in self._landing.pages:
                raise
            return self._fail(ORGANIZATION, error, scan)

    async def read_user_entries(self, user_ids: Iterable[int]) -> list[ScopeResult]:
        """The entries of each user are landed, several users side by side; one's failure is its own."""
        return await self._read_each(Scope("user", user_id) for user_id in user_ids)

    async def read_teams(self) -> ScopeResult:
        """All teams of the organization are landed. An error fails the scope, and nothing else."""
        try:
            return await self._read_scope(TEAMS, Scan(self._take))
        except CalcomError as error:
            if _ends_the_run(error, TEAMS):
                raise
            return self._fail(TEAMS, error)

    async def read_team_members(self, team_ids: Iterable[int]) -> list[ScopeResult]:
        """The memberships of each team are landed, several teams side by side; one's failure is its own."""
        return await self._read_each(Scope("team", team_id=team_id) for team_id in team_ids)

    async def _read_each(self, scopes: Iterable[Scope]) -> list[ScopeResult]:
        results: list[ScopeResult] = []
        outage = Outage()
        queue = iter(scopes)
        workers = [self._drain(queue, results, outage) for _ in range(self._max_concurrency)]
        try:
            async with asyncio.TaskGroup() as group:
                for worker in workers:
                    group.create_task(worker)
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        return results

    async def _drain(self, queue: Iterator[Scope], results: list[ScopeResult], outage: Outage) -> None:
        for scope in queue:
            if (done := self._landing.ended(scope)) is not None:
                results.append(done)
                continue
            if outage.cause is None and outage.is_suspected:
                await self._look_for_outage(scope, outage)
            if outage.cause is not None:
                results.append(self._fail(scope, outage.cause))
                continue
            try:
                result = await self._read_scope(scope, Scan(self._take))
            except CalcomError as error:
                if _ends_the_run(error, scope):
                    raise
                result = self._fail(scope, error)
                outage.note_failure(error, scope)
            else:
                outage.note_success()
            results.append(result)

    async def _look_for_outage(self, scope: Scope, outage: Outage) -> None:
        """Whether the source is gone, or only some of its users or teams: the users list tells."""
        outage.is_suspected = False
        try:
            await self._client.fetch_users(self._organization_id, take=1)
        except CalcomError as error:
            if _ends_the_run(error, scope):
                raise
            outage.note_gone(error, scope)

    async def _read_scope(self, scope: Scope, scan: Scan, follow: _Follow | None = None) -> ScopeResult:
        """The scope's result, from the pages that are landed and those that are still to be asked for.

        `follow` brings the scan to its end; by default page after page.
        """
        if (done := self._landing.ended(scope)) is not None:
            return done
        for page in self._landing.pages.get(scope, []):
            scan.accept(page)
        self._traffic.setdefault(scope, Traffic(requests=scan.pages))
        error = await (follow or self._follow_in_turn)(scope, scan)
        if error is not None:
            return self._fail(scope, error, scan)
        if scan.problem == "ids_not_ascending" and await self._passes_agree(scope, scan.take):
            return self._end(scope, Verdict.COMPLETE, repairs=scan.repairs, proven=ALL_IDS)
        verdict = scan.verdict or Verdict.UNPROVEN
        return self._end(scope, verdict, repairs=scan.repairs, proven=scan.proven, problem=scan.problem)

    async def _follow_in_turn(self, scope: Scope, scan: Scan) -> None:
        """The scan is over, read one page after the other; an error is raised."""
        while not scan.is_over:
            (skip,) = scan.next_skips()
            scan.accept(self._land(scope, *await self._fetch(scope, skip, scan.take)))

    async def _follow_side_by_side(
        self, scope: Scope, scan: Scan, *, expected_rows: int
    ) -> CalcomError | None:
        """The scan is over, read several pages at once where `expected_rows` says that there are so many.

        An error is raised, or returned if the scan could step over the page.
        """
        room = self._max_concurrency
        first_error: CalcomError | None = None
        under_way: dict[asyncio.Task[tuple[Page, Records]], int] = {}
        try:
            while not scan.is_over:
                for skip in scan.next_skips(room - len(under_way), expected_rows):
                    under_way[asyncio.create_task(self._fetch(scope, skip, scan.take))] = skip
                answered, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                # What came is landed before an error ends the scope.
                for task in sorted(answered, key=lambda one: one.exception() is not None):
                    skip = under_way.pop(task)
                    try:
                        scan.accept(self._land(scope, *task.result()))
                    except CalcomError as error:
                        if _ends_the_run(error, scope) or not scan.skip_over(skip):
                            raise
                        if scan.gaps:
                            first_error = first_error or error
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
        return first_error if scan.verdict is Verdict.FAILED else None

    async def _passes_agree(self, scope: Scope, take: int) -> bool:
        """True once two readings in a row, without regard to any order, have seen the same rows."""
        passes = Passes()
        while (skip := passes.next_skip) is not None:
            page, records = await self._fetch(scope, skip, take)
            self._land(scope, page, records)
            passes.accept(records.ids, take)
        return passes.is_proven

    def _land(self, scope: Scope, page: Page, records: Records) -> Page:
        self._landing.add_page(scope, page, records)
        self._progress.page_read(scope, page.rows)
        return page

    async def _fetch(self, scope: Scope, skip: int, take: int) -> tuple[Page, Records]:
        records = await self._fetcher_of(scope)(skip=skip, take=take, traffic=self._traffic[scope])
        _check_owner(records, self._organization_id, scope)
        return Page.of_ids(skip=skip, take=take, ids=records.ids), records

    def _fetcher_of(self, scope: Scope) -> Callable[..., Awaitable[Records]]:
        """The call that gives one page of the scope, but for `skip`, `take` and `traffic`."""
        client, organization_id = self._client, self._organization_id
        if scope.user_id is not None:
            return partial(client.fetch_user_entries, organization_id, scope.user_id)
        if scope.team_id is not None:
            return partial(client.fetch_team_memberships, organization_id, scope.team_id)
        lists = {
            USERS: client.fetch_users,
            ORGANIZATION: client.fetch_organization_entries,
            TEAMS: client.fetch_teams,
        }
        return partial(lists[scope], organization_id)

    def _fail(self, scope: Scope, error: CalcomError, scan: Scan | None = None) -> ScopeResult:
        if scope.kind not in TEAM_KINDS:
            self.first_error = self.first_error or error
        proven = scan.proven if scan else ()
        problem = str(error)
        if scope == ORGANIZATION:
            problem += f"; proved all the same: {_text_of(proven)}"
        repairs = scan.repairs if scan else 0
        return self._end(scope, Verdict.FAILED, repairs=repairs, proven=proven, problem=problem)

    def _end(
        self, scope: Scope, verdict: Verdict, *, repairs: int, proven: Spans, problem: str | None = None
    ) -> ScopeResult:
        pages = len(self._landing.pages.get(scope, []))
        requests = self._traffic.get(scope, Traffic()).requests
        result = ScopeResult(scope, verdict, pages, requests, repairs, proven, problem)
        self._landing.end_scope(result)
        self._progress.scope_ended(result)
        return result


def _check_owner(records: Records, organization_id: int, scope: Scope) -> None:
    """Raise `ProtocolError` for a page of another user or team: it says nothing of this one."""
    if scope.user_id is not None:
        key, owner, noun, place = "userId", scope.user_id, "entries", f"users/{scope.user_id}/ooo"
    elif scope.team_id is not None:
        key, owner, noun, place = "teamId", scope.team_id, "memberships", f"teams/{scope.team_id}/memberships"
    else:
        return
    if strangers := {one[key] for one in records.accepted} - {owner}:
        raise ProtocolError(
            path=f"/v2/organizations/{organization_id}/{place}",
            expected=f"{noun} of {scope.label}",
            found=f"{noun} of {scope.kind} {min(strangers)}",
        )


def _ends_the_run(error: CalcomError, scope: Scope) -> bool:
    """True for what no other scope would survive either; without teams a run can do."""
    refused = isinstance(error, ApiError) and error.kind is ErrorKind.CREDENTIALS
    return refused and scope.kind not in TEAM_KINDS


def _text_of(spans: Spans) -> str:
    if not spans:
        return "nothing, so nothing is deleted"
    ((lowest, highest),) = ALL_IDS
    texts = []
    for low, high in spans:
        if high == highest:
            texts.append(f"from {low} on")
        else:
            texts.append(f"up to {high}" if low == lowest else f"{low} to {high}")
    return "ids " + ", ".join(texts)
