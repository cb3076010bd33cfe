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

Pure: no I/O, no clock; the state follows from the pages accepted, so accepting them again rebuilds it.
Source of the order: Prisma's implicit primary-key order, undocumented, hence checked on every page.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise

MAX_REPAIRS = 100
"""Pages of one scan that may bring it no further before it goes on without a proof."""

MAX_PAGES = 100_000
"""Pages of one scan, 14 hours at 120 a minute, after which a server is taken to repeat itself for ever."""

MAX_GAPS = 3
"""Pages of one scan that may be unreadable before it is given up."""

MAX_PASSES = 4
"""Times that a table without ascending ids is read in order to see two passes agree."""

Spans = tuple[tuple[int, int], ...]
"""Ids from … to …, both included."""

_EVERYTHING = 2**63 - 1
"""Beyond every id and every offset: how far a page that ends the data vouches."""

ALL_IDS: Spans = ((0, _EVERYTHING),)


class Verdict(StrEnum):
    """What a finished scope is worth: only `complete` may delete."""

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
            is_ascending=all(a < b for a, b in pairwise(known)),
            unreadable=len(ids) - len(known),
        )

    @property
    def is_last(self) -> bool:
        """True if the page is shorter than asked for: no row followed it."""
        return self.rows < self.take


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
    is_over: bool = False
    problem: str | None = None
    """Why the scan can't be complete, once that is known."""

    gaps: int = 0
    _spans: list[tuple[int, int]] = field(default_factory=list)  # proven before the last gap
    _floor: int | None = 0  # from here to reach every row is on a page; None right behind a gap
    _reach: int = 0
    _anchor: int = 0  # the offset of the last row within reach, when it was read
    _beyond: int | None = None  # the offset of a page that began too far on, while the seam is sought
    _leap: int = 0  # how far to step back from there
    _ahead: int = 0  # where speculation goes on: past all that was asked for; nowhere once the end was seen
    _islands: list[Page] = field(default_factory=list)  # pages beyond a gap
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
        if self.problem is not None:
            return Verdict.UNPROVEN
        return Verdict.FAILED if self.gaps else Verdict.COMPLETE

    @property
    def proven(self) -> Spans:
        """The ids that the pages vouch for, ascending; none once the argument has failed."""
        if self.problem is not None:
            return ()
        if self.verdict is Verdict.COMPLETE:
            return ALL_IDS
        spans = [*self._spans, (self._floor, self._reach)] if self._floor is not None else self._spans
        return tuple((low, high) for low, high in spans if high > 0)

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
        elif self._floor is None:
            self._begin_behind_gap(page)
        if self.is_over:
            return
        if self.problem is not None:
            self._read_on(page)
        elif page.skip == 0 or self._joins(page):
            self._extend(page)
        else:
            self._set_aside(page)
        if self.pages >= self.max_pages and not self.is_over:
            self._give_up("no_end")
            self.is_over = True

    def skip_over(self, skip: int) -> bool:
        """Go on beyond the page at `skip`, which can't be read; False if the scan can't.

        It can't before its first page, behind another gap, or after too many.
        """
        self._asked.discard(skip)
        if self.pages == 0 or self._floor is None or self.problem is not None or self.gaps >= MAX_GAPS:
            return False
        if skip > self._seam():
            return True  # speculation: it is asked for again when the anchor comes there
        self.gaps += 1
        self._beyond = None
        self._spans.append((self._floor, self._reach))
        self._floor = None
        self._anchor = skip + self.take
        if self._islands:
            nearest = min(self._islands, key=lambda one: one.first_id or 0)
            self._begin_behind_gap(nearest)
            self._extend(nearest)
        return True

    def _begin_behind_gap(self, page: Page) -> None:
        """Vouch from the page's first row on; if it has none, the data ended within the gap."""
        if page.first_id is None:
            self.is_over = True
        else:
            self._floor, self._reach = page.first_id, page.first_id - 1

    def _seam(self) -> int:
        """Where the next page should begin in order to join: on the anchor, as long as that holds."""
        if self._beyond is None:
            return self._anchor
        if self._beyond <= self._anchor:
            return max(0, self._beyond - self._leap)
        return max(self._anchor, (self._anchor + self._beyond - self.take) // 2)

    def _joins(self, page: Page) -> bool:
        return page.first_id is not None and page.first_id <= self._reach + 1

    def _extend(self, page: Page) -> None:
        before = self._reach
        self._move_to(page)
        islands, self._islands = sorted(self._islands, key=lambda one: one.first_id or 0), []
        for island in islands:
            if not self._joins(island):
                self._islands.append(island)
            elif island.is_last or (island.last_id or 0) > self._reach:
                self._move_to(island)
        if self._reach == before:
            self._count_repair()
        if self._reach > before or (self._beyond is not None and self._beyond <= self._anchor):
            self._beyond = None
        self.is_over = self._reach == _EVERYTHING

    def _move_to(self, page: Page) -> None:
        self._anchor = page.skip + max(page.rows - 1, 0)
        if page.is_last:
            self._reach = _EVERYTHING
        elif page.last_id is not None:
            self._reach = max(self._reach, page.last_id)

    def _set_aside(self, page: Page) -> None:
        """Keep a page that does not join; if it was asked for in order to join, seek the seam before it."""
        was_sought = page.skip <= self._seam()
        if page.first_id is not None:
            self._islands.append(page)
        if was_sought:
            self._leap = self.take // 2 if self._beyond is None else self._leap * 2
            self._beyond = page.skip
            self._count_repair()

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


@dataclass
class Passes:
    """Reading a table whose ids do not ascend, again and again, until two passes in a row agree."""

    passes: int = 0
    is_proven: bool = False
    _ids: list[int] = field(default_factory=list)
    _previous: frozenset[int] | None = None
    _is_unreadable: bool = False

    @property
    def next_skip(self) -> int | None:
        """Where to read on, or None once it is settled."""
        is_settled = self.is_proven or self.passes >= MAX_PASSES or self._is_unreadable
        return None if is_settled else len(self._ids)

    def accept(self, ids: Sequence[int | None], take: int) -> None:
        """Take the ids of the page at `next_skip`, in the server's order."""
        known = [one for one in ids if one is not None]
        self._is_unreadable |= len(known) < len(ids)
        self._ids += known
        if len(ids) >= take and len(self._ids) < MAX_PAGES * take:
            return
        seen = frozenset(self._ids)
        whole = seen if len(seen) == len(self._ids) and len(ids) < take else None
        self.is_proven = whole is not None and whole == self._previous
        self._previous, self._ids = whole, []
        self.passes += 1
