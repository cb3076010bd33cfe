"""Extraction: reads scopes through the client into a page store, each to a verdict.

A scope is all users, all entries of the organization, the entries of one user, all teams, or the memberships of
one team. The scan of a scope continues from the pages in the store, so a resumed run requests no page twice.
Several pages, users or teams are read concurrently; the rate limiter keeps them within one budget.
"""

import asyncio
from collections.abc import Callable, Collection, Coroutine, Iterable, Iterator
from functools import partial
from typing import Any

from calcom.client import MAX_TEAMS_TAKE, CalcomClient, users_take
from calcom.errors import ApiError, CalcomError, ErrorKind, is_transient
from calcom.list_checks import (
    EMPTY_USERS_LIST,
    LEFT_ORGANIZATION,
    MIN_TAKE,
    PAGE_CAP,
    PAGING_IGNORED,
    TOO_MANY_TEAMS,
    check_owner,
    describe_spans,
    find_short_ends,
    ignores_paging,
    is_capped,
)
from calcom.models import Records
from calcom.paging import ALL_IDS, Page, RepeatedReads, Scan, Spans, Verdict
from calcom.requester import Traffic
from calcom.scopes import (
    ORGANIZATION,
    TEAM_KINDS,
    TEAMS,
    USERS,
    ExtractionListener,
    PageStore,
    Scope,
    ScopeResult,
)

Fetch = Callable[..., Coroutine[Any, Any, Records]]
"""Requests one page; takes `skip` and `take`."""

SUSPECT_AFTER = 5
"""Consecutive failed scopes after which the users list is requested to find out whether Cal.com is available."""

SINGLE_SCOPES = (USERS, ORGANIZATION, TEAMS)
"""Scopes that are the only ones of their kind; the end of each is checked when it is read."""

OPEN_AFTER = 25
"""Consecutive failed scopes after which the remaining scopes fail without a request."""


class CircuitBreaker:
    """Stops requests for further users or teams once consecutive failures show that Cal.com is unavailable."""

    def __init__(self) -> None:
        """Start closed: requests are sent."""
        self.cause: CalcomError | None = None
        """The reason why the remaining scopes fail without a request; None while the breaker is closed."""
        self.is_suspicious = False
        """True from each fifth consecutive failure until the users list is requested, or the count is reset."""
        self.probing = asyncio.Lock()
        """Held while the users list is requested; the other scopes wait for the result."""
        self._consecutive = 0

    def record_failure(self, error: CalcomError, scope: Scope) -> None:
        """Count a failure that the next scope would meet, too.

        A refused team counts, because a credential that may list teams can lack the OAuth scope for their members.
        A refused user has left the organization, so the failure predicts nothing about the next user.
        """
        refusals = (ErrorKind.FORBIDDEN, ErrorKind.CREDENTIALS)
        is_refused_team = scope.kind == "team" and isinstance(error, ApiError) and error.kind in refusals
        self._consecutive = self._consecutive + 1 if is_transient(error) or is_refused_team else 0
        if self._consecutive % SUSPECT_AFTER == 0:
            self.is_suspicious = self._consecutive > 0
        if self._consecutive >= OPEN_AFTER:
            self.open(error, scope)

    def record_success(self) -> None:
        """Reset the count: Cal.com is available."""
        self._consecutive, self.is_suspicious = 0, False

    def open(self, error: CalcomError, scope: Scope) -> None:
        """Fail the remaining scopes without a request."""
        self.cause = CalcomError(
            f"not requested, because {self._consecutive} consecutive {scope.kind}s had failed; the last error: {error}"
        )


