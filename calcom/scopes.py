"""Scopes, the units of reading that end with one verdict each, and the interfaces to which they are reported."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from calcom.models import Records
from calcom.paging import Page, Spans, Verdict


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
