"""The scanner: reads one scope to its verdict, page by page.

A scope is all users, all entries of the organization, the entries of one user, all teams, or the memberships of
one team. Its scan continues from the pages in the store, so a resumed run requests no page twice.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from functools import partial
from typing import Any

from calcom.client import MAX_TEAMS_TAKE, CalcomClient, users_take
from calcom.connection import Traffic
from calcom.errors import ApiError, CalcomError, ErrorKind, WaitTooLongError
from calcom.list_checks import (
    EMPTY_USERS_LIST,
    PAGE_CAP,
    PAGING_IGNORED,
    TOO_MANY_TEAMS,
    check_owner,
    describe_spans,
    ignores_paging,
)
from calcom.paging import RepeatedReads, Scan
from calcom.records import Records
from calcom.scopes import (
    ALL_IDS,
    ORGANIZATION,
    TEAM_KINDS,
    TEAMS,
    USERS,
    ExtractionListener,
    Page,
    PageStore,
    Scope,
    ScopeResult,
    Spans,
    Verdict,
)

Fetch = Callable[..., Coroutine[Any, Any, Records]]
"""Requests one page; takes `skip` and `take`."""

SINGLE_SCOPES = (USERS, ORGANIZATION, TEAMS)
"""Scopes that are the only ones of their kind; the end of each is checked when it is read."""


class Scanner:
    """Reads the scopes of one organization into one page store, each to its verdict."""

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
        self._client, self.store, self._listener = client, store, listener
        self._organization_id, self._page_size = organization_id, page_size
        self.max_concurrency, self._most_teams = max_concurrency, most_teams
        self._traffic: dict[Scope, Traffic] = {}
        self._states_next: dict[Scope, bool] = {}
        self._reported: dict[Scope, Verdict] = {}
        self._valid_users = 0
        self.errors: dict[Scope, CalcomError] = {}
        """The error of each scope that has failed and was not read since, in the order of the failures."""

    async def read(self, scope: Scope, expected_rows: int = 0) -> ScopeResult:
        """Read one scope to its verdict, starting from the pages that are stored.

        `expected_rows`, the count of the previous run, lets the pages of the organization be read concurrently.
        Raises the errors that end the whole run: any error of the users list, an error of the organization's
        entries before their first page, and a refused credential. Any other error fails the scope.
        """
        if (ended := self.store.ended(scope)) is not None:
            return ended
        self.errors.pop(scope, None)
        scan, pages = self._restore_scan(scope), self.store.pages.get(scope, [])
        self._valid_users += sum(page.rows for page in pages) if scope == USERS else 0
        self._traffic.setdefault(scope, Traffic(requests=len(pages)))
        try:
            return await self._scan(scope, scan, expected_rows)
        except CalcomError as error:
            if self._ends_run(error, scope):
                raise
            return self.fail(scope, error, scan)

    async def _scan(self, scope: Scope, scan: Scan, expected_rows: int = 0) -> ScopeResult:
        """Follow the scan to its end, and end the scope."""
        fetch = self._fetcher_for(scope)
        if scope == ORGANIZATION and (error := await self._read_concurrently(scan, fetch, expected_rows)):
            return self.fail(scope, error, scan)
        while not scan.is_over and not self._has_too_many_teams(scope):
            (skip,) = scan.next_skips()
            page = self._store_page(scope, skip, scan.take, await fetch(skip=skip, take=scan.take))
            if ignores_paging(self.store.pages[scope][0], page):
                return self._end_without_paging(scope, page.rows)
            scan.accept(page)
        if self._has_too_many_teams(scope):
            return self.end(scope, Verdict.SKIPPED, repairs=0, proven=(), problem=TOO_MANY_TEAMS)
        verdict, proven, problem = scan.verdict or Verdict.UNPROVEN, scan.proven, scan.problem
        if problem == "ids_not_ascending" and await self._read_repeatedly(scope, scan.take, fetch):
            verdict, proven, problem = Verdict.COMPLETE, ALL_IDS, None
        if verdict is Verdict.COMPLETE and scope == USERS and self._valid_users == 0:
            verdict, proven, problem = Verdict.UNPROVEN, (), EMPTY_USERS_LIST
        if verdict is Verdict.COMPLETE and self._states_next.get(scope):
            verdict, proven, problem = Verdict.UNPROVEN, (), PAGE_CAP
        return self.end(scope, verdict, repairs=scan.repairs, proven=proven, problem=problem)

    async def confirm_end(self, scope: Scope) -> bool:
        """Request the last row of a complete scope again, and read on if rows follow it. Return True if none did.

        The pages behind the end are stored as evidence, so a resumed run does not request them again.
        """
        self._reported[scope] = Verdict.COMPLETE
        await self._scan(scope, self._restore_scan(scope, confirms_end=True))
        pages = self.store.pages[scope]
        first_end = min(page.skip + page.rows for page in pages if page.is_last and page.rows)
        return all(page.skip + page.rows <= first_end for page in pages if page.rows)

    async def probe(self) -> None:
        """Request one user, to find out whether Cal.com is available. Raise the error if it is not."""
        await self._client.fetch_users(self._organization_id, take=1)

    async def read_users_again(self) -> set[int | None]:
        """Read the users list once more, and return the ids in it; none if the list is not proved complete."""
        scan, ids = Scan(self._take_for(USERS), confirms_end=True), set[int | None]()
        fetch = self._fetcher_for(USERS)
        while not scan.is_over:
            (skip,) = scan.next_skips()
            records = await fetch(skip=skip, take=scan.take)
            ids.update(records.ids)
            scan.accept(self._store_page(USERS, skip, scan.take, records))
        return ids if scan.verdict is Verdict.COMPLETE else set()

    async def read_again(self, scopes: Iterable[Scope], organization_skips: Iterable[int]) -> None:
        """Read the scopes of some users again, and the organization's pages at the given offsets."""
        fetch, take = self._fetcher_for(ORGANIZATION), self._take_for(ORGANIZATION)
        for skip in organization_skips:
            self._store_page(ORGANIZATION, skip, take, await fetch(skip=skip, take=take))
        for scope in scopes:
            try:
                await self._scan(scope, Scan(self._take_for(scope)))
            except CalcomError as error:
                self.fail_unless_stopped(scope, error)

    def _has_too_many_teams(self, scope: Scope) -> bool:
        """Return True if the pages of the list of teams show more teams than are read."""
        if scope != TEAMS or self._most_teams is None or not (pages := self.store.pages.get(scope)):
            return False
        counted = (page for page in pages if page.skip == 0 or not ignores_paging(pages[0], page))
        return max(page.skip + page.rows for page in counted) > self._most_teams

    def _end_without_paging(self, scope: Scope, rows: int) -> ScopeResult:
        """End a scope whose list ignores paging: the list of teams is complete if it has fewer than 250 rows."""
        if self._has_too_many_teams(scope):
            return self.end(scope, Verdict.SKIPPED, repairs=0, proven=(), problem=TOO_MANY_TEAMS)
        if scope == TEAMS and rows < MAX_TEAMS_TAKE:
            return self.end(scope, Verdict.COMPLETE, repairs=0, proven=ALL_IDS)
        return self.end(scope, Verdict.UNPROVEN, repairs=0, proven=(), problem=PAGING_IGNORED)

    async def _read_concurrently(self, scan: Scan, fetch: Fetch, expected_rows: int) -> CalcomError | None:
        """Read the organization's pages, as many at a time as `expected_rows` allows.

        A page that fails leaves a gap in the proof, and the scan continues beyond it. Returns the first such error
        if a gap remains. Raises the error if the scan cannot continue.
        """
        first_error: CalcomError | None = None
        under_way: dict[asyncio.Task[Records], int] = {}
        try:
            while not scan.is_over:
                for skip in scan.next_skips(self.max_concurrency - len(under_way), expected_rows):
                    under_way[asyncio.create_task(fetch(skip=skip, take=scan.take))] = skip
                done, _ = await asyncio.wait(under_way, return_when=asyncio.FIRST_COMPLETED)
                # Pages are stored before an error ends the scope.
                for task in sorted(done, key=lambda task: task.exception() is not None):
                    skip = under_way.pop(task)
                    try:
                        scan.accept(self._store_page(ORGANIZATION, skip, scan.take, task.result()))
                    except CalcomError as error:
                        if stops_run(error, ORGANIZATION) or not scan.skip_over(skip):
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
            reads.accept(records.ids)
        return reads.is_proven

    def _store_page(self, scope: Scope, skip: int, take: int, records: Records) -> Page:
        check_owner(records, self._organization_id, scope)
        page = Page.of_ids(skip=skip, take=take, ids=records.ids)
        if scope == USERS:
            self._valid_users += len(records.accepted)
        self._states_next[scope] = bool(records.has_next(skip))
        self.store.add_page(scope, page, records)
        self._listener.page_read(scope, page.rows)
        return page

    def _restore_scan(self, scope: Scope, *, confirms_end: bool | None = None) -> Scan:
        """Return the scan of the scope as the stored pages left it; pages of another size do not count.

        By default, the scan confirms the end of a list that is the only one of its kind.
        """
        scan = Scan(self._take_for(scope), scope in SINGLE_SCOPES if confirms_end is None else confirms_end)
        for page in self.store.pages.get(scope, []):
            if page.take == scan.take:
                scan.accept(page)
        return scan

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
        is_unread = scope == ORGANIZATION and not self.store.pages.get(scope)
        return scope == USERS or is_unread or stops_run(error, scope)

    def fail(self, scope: Scope, error: CalcomError, scan: Scan | None = None) -> ScopeResult:
        """End a scope as failed, with the spans that `scan` has proved nevertheless."""
        self.errors[scope] = error
        proven = scan.proven if scan else ()
        problem = str(error)
        if scope == ORGANIZATION:
            problem += f"; proved nevertheless: {describe_spans(proven)}"
        repairs = scan.repairs if scan else 0
        return self.end(scope, Verdict.FAILED, repairs=repairs, proven=proven, problem=problem)

    def fail_unless_stopped(self, scope: Scope, error: CalcomError) -> None:
        """End a scope as failed. Raise the error if it stops the run."""
        if stops_run(error, scope):
            raise error
        self.fail(scope, error)

    def end(
        self, scope: Scope, verdict: Verdict, *, repairs: int, proven: Spans, problem: str | None = None
    ) -> ScopeResult:
        """Store the verdict of a scope, report it unless it was reported before, and return it."""
        pages = len(self.store.pages.get(scope, []))
        requests = self._traffic.get(scope, Traffic()).requests
        if self._most_teams is not None and scope.kind in TEAM_KINDS and verdict is not Verdict.COMPLETE:
            verdict = Verdict.SKIPPED
        result = ScopeResult(scope, verdict, pages, requests, repairs, proven, problem)
        self.store.end_scope(result)
        if self._reported.get(scope) is not verdict:
            self._reported[scope] = verdict
            self._listener.scope_ended(result)
        return result


def stops_run(error: CalcomError, scope: Scope) -> bool:
    """Return True if no other scope can be read: the credential is refused, or must pause beyond the bound.

    Teams are optional, and the credential may only lack an OAuth scope for them, so their failure stops no run.
    """
    is_refused = isinstance(error, ApiError) and error.kind is ErrorKind.CREDENTIALS
    return (is_refused or isinstance(error, WaitTooLongError)) and scope.kind not in TEAM_KINDS