class Extraction:
    """Reads the scopes of one organization into one page store."""

    def __init__(  # noqa: PLR0913 - one extraction's facts
        self,
        client: CalcomClient,
        store: PageStore,
        *,
        organization_id: int,
        page_size: int,
        listener: ExtractionListener,
        max_concurrency: int = 8,
        most_teams: int | None = None,
    ) -> None:
        """`page_size` is the number of rows per page, 2 to 250; `max_concurrency` bounds the open requests.

        With `most_teams`, teams are optional: a scope of teams that cannot be read to its end is skipped, and so is
        a list of more teams.
        """
        self._client, self._store, self._listener = client, store, listener
        self._organization_id, self._page_size = organization_id, page_size
        self._max_concurrency, self._most_teams = max_concurrency, most_teams
        self._traffic: dict[Scope, Traffic] = {}
        self._states_end: dict[Scope, bool] = {}
        self._valid_users = 0
        self.errors: dict[Scope, CalcomError] = {}
        """The error of each scope that has failed and was not read since, in the order of the failures."""

    async def read(self, scope: Scope, expected_rows: int = 0) -> ScopeResult:
        """Read one scope to its verdict, starting from the pages that are stored.

        `expected_rows`, the count of the previous run, lets the pages of the organization be read concurrently.
        Raises the errors that end the whole run: any error of the users list, an error of the organization's
        entries before their first page, and a refused credential. Any other error fails the scope.
        """
        if (ended := self._store.ended(scope)) is not None:
            return ended
        self.errors.pop(scope, None)
        scan, pages = self._restore_scan(scope), self._store.pages.get(scope, [])
        self._valid_users += sum(page.rows for page in pages) if scope == USERS else 0
        self._traffic.setdefault(scope, Traffic(requests=len(pages)))
        try:
            return await self._scan(scope, scan, expected_rows)
        except CalcomError as error:
            if self._ends_run(error, scope):
                raise
            return self._fail(scope, error, scan)

    async def _scan(
        self, scope: Scope, scan: Scan, expected_rows: int = 0, *, checks_end: bool = True
    ) -> ScopeResult:
        """Follow the scan to its end, check the end of a list that is the only one of its kind, and end the scope."""
        fetch = self._fetcher_for(scope)
        if scope == ORGANIZATION and (error := await self._read_concurrently(scan, fetch, expected_rows)):
            return self._fail(scope, error, scan)
        while not scan.is_over and not self._has_too_many_teams(scope):
            (skip,) = scan.next_skips()
            page = self._store_page(scope, skip, scan.take, await fetch(skip=skip, take=scan.take))
            if ignores_paging(self._store.pages[scope][0], page):
                return self._end_without_paging(scope, page.rows)
            scan.accept(page)
        if self._has_too_many_teams(scope):
            return self._end(scope, Verdict.SKIPPED, repairs=0, proven=(), problem=TOO_MANY_TEAMS)
        verdict, proven, problem = scan.verdict or Verdict.UNPROVEN, scan.proven, scan.problem
        if problem == "ids_not_ascending" and await self._read_repeatedly(scope, scan.take, fetch):
            verdict, proven, problem = Verdict.COMPLETE, ALL_IDS, None
        if verdict is Verdict.COMPLETE and checks_end and scope in SINGLE_SCOPES:
            if scope == USERS and self._valid_users == 0:
                return self._end(
                    scope, Verdict.UNPROVEN, repairs=scan.repairs, proven=(), problem=EMPTY_USERS_LIST
                )
            if (cap := await self._find_cap(scope.kind)) is not None:
                return await self._scan_with_cap(scope, cap)
        return self._end(scope, verdict, repairs=scan.repairs, proven=proven, problem=problem)

    async def check_ends(self, kind: str) -> None:
        """Check that the short pages of all users, or of all teams, were the ends of their lists.

        Sends at most one request. If the server caps its pages, the affected scopes are read again with pages of
        that size; a scope whose end cannot be proved becomes `unproven`. If the request fails, those scopes fail.
        """
        complete = [
            scope
            for scope, _ in find_short_ends(self._store.pages, kind)
            if (ended := self._store.ended(scope)) is not None and ended.verdict is Verdict.COMPLETE
        ]
        try:
            cap = await self._find_cap(kind) if complete else None
        except CalcomError as error:
            for scope in complete:
                self._fail_unless_refused(scope, error)
            return
        if cap is None:
            return
        for scope in complete:
            # A kill while the scope is read again must not leave the verdict of the first read.
            self._store.end_scope(ScopeResult(scope, Verdict.FAILED, 0, 0, 0, (), PAGE_CAP))
            try:
                await self._scan_with_cap(scope, cap)
            except CalcomError as error:
                self._fail_unless_refused(scope, error)

    async def settle_departures(self, planned: Collection[int]) -> list[int]:
        """Read the users list again if users were refused, and settle the scopes of those who have left.

        A refused user who is not in the list any more has left the organization: the scope is complete. Users who
        joined since the list was first read are read. Returns the ids of the users who joined.
        """
        refused = [
            scope for scope, error in self.errors.items() if scope.kind == "user" and is_forbidden(error)
        ]
        if not refused:
            return []
        scan, ids = Scan(self._take_for(USERS)), set[int | None]()
        fetch = self._fetcher_for(USERS)
        while not scan.is_over:
            (skip,) = scan.next_skips()
            records = await fetch(skip=skip, take=scan.take)
            ids.update(records.ids)
            scan.accept(self._store_page(USERS, skip, scan.take, records))
        if scan.verdict is not Verdict.COMPLETE or not ids:
            return []
        for scope in refused:
            if scope.user_id not in ids:
                del self.errors[scope]
                self._end(scope, Verdict.COMPLETE, repairs=0, proven=(), problem=LEFT_ORGANIZATION)
        joined = sorted(user_id for user_id in ids if user_id is not None and user_id not in planned)
        await self.read_each(Scope("user", user_id) for user_id in joined)
        return joined

    async def read_again(self, scopes: Iterable[Scope], organization_skips: Iterable[int]) -> None:
        """Read the scopes of some users again, and the organization's pages at the given offsets."""
        fetch, take = self._fetcher_for(ORGANIZATION), self._latest_take(ORGANIZATION)
        for skip in organization_skips:
            self._store_page(ORGANIZATION, skip, take, await fetch(skip=skip, take=take))
        for scope in scopes:
            await self._scan(scope, Scan(self._latest_take(scope)), checks_end=False)

    async def _scan_with_cap(self, scope: Scope, cap: int) -> ScopeResult:
        """Read the scope again with pages of the size that the server returns at most."""
        if cap < MIN_TAKE:
            return self._end(scope, Verdict.UNPROVEN, repairs=0, proven=(), problem=PAGE_CAP)
        scan = Scan(cap)
        result = await self._scan(scope, scan, checks_end=False)
        is_honoured = any(page.rows == cap == page.take for page in self._store.pages[scope])
        if is_honoured or result.verdict is not Verdict.COMPLETE:
            return result
        return self._end(scope, Verdict.UNPROVEN, repairs=scan.repairs, proven=(), problem=PAGE_CAP)

    async def _find_cap(self, kind: str) -> int | None:
        """Return the size at which the server caps the pages of this kind of list; None if it honours `take`.

        Requests the rows behind the longest short page, unless they are stored already or the response itself stated
        whether a row follows. The page behind is stored as evidence, so a resumed run does not request it again.
        """
        ends = find_short_ends(self._store.pages, kind)
        if not ends:
            return None
        scope, page = ends[0]
        if (is_end := self._states_end.get(scope)) is not None:
            return None if is_end else page.rows
        skip, pages = page.skip + page.rows, self._store.pages[scope]
        behind = next((other for other in pages if (other.skip, other.take) == (skip, page.take)), None)
        if behind is None:
            records = await self._fetcher_for(scope)(skip=skip, take=page.take)
            behind = self._store_page(scope, skip, page.take, records)
        return page.rows if is_capped(pages[0], behind) else None

    def _has_too_many_teams(self, scope: Scope) -> bool:
        """Return True if the pages of the list of teams show more teams than are read."""
        if scope != TEAMS or self._most_teams is None or not (pages := self._store.pages.get(scope)):
            return False
        counted = (page for page in pages if page.skip == 0 or not ignores_paging(pages[0], page))
        return max(page.skip + page.rows for page in counted) > self._most_teams

    def _end_without_paging(self, scope: Scope, rows: int) -> ScopeResult:
        """End a scope whose list ignores paging: the list of teams is complete if it has fewer than 250 rows."""
        if self._has_too_many_teams(scope):
            return self._end(scope, Verdict.SKIPPED, repairs=0, proven=(), problem=TOO_MANY_TEAMS)
        if scope == TEAMS and rows < MAX_TEAMS_TAKE:
            return self._end(scope, Verdict.COMPLETE, repairs=0, proven=ALL_IDS)
        return self._end(scope, Verdict.UNPROVEN, repairs=0, proven=(), problem=PAGING_IGNORED)

    async def read_each(self, scopes: Iterable[Scope]) -> list[ScopeResult]:
        """Read the scopes of users or teams, several concurrently. The failure of one does not fail another."""
        results: list[ScopeResult] = []
        breaker = CircuitBreaker()
        queue = iter(scopes)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._max_concurrency):
                    group.create_task(self._drain(queue, results, breaker))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return results

    async def _drain(
        self, queue: Iterator[Scope], results: list[ScopeResult], breaker: CircuitBreaker
    ) -> None:
        for scope in queue:
            if (ended := self._store.ended(scope)) is not None:
                results.append(ended)
                continue
            async with breaker.probing:
                if breaker.cause is None and breaker.is_suspicious:
                    await self._probe(scope, breaker)
            if breaker.cause is not None:
                results.append(self._fail(scope, breaker.cause))
                continue
            results.append(await self.read(scope))
            if (error := self.errors.get(scope)) is not None:
                breaker.record_failure(error, scope)
            else:
                breaker.record_success()

    async def _probe(self, scope: Scope, breaker: CircuitBreaker) -> None:
        """Open the breaker if the users list fails, too: then Cal.com is unavailable, not some users or teams."""
        breaker.is_suspicious = False
        try:
            await self._client.fetch_users(self._organization_id, take=1)
        except CalcomError as error:
            if _is_refused_credential(error, scope):
                raise
            breaker.open(error, scope)

    async def _read_concurrently(self, scan: Scan, fetch: Fetch, expected_rows: int) -> CalcomError | None:
        """Read the organization's pages, as many at a time as `expected_rows` allows.

        A page that fails leaves a gap in the proof, and the scan continues beyond it. Returns the first such error
        if a gap remains. Raises the error if the scan cannot continue.
        """
        first_error: CalcomError | None = None
        under_way: dict[asyncio.Task[Records], int] = {}
        try:
            while not scan.is_over:
                for skip in scan.next_skips(self._max_concurrency - len(under_way), expected_rows):
                    under_way[asyncio.create_task(fetch(skip=skip, take=scan.take))] = skip
                done, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                # Pages are stored before an error ends the scope.
                for task in sorted(done, key=lambda task: task.exception() is not None):
                    skip = under_way.pop(task)
                    try:
                        scan.accept(self._store_page(ORGANIZATION, skip, scan.take, task.result()))
                    except CalcomError as error:
                        if _is_refused_credential(error, ORGANIZATION) or not scan.skip_over(skip):
                            raise
                        if scan.gaps:
                            first_error = first_error or error
        finally:
            for task in under_way:
                task.cancel()
            await asyncio.gather(*under_way, return_exceptions=True)
        return first_error if scan.verdict is Verdict.FAILED else None

    async def _read_repeatedly(self, scope: Scope, take: int, fetch: Fetch) -> bool:
        """Return True once two consecutive reads, in any order of rows, have returned the same rows."""
        reads = RepeatedReads()
        while (skip := reads.next_skip) is not None:
            records = await fetch(skip=skip, take=take)
            self._store_page(scope, skip, take, records)
            reads.accept(records.ids, take)
        return reads.is_proven

    def _store_page(self, scope: Scope, skip: int, take: int, records: Records) -> Page:
        check_owner(records, self._organization_id, scope)
        page = Page.of_ids(skip=skip, take=take, ids=records.ids)
        if scope == USERS:
            self._valid_users += len(records.accepted)
        if page.is_last and (has_next := records.has_next(skip)) is not None:
            self._states_end[scope] = not has_next
        self._store.add_page(scope, page, records)
        self._listener.page_read(scope, page.rows)
        return page

    def _restore_scan(self, scope: Scope) -> Scan:
        """Return the scan of the scope as the stored pages left it.

        Pages of an earlier size do not count: the server had capped them.
        """
        scan = Scan(self._latest_take(scope))
        for page in self._store.pages.get(scope, []):
            if page.take == scan.take:
                scan.accept(page)
        return scan

    def _latest_take(self, scope: Scope) -> int:
        """Return the size of the scope's latest page: it is smaller than configured if the server caps pages."""
        pages = self._store.pages.get(scope)
        return pages[-1].take if pages else self._take_for(scope)

    def _take_for(self, scope: Scope) -> int:
        return users_take(self._page_size) if scope == USERS else self._page_size

    def _fetcher_for(self, scope: Scope) -> Fetch:
        """Return the client's method for one page of the scope; it takes `skip` and `take`."""
        client, organization_id = self._client, self._organization_id
        traffic = self._traffic.setdefault(scope, Traffic())
        if scope.user_id is not None:
            return partial(client.fetch_user_entries, organization_id, scope.user_id, traffic=traffic)
        if scope.team_id is not None:
            return partial(client.fetch_team_memberships, organization_id, scope.team_id, traffic=traffic)
        lists = {
            USERS: client.fetch_users,
            ORGANIZATION: client.fetch_organization_entries,
            TEAMS: client.fetch_teams,
        }
        return partial(lists[scope], organization_id, traffic=traffic)

    def _ends_run(self, error: CalcomError, scope: Scope) -> bool:
        """Return True for an error that no other scope could survive."""
        is_unread = scope == ORGANIZATION and not self._store.pages.get(scope)
        return scope == USERS or is_unread or _is_refused_credential(error, scope)

    def _fail(self, scope: Scope, error: CalcomError, scan: Scan | None = None) -> ScopeResult:
        self.errors[scope] = error
        # After a whole scan, the request that failed is the one that checks the end: the end is not proved.
        proven = scan.proven if scan and scan.proven != ALL_IDS else ()
        problem = str(error)
        if scope == ORGANIZATION:
            problem += f"; proved nevertheless: {describe_spans(proven)}"
        repairs = scan.repairs if scan else 0
        return self._end(scope, Verdict.FAILED, repairs=repairs, proven=proven, problem=problem)

    def _fail_unless_refused(self, scope: Scope, error: CalcomError) -> None:
        if _is_refused_credential(error, scope):
            raise error
        self._fail(scope, error)

    def _end(
        self, scope: Scope, verdict: Verdict, *, repairs: int, proven: Spans, problem: str | None = None
    ) -> ScopeResult:
        pages = len(self._store.pages.get(scope, []))
        requests = self._traffic.get(scope, Traffic()).requests
        if self._most_teams is not None and scope.kind in TEAM_KINDS and verdict is not Verdict.COMPLETE:
            verdict = Verdict.SKIPPED
        result = ScopeResult(scope, verdict, pages, requests, repairs, proven, problem)
        self._store.end_scope(result)
        self._listener.scope_ended(result)
        return result


def is_forbidden(error: CalcomError) -> bool:
    """Return True for an HTTP 403 response: the user has left, or the credential may not read the user."""
    return isinstance(error, ApiError) and error.kind is ErrorKind.FORBIDDEN


def _is_refused_credential(error: CalcomError, scope: Scope) -> bool:
    """Return True if the credential is refused; for teams it may only lack an OAuth scope, so they can be omitted."""
    is_refused = isinstance(error, ApiError) and error.kind is ErrorKind.CREDENTIALS
    return is_refused and scope.kind not in TEAM_KINDS
