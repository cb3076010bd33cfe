"""Invented readings of an organization: the input of the product and of the naive engine in tests."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any


@dataclass(frozen=True)
class Calendar:
    """A work calendar: the ISO weekdays that are worked, and the public holidays."""

    weekdays: frozenset[int] = frozenset({1, 2, 3, 4, 5})
    holidays: frozenset[date] = field(default=frozenset(), repr=False)
    country: str | None = None
    subdivision: str | None = None
    categories: tuple[str, ...] = ()

    def is_working(self, day: date) -> bool:
        """Return True on a day of the work week that is not a holiday."""
        return day.isoweekday() in self.weekdays and day not in self.holidays

    def _repr_pretty_(self, printer: Any, _is_cycle: object) -> None:
        """Print the calendar without its thousand holidays, so that Hypothesis can show an example."""
        printer.text(repr(self))


@dataclass(frozen=True)
class Policy:
    """The calendars and their assignment to people, by user id or by e-mail address in lower case."""

    calendars: Mapping[str, Calendar] = field(default_factory=lambda: {"monday-to-friday": Calendar()})
    default: str = "monday-to-friday"
    people: Mapping[str | int, str] = field(default_factory=dict)
    members: Mapping[str | int, str] = field(default_factory=dict)

    def name_for(self, user_id: int, email: str | None) -> str:
        """Return the calendar of a person: by id, by address, then the same of the groups, then the default."""
        address = (email or "").lower()
        for assignment in (self.people, self.members):
            for key in (user_id, address):
                if key in assignment:
                    return assignment[key]
        return self.default


@dataclass(frozen=True)
class Absence:
    """An entry as Cal.com sends it, on one page."""

    entry_id: int
    user_id: int
    first: date
    last: date
    reason: str | None = "vacation"
    cover: int | None = None
    notes: str | None = None
    page: int = 1
    hours_ahead: int = 0
    """The hours that the server was ahead of UTC, if an old version of Cal.com stored its local time."""
    extra_hours: int = 0
    """The hours by which the last instant is later, for example after a clock change."""

    @property
    def starts_at(self) -> datetime:
        """The first instant, as Cal.com stores it."""
        return datetime.combine(self.first, time()) - timedelta(hours=self.hours_ahead)

    @property
    def ends_at(self) -> datetime:
        """The last instant, as Cal.com stores it."""
        last = datetime.combine(self.last, time(23, 59, 59, 999_000)) - timedelta(hours=self.hours_ahead)
        is_at_the_end_of_time = self.last == date.max
        return last if is_at_the_end_of_time else last + timedelta(hours=self.extra_hours)


@dataclass(frozen=True)
class Reject:
    """A record of kind `entry` or `user` that fails validation."""

    kind: str
    record_id: int | None
    user_id: int | None
    page: int = 1


@dataclass(frozen=True)
class Team:
    """A team as Cal.com sends it, on one page."""

    team_id: int
    name: str
    page: int = 1


@dataclass(frozen=True)
class Membership:
    """A membership as Cal.com sends it, on one page."""

    membership_id: int
    team_id: int
    user_id: int
    role: str = "MEMBER"
    is_accepted: bool = True
    page: int = 1


@dataclass(frozen=True)
class TeamReject:
    """A record of kind `team` or `membership` that fails validation."""

    kind: str
    record_id: int | None
    team_id: int
    user_id: int | None = None
    page: int = 1


@dataclass(frozen=True)
class TeamReading:
    """The teams of one snapshot, with the verdict of their list and that of each team that was read."""

    teams: tuple[Team, ...] = ()
    memberships: tuple[Membership, ...] = ()
    rejects: tuple[TeamReject, ...] = ()
    list_verdict: str | None = None
    verdicts: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:  # prose: allow
    """One snapshot: its records, its instant, and the verdict of each scope by `(kind, user id or None)`."""

    organization_id: int
    at: datetime
    users: tuple[int, ...] = ()
    absences: tuple[Absence, ...] = ()
    rejects: tuple[Reject, ...] = ()
    verdicts: Mapping[tuple[str, int | None], str] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    teams: TeamReading = field(default_factory=TeamReading)

    @property
    def run_id(self) -> str:
        """The id of the run that made the snapshot."""
        return f"{self.at:%Y%m%dT%H%M%S}-{self.organization_id}"

    @property
    def is_complete(self) -> bool:
        """True if every scope is complete."""
        return set(self.verdicts.values()) <= {"complete"}

    def proves(self, kind: str, user_id: int | None = None) -> bool:
        """Return True if the scope is complete."""
        return self.verdicts.get((kind, user_id)) == "complete"
