"""Scopes, the units of reading that end with one verdict each, their pages, and the interfaces that receive both."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from operator import lt
from typing import Protocol

from calcom.records import Records

Spans = tuple[tuple[int, int], ...]
"""Ids from … to …, both included."""

HIGHEST_ID = 2**63 - 1
"""Above every id and every offset; a page that ends the list vouches for all ids up to this one."""

ALL_IDS: Spans = ((0, HIGHEST_ID),)


class Verdict(StrEnum):
    """The result of a scope. Rows are deleted only within proven spans; `unproven` has none."""

    COMPLETE = "complete"
    UNPROVEN = "unproven"
    FAILED = "failed"
    SKIPPED = "skipped"
    """An optional scope that was not read to its end. It is not loaded, and does not make a run partial."""


@dataclass(frozen=True)
class Scope:
    """The subject of one verdict: all users, all entries, the entries of one user, all teams, or one team."""

    kind: str
    """`users`, `organization` (all entries), `user` (one user's entries), `teams`, or `team` (its memberships)."""
    user_id: int | None = None
    team_id: int | None = None

    @property
    def label(self) -> str:
        """Return the scope in a few words, such as `users` or `user 7`."""
        subject = self.user_id or self.team_id
        return self.kind if subject is None else f"{self.kind} {subject}"


USERS = Scope("users")
ORGANIZATION = Scope("organization")
TEAMS = Scope("teams")
TEAM_KINDS = ("teams", "team")
"""Kinds of optional scopes: their failure never ends a run."""


@dataclass(frozen=True)
class Page:
    """The facts of one page that paging needs: the request, and the ids in the response.

    `first_id` and `last_id` are None if the page has no valid id; `unreadable` counts the invalid ones.
    """

    skip: int
    take: int
    rows: int
    first_id: int | None
    last_id: int | None
    is_ascending: bool
    unreadable: int = 0

    @classmethod
    def of_ids(cls, *, skip: int, take: int, ids: Sequence[int | None]) -> "Page":
        """Return the facts of a page from its ids in the server's order, None for an invalid id."""
        valid = [record_id for record_id in ids if record_id is not None]
        return cls(
            skip=skip,
            take=take,
            rows=len(ids),
            first_id=valid[0] if valid else None,
            last_id=valid[-1] if valid else None,
            is_ascending=all(map(lt, valid, islice(valid, 1, None))),
            unreadable=len(ids) - len(valid),
        )

    @property
    def is_last(self) -> bool:
        """True if the page has fewer rows than requested, so no row followed it."""
        return self.rows < self.take


@dataclass(frozen=True)
class ScopeResult:
    """The end of a scope's scan. `problem` is a code or an error's message, and None if the scope is complete."""

    scope: Scope
    verdict: Verdict
    pages: int
    requests: int
    """Requests sent for the scope: its pages, and the attempts that returned none."""
    repairs: int
    proven: Spans
    """The spans of ids that are proved: a stored entry in them that is on no page is deleted."""
    problem: str | None = None


def find_skipped(results: Iterable[ScopeResult]) -> ScopeResult | None:
    """Return the first scope that was skipped, or None. If one is skipped, no scope of teams is loaded."""
    return next((result for result in results if result.verdict is Verdict.SKIPPED), None)


def without_skipped(results: Iterable[ScopeResult]) -> list[ScopeResult]:
    """Return the results to load: all of them, or those of people and entries if teams were skipped."""
    kept = list(results)
    if find_skipped(kept) is None:
        return kept
    return [result for result in kept if result.scope.kind not in TEAM_KINDS]


class PageStore(Protocol):
    """The storage of pages and verdicts that an extraction reads into; a landing is one."""

    @property
    def pages(self) -> Mapping[Scope, list[Page]]:
        """The pages of each scope, in the order read."""

    def ended(self, scope: Scope) -> ScopeResult | None:
        """Return the result of a scope that need not be read again."""

    def add_page(self, scope: Scope, page: Page, records: Records) -> None:
        """Store one page."""

    def end_scope(self, result: ScopeResult) -> None:
        """Store the result of a scope."""


class ExtractionListener(Protocol):
    """Receives the progress of an extraction."""

    def page_read(self, scope: Scope, rows: int) -> None:
        """Handle a page that was stored."""

    def scope_ended(self, result: ScopeResult) -> None:
        """Handle the verdict of a scope."""
