"""Anchored paging: which page to ask for next, and whether the pages seen so far prove a snapshot.

The server answers `skip`/`take` with a run of rows that is contiguous in ascending id order at the
instant of the answer. So each page vouches for a span of ids: every row that was alive then and whose
id lies in the span is on the page. A page at `skip=0` vouches from the lowest id up; a page shorter
than `take` vouches to the highest. **A scan is complete when the spans that its pages vouch for cover
every id.** Neither the order nor the time of the answers matters, so pages may be read concurrently,
or by an earlier process. A row that lived through the whole scan is then in one of them.

Two spans join (a *sound seam*) when the later begins at or before the row after the earlier's last id.
To make that so, the next page is asked for one row early, on the last row seen: the anchor. If rows
before it were deleted meanwhile, the page begins too far on; the scan steps back, twice as far each
time, and once it has stepped too far it halves the way: even after a mass deletion the seam is found
in a few pages. Rows are only ever inserted at the end (ids are serial) or, when a person joins the
organization, in the middle: both make pages overlap more, never less.

A page that can't be read leaves a gap: the scan goes on beyond it, and the spans on both sides stay
proven, for what a page vouches for does not depend on the others. Read later, it closes the gap.

Pure: no I/O, no clock; the state follows from the pages accepted, so accepting them again rebuilds it.
Source of the order: Prisma's implicit primary-key order, undocumented, hence checked on every page.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from operator import lt

MAX_REPAIRS = 100
"""Pages of one scan that may bring it no further before it goes on without a proof."""

MAX_PAGES = 100_000
"""Pages of one scan, 14 hours at 120 a minute, after which a server is taken to repeat itself for ever."""

MAX_GAPS = 3
"""Pages that one scan steps over before it is given up."""

Spans = tuple[tuple[int, int], ...]
"""Ids from … to …, both included."""

_EVERYTHING = 2**63 - 1
"""Beyond every id and every offset: how far a page that ends the data vouches."""

ALL_IDS: Spans = ((0, _EVERYTHING),)


class Verdict(StrEnum):
    """What a finished scope is worth: only what was proved may delete, and `unproven` proves nothing."""

    COMPLETE = "complete"
    UNPROVEN = "unproven"
    FAILED = "failed"


@dataclass(frozen=True)
class Page:
    """The facts of one page that paging needs: what was asked, and which ids came back.

    `first_id` and `last_id` are None where no record's id could be read; `unreadable` counts those.
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
        """The facts of a page whose records had `ids`, in the server's order."""
        known = [one for one in ids if one is not None]
        return cls(
            skip=skip,
            take=take,
            rows=len(ids),
            first_id=known[0] if known else None,
            last_id=known[-1] if known else None,
            is_ascending=all(map(lt, known, islice(known, 1, None))),
            unreadable=len(ids) - len(known),
        )

    @property
    def is_last(self) -> bool:
        """True if the page is shorter than asked for: no row followed it."""
        return self.rows < self.take


@dataclass(frozen=True)
class _Span:
    """Ids that pages vouch for without a gap, and the offsets of its first and last row, when read."""

    low: int
    high: int
    first_at: int = 0
    last_at: int = 0

    @classmethod
    def of_page(cls, page: Page) -> "_Span | None":
        """What the page alone vouches for; nothing, if it is empty and others were asked for before it."""
        low = 0 if page.skip == 0 else page.first_id
        if low is None:
            return None
        high = _EVERYTHING if page.is_last else page.last_id or low
        return cls(low, high, page.skip, page.skip + max(page.rows - 1, 0))

    def touches(self, other: "_Span") -> bool:
        """True if no id is between the two."""
        return self.low <= other.high + 1 and other.low <= self.high + 1

    def join(self, other: "_Span") -> "_Span":
        """Both as one."""
        first, last = min(self, other, key=lambda one: one.low), max(self, other, key=lambda one: one.high)
        return _Span(first.low, last.high, first.first_at, last.last_at)


