"""Extraction: reads the lists of many users or teams concurrently, stops if Cal.com is unavailable, and settles them.

The rate limiter keeps the concurrent requests within one budget.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator

from calcom.errors import ApiError, CalcomError, ErrorKind, is_transient
from calcom.list_checks import LEFT_ORGANIZATION, PAGE_CAP, find_short_ends
from calcom.scanner import Scanner, stops_run
from calcom.scopes import Scope, ScopeResult, Verdict

SUSPECT_AFTER = 5
"""Consecutive failed scopes after which the users list is requested to find out whether Cal.com is available."""

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
        A refused user has left the organization, so the failure predicts nothing about the next user. A refusal by an
        edge server is not about the user, so it counts.
        """
        refusals = (ErrorKind.FORBIDDEN, ErrorKind.CREDENTIALS)
        is_general = is_transient(error) or (
            isinstance(error, ApiError)
            and (error.is_from_edge or (scope.kind == "team" and error.kind in refusals))
        )
        self._consecutive = self._consecutive + 1 if is_general else 0
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
    """Reads the entries of users and the members of teams, several lists at a time, and checks them afterwards."""

    def __init__(self, scanner: Scanner) -> None:
        """Read with `scanner`; its `max_concurrency` also bounds the number of lists that are read at a time."""
        self.scanner = scanner

    async def check_ends(self, kind: str) -> None:
        """Check that the short pages of all users, or of all teams, were the ends of their lists.

        Sends one request, for the list with the longest short page. If rows follow it, the server caps its pages, and
        the ends of all lists of this length are checked; a list whose end cannot be proved becomes `unproven`. If a
        request fails, those lists fail.
        """
        complete = [
            scope
            for scope in find_short_ends(self.scanner.store.pages, kind)
            if (ended := self.scanner.store.ended(scope)) is not None and ended.verdict is Verdict.COMPLETE
        ]
        for number, scope in enumerate(complete):
            # A kill while the scope is read again must not leave the verdict of the first read.
            self.scanner.store.end_scope(ScopeResult(scope, Verdict.FAILED, 0, 0, 0, (), PAGE_CAP))
            try:
                is_end = await self.scanner.confirm_end(scope)
            except CalcomError as error:
                for unchecked in complete[number:]:
                    self.scanner.fail_unless_stopped(unchecked, error)
                return
            if is_end and number == 0:
                return

    async def settle_departures(self, planned: Collection[int], vanished: Collection[int] = ()) -> list[int]:
        """Read the users list again if users were refused or have vanished, and settle those who have left.

        A refused user who is not in the list any more has left the organization: the scope is complete. So has a
        user of `vanished`, whose entries were all missing from the organization's entries. Users who joined since the
        list was first read are read, if users are read one by one. Returns the ids of the users who joined.
        """
        refused = [
            scope
            for scope, error in self.scanner.errors.items()
            if scope.kind == "user" and is_forbidden(error)
        ]
        if not (refused or vanished) or not (ids := await self.scanner.read_users_again()):
            return []
        for scope in (*refused, *(Scope("user", user_id) for user_id in sorted(vanished))):
            if scope.user_id not in ids:
                self.scanner.errors.pop(scope, None)
                self.scanner.end(scope, Verdict.COMPLETE, repairs=0, proven=(), problem=LEFT_ORGANIZATION)
        if not refused:
            return []
        joined = sorted(user_id for user_id in ids if user_id is not None and user_id not in planned)
        await self.read_each(Scope("user", user_id) for user_id in joined)
        return joined

    async def read_each(self, scopes: Iterable[Scope]) -> list[ScopeResult]:
        """Read the scopes of users or teams, several concurrently. The failure of one does not fail another."""
        results: list[ScopeResult] = []
        breaker = CircuitBreaker()
        queue = iter(scopes)
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self.scanner.max_concurrency):
                    group.create_task(self._drain(queue, results, breaker))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return results

    async def _drain(
        self, queue: Iterator[Scope], results: list[ScopeResult], breaker: CircuitBreaker
    ) -> None:
        for scope in queue:
            if (ended := self.scanner.store.ended(scope)) is not None:
                results.append(ended)
                continue
            async with breaker.probing:
                if breaker.cause is None and breaker.is_suspicious:
                    await self._probe(scope, breaker)
            if breaker.cause is not None:
                results.append(self.scanner.fail(scope, breaker.cause))
                continue
            results.append(await self.scanner.read(scope))
            if (error := self.scanner.errors.get(scope)) is not None:
                breaker.record_failure(error, scope)
            else:
                breaker.record_success()

    async def _probe(self, scope: Scope, breaker: CircuitBreaker) -> None:
        """Open the breaker if the users list fails, too: then Cal.com is unavailable, not some users or teams."""
        breaker.is_suspicious = False
        try:
            await self.scanner.probe()
        except CalcomError as error:
            if stops_run(error, scope):
                raise
            breaker.open(error, scope)


def is_forbidden(error: CalcomError) -> bool:
    """Return True for an HTTP 403 response: the user has left, or the credential may not read the user."""
    return isinstance(error, ApiError) and error.kind is ErrorKind.FORBIDDEN
