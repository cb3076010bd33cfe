"""Facts of a run that are landed beside its records: what it reads, its scopes, their pages and verdicts."""

from dataclasses import asdict, dataclass
from datetime import datetime

from calcom.paging import Page, Spans, Verdict


@dataclass(frozen=True)
class Scope:
    """What one verdict is about: all users, all entries or one user's, all teams, or one team's members."""

    kind: str
    """`users`, `organization`, `user`, `teams`, or `team` (its memberships)."""
    user_id: int | None = None
    team_id: int | None = None

    @property
    def label(self) -> str:
        """The scope in a few words, such as `users` or `user 7`."""
        subject = self.user_id or self.team_id
        return self.kind if subject is None else f"{self.kind} {subject}"


@dataclass(frozen=True)
class ScopeResult:
    """How a scope's scan ended. `problem` is a code or an error's message, None when complete."""

    scope: Scope
    verdict: Verdict
    pages: int
    requests: int
    """What was sent for it: its pages, and the attempts that gave none."""
    repairs: int
    proven: Spans
    """The ids that were proved whole: what of them is not on a page is gone."""
    problem: str | None = None


@dataclass(frozen=True)
class LandedPage:
    """One page's facts as landed, with the scope whose scan it belongs to and its number in the run."""

    scope: Scope
    page: Page
    number: int


@dataclass(frozen=True)
class RunFacts:
    """What a run reads; two runs can share a landing only if all of it but the id and time agree."""

    run_id: str
    started_at: datetime
    api_url: str
    organization_id: int
    strategy: str
    page_size: int
    keeps_notes: bool

    def reads_the_same_as(self, other: "RunFacts") -> bool:
        """True if `other` would land the same records."""
        mine, others = asdict(self), asdict(other)
        return all(mine[key] == others[key] for key in mine.keys() - {"run_id", "started_at"})