@dataclass
class Scan:
    """One scope's scan as a state machine: `next_skips` says what to ask for, `accept` takes the answer.

    `take` is the page size, at least 2 (a page of one row cannot overlap another and move on). A scan
    whose proof has failed (`problem`) reads on to the end all the same: what it saw is still true.
    """

    take: int
    max_repairs: int = MAX_REPAIRS
    max_pages: int = MAX_PAGES
    pages: int = 0
    repairs: int = 0
    gaps: int = 0
    """Pages stepped over; a later page may have closed the gap that one left."""
    is_over: bool = False
    problem: str | None = None
    """Why the scan can't be complete, once that is known."""

    _spans: list[_Span] = field(default_factory=lambda: [_Span(0, 0)])  # apart and ascending; no id is 0
    _floor: int | None = 0  # an id in the span that is being extended; None right behind a gap
    _anchor: int = 0  # the offset of that span's last row, when it was read
    _beyond: int | None = None  # the offset of a page that began too far on, while the seam is sought
    _leap: int = 0  # how far to step back from there
    _ahead: int = 0  # where speculation goes on: past all that was asked for; nowhere once the end was seen
    _asked: set[int] = field(default_factory=set)
    _previous: Page | None = None

    def __post_init__(self) -> None:
        """Refuse a page size that can't be anchored."""
        if self.take < 2:  # noqa: PLR2004
            message = f"a page of {self.take} rows can't overlap the one before it; take at least 2"
            raise ValueError(message)

    @property
    def verdict(self) -> Verdict | None:
        """What the scan proves, once it is over."""
        if not self.is_over:
            return None
        if self.proven == ALL_IDS:
            return Verdict.COMPLETE
        return Verdict.FAILED if self.gaps else Verdict.UNPROVEN

    @property
    def proven(self) -> Spans:
        """The ids that the pages vouch for, ascending; none once the argument has failed."""
        if self.problem is not None:
            return ()
        return tuple((one.low, one.high) for one in self._spans if one.high > 0)

    def next_skips(self, room: int = 1, expected_rows: int = 0) -> list[int]:
        """Up to `room` offsets to ask for now, the anchored one first, none that is under way.

        Offsets ahead of the anchor are speculation, made only while `expected_rows` (what the last
        run saw) says that they will not run past the end.
        """
        if self.is_over or room < 1:
            return []
        seam = self._seam()
        skips = [] if seam in self._asked else [seam]
        if self._beyond is None and self.problem is None:
            begin = max(self._ahead, self._anchor + self.take - 1)
            skips += range(begin, expected_rows - self.take, self.take - 1)[: room - len(skips)]
        self._asked.update(skips)
        self._ahead = max(self._ahead, *(skip + self.take - 1 for skip in skips), 0)
        return skips

    def accept(self, page: Page) -> None:
        """Take the answer to one of the offsets asked for."""
        self._asked.discard(page.skip)
        self.pages += 1
        if self.is_over:
            return
        self._ahead = _EVERYTHING if page.is_last else max(self._ahead, page.skip + page.take - 1)
        if not page.is_ascending:
            self._give_up("ids_not_ascending")
            self.is_over = True  # without an order there is nothing to follow
        elif page.unreadable:
            self._give_up("unreadable_id")
        if self.problem is None:
            self._follow(page)
        elif not self.is_over:
            self._read_on(page)
        if self.pages >= self.max_pages and not self.is_over:
            self._give_up("no_end")
            self.is_over = True

    def skip_over(self, skip: int) -> bool:
        """Go on beyond the page at `skip`, which can't be read; False if the scan can't.

        It can't before its first page, right behind another gap, after too many, or without a proof.
        """
        self._asked.discard(skip)
        if self.is_over or skip != self._seam():
            return True  # not needed now: it is asked for again when the anchor comes there
        before = self._current()
        if self.pages == 0 or before is None or self.problem is not None or self.gaps >= MAX_GAPS:
            return False
        self.gaps += 1
        self._beyond = None
        self._anchor = skip + self.take - 1
        nearest = next((one for one in self._spans if one.low > before.high), None)
        if nearest is not None and nearest.first_at <= self._anchor:
            self._begin_at(nearest.low)
        else:
            self._floor = None
        return True

    def _current(self) -> _Span | None:
        """The span that is being extended."""
        return None if self._floor is None else self._span_with(self._floor)

    def _span_with(self, proven_id: int) -> _Span:
        return next(one for one in self._spans if one.low <= proven_id <= one.high)

    def _begin_at(self, floor: int) -> None:
        current = self._span_with(floor)
        self._floor, self._anchor = floor, current.last_at
        self.is_over = current.high == _EVERYTHING

    def _seam(self) -> int:
        """Where the next page should begin in order to join: on the anchor, as long as that holds."""
        if self._beyond is None:
            return self._anchor
        if self._beyond <= self._anchor:
            return max(0, self._beyond - self._leap)
        return max(self._anchor, (self._anchor + self._beyond - self.take) // 2)

    def _follow(self, page: Page) -> None:
        """Keep what the page vouches for, and move on, or step back, if it was the one sought."""
        before, was_sought, found = self._current(), page.skip <= self._seam(), _Span.of_page(page)
        if found is not None:
            self._keep(found)
        if before is not None and found is not None and found.low <= before.high + 1:
            self._extend(before, found)
        elif before is not None and was_sought:
            self._leap = self.take // 2 if self._beyond is None else self._leap * 2
            self._beyond = page.skip
            self._count_repair()
        elif before is None and was_sought and found is not None:
            self._begin_at(found.low)
        elif before is None and was_sought:
            self.is_over = True  # the data ended within the gap

    def _keep(self, found: _Span) -> None:
        apart = []
        for one in self._spans:
            if one.touches(found):
                found = found.join(one)
            else:
                apart.append(one)
        self._spans = sorted([*apart, found], key=lambda one: one.low)

    def _extend(self, before: _Span, found: _Span) -> None:
        now = self._span_with(before.high)
        if now.high > before.high:
            self._anchor, self._beyond = now.last_at, None
        else:
            self._anchor = found.last_at
            self._count_repair()
            if self._beyond is not None and self._beyond <= self._anchor:
                self._beyond = None
        self.is_over = now.high == _EVERYTHING

    def _count_repair(self) -> None:
        self.repairs += 1
        if self.repairs > self.max_repairs:
            self._give_up("no_sound_seam")

    def _give_up(self, problem: str) -> None:
        self.problem = self.problem or problem
        self._beyond = None

    def _read_on(self, page: Page) -> None:
        """Move on without a proof, to the page that ends the data or repeats the one before."""
        if page.skip > self._anchor:
            return  # speculation from before the proof failed
        self._anchor = max(self._anchor, page.skip + page.rows)
        repeats = (
            self._previous is not None
            and page.rows > 0
            and (page.first_id, page.last_id) == (self._previous.first_id, self._previous.last_id)
        )
        self.is_over = page.is_last or repeats
        self._previous = page
