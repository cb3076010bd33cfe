"""Extraction: reads whole scopes through the client into the landing, each ending in a verdict.

A scope is all users, all entries of the organization, or one user's entries. Its scan goes on from the
pages that the landing already has, so a resumed run asks for nothing that it has. Several pages or
users are under way at once; the pacer keeps them within one budget.
"""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Protocol

from calcom.client import MAX_ENTRIES_TAKE, MAX_USERS_TAKE, CalcomClient, Traffic, is_transient
from calcom.errors import ApiError, CalcomError, ErrorKind, LandingError, ProtocolError
from calcom.landing import Landing, Scope, ScopeResult
from calcom.models import Records
from calcom.paging import ALL_IDS, Page, Scan, Spans, Verdict
from calcom.passes import Passes

USERS = Scope("users")
ORGANIZATION = Scope("organization")
OUTAGE_AFTER = 5
"""Users in a row that no usable answer came for before the users list is asked whether the source is gone."""

OUTAGE_AT_LAST_AFTER = 25
"""Users in a row after which the rest are not asked, whatever the users list says."""


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
        max_concurrency: int = 4,
    ) -> None:
        """`landing.facts` says which organization and page size."""
        self._client, self._landing, self._progress = client, landing, progress
        self._max_concurrency = max_concurrency
        self._organization_id = landing.facts.organization_id
        self._take = max(2, landing.facts.page_size)
        self._traffic: dict[Scope, Traffic] = {}
        self.first_error: CalcomError | None = None
        """The first error that failed a scope: the run's own, if nothing at all could be read."""

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
        try:
            return await self._read_scope(
                ORGANIZATION, scan, room=self._max_concurrency, expected_rows=expected_rows, steps_over=True
            )
        except CalcomError as error:
            if _ends_the_run(error) or ORGANIZATION not in self._landing.pages:
                raise
            return self._fail(ORGANIZATION, error, scan)

    async def read_user_entries(self, user_ids: Iterable[int]) -> list[ScopeResult]:
        """The entries of each user are landed, several users side by side; one's failure is its own."""
        results: list[ScopeResult] = []
        outage = _Outage()
        queue = iter(user_ids)
        workers = [self._drain(queue, results, outage) for _ in range(self._max_concurrency)]
        try:
            async with asyncio.TaskGroup() as group:
                for worker in workers:
                    group.create_task(worker)
        except ExceptionGroup as group:
            raise group.exceptions[0] from None
        return results

    async def _drain(self, queue: Iterator[int], results: list[ScopeResult], outage: "_Outage") -> None:
        for user_id in queue:
            scope = Scope("user", user_id)
            if (done := self._landing.ended(scope)) is not None:
                results.append(done)
                continue
            if outage.cause is None and outage.is_suspected:
                await self._look_for_outage(outage)
            if outage.cause is not None:
                results.append(self._fail(scope, outage.cause))
                continue
            try:
                result = await self._read_scope(scope, Scan(self._take))
            except CalcomError as error:
                if _ends_the_run(error):
                    raise
                result = self._fail(scope, error)
                outage.note_failure(error)
            else:
                outage.note_success()
            results.append(result)

    async def _look_for_outage(self, outage: "_Outage") -> None:
        """Whether the source is gone, or only some users can't be read: the users list tells."""
        outage.is_suspected = False
        try:
            await self._client.fetch_users(self._organization_id, take=1)
        except CalcomError as error:
            if _ends_the_run(error):
                raise
            outage.note_gone(error)

    async def _read_scope(
        self, scope: Scope, scan: Scan, *, room: int = 1, expected_rows: int = 0, steps_over: bool = False
    ) -> ScopeResult:
        """The scope's result, from the pages that are landed and those that are still to be asked for."""
        if (done := self._landing.ended(scope)) is not None:
            return done
        for page in self._landing.pages.get(scope, []):
            scan.accept(page)
        self._traffic.setdefault(scope, Traffic(requests=scan.pages))
        error = await self._follow(scope, scan, room=room, expected_rows=expected_rows, steps_over=steps_over)
        if error is not None:
            return self._fail(scope, error, scan)
        if scan.problem == "ids_not_ascending" and await self._passes_agree(scope, scan.take):
            return self._end(scope, Verdict.COMPLETE, repairs=scan.repairs, proven=ALL_IDS)
        verdict = scan.verdict or Verdict.UNPROVEN
        return self._end(scope, verdict, repairs=scan.repairs, proven=scan.proven, problem=scan.problem)

    async def _follow(
        self, scope: Scope, scan: Scan, *, room: int, expected_rows: int, steps_over: bool
    ) -> CalcomError | None:
        """The scan is over; an error is raised, or returned if the scan could step over the page."""
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
                        if _ends_the_run(error) or not steps_over or not scan.skip_over(skip):
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
        organization_id, traffic = self._organization_id, self._traffic[scope]
        if scope.kind == "users":
            records = await self._client.fetch_users(organization_id, skip=skip, take=take, traffic=traffic)
        elif scope.user_id is None:
            records = await self._client.fetch_organization_entries(
                organization_id, skip=skip, take=take, traffic=traffic
            )
        else:
            records = await self._client.fetch_user_entries(
                organization_id, scope.user_id, skip=skip, take=take, traffic=traffic
            )
            _check_owner(records, organization_id, scope.user_id)
        return Page.of_ids(skip=skip, take=take, ids=records.ids), records

    def _fail(self, scope: Scope, error: CalcomError, scan: Scan | None = None) -> ScopeResult:
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


class _Outage:
    """Notices when the source is gone, so that ten thousand users are not each waited for."""

    def __init__(self) -> None:
        self.cause: CalcomError | None = None
        self.is_suspected = False
        self._in_a_row = 0

    def note_failure(self, error: CalcomError) -> None:
        self._in_a_row = self._in_a_row + 1 if is_transient(error) else 0
        self.is_suspected = self._in_a_row > 0 and self._in_a_row % OUTAGE_AFTER == 0
        if self._in_a_row >= OUTAGE_AT_LAST_AFTER:
            self.note_gone(error)

    def note_success(self) -> None:
        self._in_a_row, self.is_suspected = 0, False

    def note_gone(self, error: CalcomError) -> None:
        self.cause = CalcomError(
            f"not asked, because {self._in_a_row} users in a row had failed, and last this: {error}"
        )


def _check_owner(records: Records, organization_id: int, user_id: int) -> None:
    """Raise `ProtocolError` for a page of someone else's entries: it says nothing of this user's."""
    if strangers := {one["userId"] for one in records.accepted} - {user_id}:
        raise ProtocolError(
            path=f"/v2/organizations/{organization_id}/users/{user_id}/ooo",
            expected=f"entries of user {user_id}",
            found=f"entries of user {min(strangers)}",
        )


def _ends_the_run(error: CalcomError) -> bool:
    """True for what no other scope would survive either."""
    refused = isinstance(error, ApiError) and error.kind is ErrorKind.CREDENTIALS
    return refused or isinstance(error, LandingError)


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
