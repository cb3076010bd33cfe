"""Anchored paging: which page to ask for next, and whether the pages seen so far prove a snapshot.

The server answers `skip`/`take` with a run of rows that is contiguous in ascending id order at the
instant of the answer. So each page vouches for a span of ids: every row that was alive then and whose
id lies in the span is on the page. A page at `skip=0` vouches from the lowest id up; a page shorter
than `take` vouches to the highest. **A scan is complete when the spans that its pages vouch for cover
every id.** Neither the order nor the time of the answers matters, so pages may be read concurrently,
or by an earlier process. A row that lived through the whole scan is then in one of them.

Two spans join (a *sound seam*) when the later begins at or before the row after the earlier's last id.
To make that so, the next page is asked for one row early, on the last row seen: the anchor. If rows
before it were deleted meanwhile, the page begins too far on; the scan steps back and asks again, a
bounded number of times. Rows are only ever inserted at the end (ids are serial) or, when a person
joins the organization, in the middle: both make pages overlap more, never less.

Pure: no I/O, no clock. Source of the order: Prisma's implicit primary-key order, undocumented, hence
checked on every page.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

MAX_REPAIRS = 100
"""Pages of one scan that may bring it no further before it goes on without a proof."""

_EVERYTHING = 2**64
"""Beyond every id: how far a page that ends the data vouches."""


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
            is_ascending=all(a < b for a, b in zip(known, known[1:], strict=False)),
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
    pages: int = 0
    repairs: int = 0
    is_over: bool = False
    problem: str | None = None
    """Why the scan can't be complete, once that is known."""

    _reach: int = 0  # every row with an id up to here is on a page
    _anchor: int = 0  # where the next page begins: the offset of the last row seen
    _misses: int = 0  # anchored pages in a row that did not join
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
        return Verdict.COMPLETE if self.problem is None else Verdict.UNPROVEN

    def next_skips(self, room: int = 1, expected_rows: int = 0) -> list[int]:
        """Up to `room` offsets to ask for now, the anchored one first, none that is under way.

        Offsets ahead of the anchor are speculation, made only while `expected_rows` (what the last
        run saw) says that they will not run past the end.
        """
        if self.is_over:
            return []
        wanted = [max(0, self._anchor - self._step_back())]
        if self._misses == 0 and self.problem is None:
            have = self._asked | {island.skip for island in self._islands}
            ahead = range(self._anchor + self.take - 1, expected_rows - self.take, self.take - 1)
            wanted += [skip for skip in ahead[: room + len(have)] if skip not in have]
        fresh = [skip for skip in wanted if skip not in self._asked][: max(room, 0)]
        self._asked.update(fresh)
        return fresh

    def accept(self, page: Page) -> None:
        """Take the answer to one of the offsets asked for."""
        self._asked.discard(page.skip)
        self.pages += 1
        if self.is_over:
            return
        if self.problem is None and not page.is_ascending:
            self.problem = "ids_not_ascending"
        if self.problem is None and page.unreadable:
            self.problem = "unreadable_id"
        if self.problem is not None:
            self._read_on(page)
        elif page.skip == 0 or self._joins(page):
            self._extend(page)
        else:
            self._set_aside(page)

    def _step_back(self) -> int:
        return 0 if self._misses == 0 else (self.take // 2) << (self._misses - 1)

    def _joins(self, page: Page) -> bool:
        return page.first_id is not None and page.first_id <= self._reach + 1

    def _extend(self, page: Page) -> None:
        before = self._reach
        self._misses = 0
        self._move_to(page)
        for island in sorted(self._islands, key=lambda one: one.first_id or 0):
            if self._joins(island):
                self._islands.remove(island)
                self._move_to(island)
        if self._reach == before:
            self._count_repair()
        self.is_over = self._reach == _EVERYTHING

    def _move_to(self, page: Page) -> None:
        self._anchor = page.skip + max(page.rows - 1, 0)
        if page.is_last:
            self._reach = _EVERYTHING
        elif page.last_id is not None:
            self._reach = max(self._reach, page.last_id)

    def _set_aside(self, page: Page) -> None:
        """Keep a page that does not join; if it was the anchored one, step back further."""
        if page.first_id is not None:
            self._islands.append(page)
        if page.skip > self._anchor:
            return  # speculation: the pages before it may still come
        self._misses += 1
        self._count_repair()

    def _count_repair(self) -> None:
        self.repairs += 1
        if self.repairs > self.max_repairs:
            self.problem = "no_sound_seam"

    def _read_on(self, page: Page) -> None:
        """Move on without a proof, to the page that ends the data or repeats the one before."""
        if page.skip > self._anchor:
            return  # speculation from before the proof failed
        self._misses = 0
        self._anchor = max(self._anchor, page.skip + page.rows)
        repeats = self._previous is not None and page.rows > 0 and (
            (page.first_id, page.last_id) == (self._previous.first_id, self._previous.last_id)
        )
        self.is_over = page.is_last or repeats
        self._previous = page
