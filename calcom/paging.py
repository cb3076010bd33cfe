"""Paging with a proof: which page to request next, and whether the pages read so far prove a snapshot.

The server answers `skip` and `take` with rows that are contiguous in ascending id order at that instant. So each
page vouches for a span of ids: every row that existed at that instant and whose id lies in the span is on the page.
A page at `skip=0` vouches for all ids from the lowest up, and a page that ends the list for all ids up to the
highest. **A scan is complete when the spans of its pages cover every id.** Neither the order nor the time of the
pages matters: they may be read concurrently, or by an earlier process.

Two spans join (a *sound seam*) when the later span begins at most one id after the end of the earlier one. The scan
therefore requests the next page one row early, on the last row read: the *anchor*. If rows before the anchor were
deleted meanwhile, the page begins too far on. The scan then steps back, twice as far each time, and halves the
distance once it has stepped back too far. A page that cannot be read leaves a gap: the spans on both sides stay
proven. `docs/architecture.md` has the whole argument.

A page shorter than `take` ends the list only if the server returns as many rows as are requested. Gateways and other
versions of the server can cut pages. With `confirms_end`, a scan therefore requests the last row again: if the
response has this row alone, no row follows it. Otherwise the short page was cut, and the scan continues.

The module is pure: no I/O and no clock. The state follows from the accepted pages, so accepting them again
restores it. Source of the order: Prisma's implicit order by primary key. It is undocumented, so the order
of every page is checked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from calcom.scopes import ALL_IDS, HIGHEST_ID, Page, Spans, Verdict

MAX_REPAIRS = 100
"""The number of pages without progress after which a scan continues without a proof."""

MAX_SINGLE_ROWS = 3
"""The number of pages with one row, and none with more, after which the server is taken to return one row per page."""

MAX_PAGES = 100_000
"""The number of pages after which a scan ends, because the server probably repeats itself.

At 120 requests per minute, 100,000 pages take 14 hours.
"""

MAX_GAPS = 3
"""The number of unreadable pages that one scan steps over."""

MAX_REPEATED_READS = 4
"""The number of times that a list without ascending ids is read until two reads in a row agree."""


@dataclass(frozen=True)
class _Span:
    """Ids that pages vouch for without a gap, with the offsets of the first and last row when read."""

    low: int
    high: int
    first_at: int = 0
    last_at: int = 0

    @classmethod
    def of_page(cls, page: Page, *, is_end: bool) -> "_Span | None":
        """Return the span of a page alone, up to the highest id if `is_end`.

        Return None for an empty page, unless its `skip` is 0.
        """
        low = 0 if page.skip == 0 else page.first_id
        if low is None:
            return None
        high = HIGHEST_ID if is_end else page.last_id or low
        return cls(low, high, page.skip, page.skip + page.rows - 1)

    def touches(self, other: "_Span") -> bool:
        """Return True if no id lies between the two spans."""
        return self.low <= other.high + 1 and other.low <= self.high + 1

    def join(self, other: "_Span") -> "_Span":
        """Return the union of two spans that touch."""
        first = min(self, other, key=lambda span: span.low)
        last = max(self, other, key=lambda span: span.high)
        return _Span(first.low, last.high, first.first_at, last.last_at)


@dataclass
class Scan:
    """The scan of one scope as a state machine: `next_skips` returns offsets, `accept` takes the pages.

    `take` is the page size, at least 2, because a page of one row cannot overlap another one and advance.
    A scan whose proof has failed (`problem`) still reads to the end: the rows that it reads are true.
    """

    take: int
    confirms_end: bool = False
    """A short page ends the list only if its last row, requested again, is the only row of the response."""
    max_repairs: int = MAX_REPAIRS
    max_pages: int = MAX_PAGES
    pages: int = 0
    repairs: int = 0
    gaps: int = 0
    """Pages stepped over. A later page may have closed the gap."""
    is_over: bool = False
    problem: str | None = None
    """The code of the reason why the scan cannot be complete."""

    _spans: list[_Span] = field(default_factory=lambda: [_Span(0, 0)])  # disjoint, ascending; no id is 0
    _current_id: int | None = 0  # an id in the span that is being extended; None right behind a gap
    _anchor: int = 0  # the offset of the last row of that span, when it was read
    _overshoot: int | None = None  # the offset of a page that began too far on, while the seam is sought
    _step_back: int = 0  # the distance to step back from that offset
    _speculate_from: int = 0  # the first offset that was not requested; HIGHEST_ID once the end was seen
    _in_flight: set[int] = field(default_factory=set)
    _longest: int = 0  # the number of rows of the longest page
    _single_rows: int = 0  # the number of pages with one row
    _previous: Page | None = None

    def __post_init__(self) -> None:
        """Raise `ValueError` for a page size that cannot be anchored."""
        if self.take < 2:  # noqa: PLR2004
            message = f"a page of {self.take} rows cannot overlap the page before it; take at least 2"
            raise ValueError(message)

    @property
    def verdict(self) -> Verdict | None:
        """The result of the scan; None until it is over."""
        if not self.is_over:
            return None
        if self.proven == ALL_IDS:
            return Verdict.COMPLETE
        return Verdict.FAILED if self.gaps else Verdict.UNPROVEN

    @property
    def proven(self) -> Spans:
        """The spans that the pages vouch for, ascending; empty once the proof has failed."""
        if self.problem is not None:
            return ()
        return tuple((span.low, span.high) for span in self._spans if span.high > 0)

    def next_skips(self, room: int = 1, expected_rows: int = 0) -> list[int]:
        """Return up to `room` offsets to request now, the anchor first, without those in flight.

        Offsets beyond the anchor are speculation. `expected_rows`, the rows of the last run, bounds them,
        so that they do not run past the end.
        """
        if self.is_over or room < 1:
            return []
        seam = self._seam()
        skips = [] if seam in self._in_flight else [seam]
        if self._overshoot is None and self.problem is None:
            begin = max(self._speculate_from, self._anchor + self.take - 1)
            skips += range(begin, expected_rows - self.take, self.take - 1)[: room - len(skips)]
        self._in_flight.update(skips)
        self._speculate_from = max(self._speculate_from, *(skip + self.take - 1 for skip in skips), 0)
        return skips

    def accept(self, page: Page) -> None:
        """Take the page at one of the requested offsets."""
        self._in_flight.discard(page.skip)
        self.pages += 1
        self._longest = max(self._longest, page.rows)
        self._single_rows += page.rows == 1
        if self.is_over:
            return
        next_offset = HIGHEST_ID if page.is_last else page.skip + page.take - 1
        self._speculate_from = max(self._speculate_from, next_offset)
        if not page.is_ascending:
            self._abandon_proof("ids_not_ascending")
            self.is_over = True  # without ascending ids there is no anchor
        elif page.unreadable:
            self._abandon_proof("unreadable_id")
        if self.confirms_end and self._longest == 1 and self._single_rows > MAX_SINGLE_ROWS:
            self._abandon_proof("page_cap")
            self.is_over = True  # pages of one row cannot overlap
        if self.problem is None:
            self._extend_proof(page)
        elif not self.is_over:
            self._continue_without_proof(page)
        if self.pages >= self.max_pages and not self.is_over:
            self._abandon_proof("no_end")
            self.is_over = True

    def skip_over(self, skip: int) -> bool:
        """Continue behind the page at `skip`, which cannot be read; return False if that is impossible.

        It is impossible before any page was read, right behind another gap, after `MAX_GAPS` gaps, and once
        the proof has failed.
        """
        self._in_flight.discard(skip)
        if self.is_over or skip != self._seam():
            return True  # not needed now: it is requested again when the anchor arrives there
        current = self._current_span()
        if self.pages == 0 or current is None or self.problem is not None or self.gaps >= MAX_GAPS:
            return False
        self.gaps += 1
        self._overshoot = None
        self._anchor = skip + self.take - 1
        following = next((span for span in self._spans if span.low > current.high), None)
        if following is not None and following.first_at <= self._anchor:
            self._continue_from(following.low)
        else:
            self._current_id = None
        return True

    def _current_span(self) -> _Span | None:
        """Return the span that is being extended; None right behind a gap."""
        return None if self._current_id is None else self._span_with(self._current_id)

    def _span_with(self, proven_id: int) -> _Span:
        return next(span for span in self._spans if span.low <= proven_id <= span.high)

    def _continue_from(self, proven_id: int) -> None:
        current = self._span_with(proven_id)
        self._current_id, self._anchor = proven_id, current.last_at
        self.is_over = current.high == HIGHEST_ID

    def _ends_list(self, page: Page) -> bool:
        """Return True if the page shows that no row follows it."""
        if not self.confirms_end:
            return page.is_last
        return page.rows == 0 or (page.rows == 1 < self._longest and page.is_last)

    def _seam(self) -> int:
        """Return the offset where the next page should begin in order to join the current span.

        A single row cannot be requested again without its whole list, so the page behind it is requested.
        """
        if self._overshoot is None:
            is_single_row = self.confirms_end and self._anchor == 0 and self._longest == 1
            return 1 if is_single_row else self._anchor
        if self._overshoot <= self._anchor:
            return max(0, self._overshoot - self._step_back)
        return max(self._anchor, (self._anchor + self._overshoot - self.take) // 2)

    def _extend_proof(self, page: Page) -> None:
        """Add the page's span; if the page is the one at the seam, advance or step back."""
        current, is_at_seam = self._current_span(), page.skip <= self._seam()
        span = _Span.of_page(page, is_end=self._ends_list(page))
        if page.rows == 0 and page.skip == self._longest == 1:  # behind the only row of the list
            self._add_span(_Span(0, HIGHEST_ID))
            self.is_over = True
            return
        if span is not None:
            self._add_span(span)
        if current is not None and span is not None and span.low <= current.high + 1:
            self._advance(current, span)
        elif current is not None and is_at_seam:
            self._step_back = self.take // 2 if self._overshoot is None else self._step_back * 2
            self._overshoot = page.skip
            self._count_repair()
        elif current is None and is_at_seam and span is not None:
            self._continue_from(span.low)
        elif current is None and is_at_seam:
            self.is_over = True  # the list ended within the gap

    def _add_span(self, added: _Span) -> None:
        separate = []
        for span in self._spans:
            if span.touches(added):
                added = added.join(span)
            else:
                separate.append(span)
        self._spans = sorted([*separate, added], key=lambda span: span.low)

    def _advance(self, current: _Span, added: _Span) -> None:
        """Move the anchor to the end of the joined span; count a repair if it is no further than before.

        A page behind the anchor that was read ahead changes nothing.
        """
        joined = self._span_with(current.high)
        if joined.high > current.high:
            self._anchor, self._overshoot = joined.last_at, None
        elif self._overshoot is not None or added.last_at > self._anchor:
            self._anchor = added.last_at
            self._count_repair()
            if self._overshoot is not None and self._overshoot <= self._anchor:
                self._overshoot = None
        self.is_over = joined.high == HIGHEST_ID

    def _count_repair(self) -> None:
        self.repairs += 1
        if self.repairs > self.max_repairs:
            self._abandon_proof("no_sound_seam")

    def _abandon_proof(self, problem: str) -> None:
        self.problem = self.problem or problem
        self._overshoot = None

    def _continue_without_proof(self, page: Page) -> None:
        """Advance by the rows read, up to a page that ends the list or repeats the page before it."""
        if page.skip > self._anchor:
            return  # speculation from before the proof failed
        self._anchor = max(self._anchor, page.skip + page.rows)
        repeats = self._previous is not None and (page.first_id, page.last_id) == (
            self._previous.first_id,
            self._previous.last_id,
        )
        self.is_over = (page.rows == 0 if self.confirms_end else page.is_last) or repeats
        self._previous = page


@dataclass
class RepeatedReads:
    """Reads a list from start to end repeatedly, until two reads in a row agree; its ids need not ascend.

    Two reads agree when both return the same n ids, no id twice, up to an empty page. Then no
    row is missing, in any order of the rows. At the end of the first read, the list had at most n rows.
    Suppose that one of them was not among the n ids. Then one of the n rows was already gone, so the second
    read could not return it, and the reads did not agree. (A row that is gone does not return within two
    reads: ids are serial, and a person who leaves stays away for that long.)
    """

    max_pages: int = MAX_PAGES
    reads: int = 0
    """The number of reads that have ended."""
    is_proven: bool = False
    _ids: list[int] = field(default_factory=list)
    _distinct_ids: set[int] = field(default_factory=set)
    _previous: frozenset[int] | None = None
    _pages: int = 0
    _is_unprovable: bool = False

    @property
    def next_skip(self) -> int | None:
        """The offset of the next page; None once two reads agree or no further read can prove the list."""
        is_settled = self.is_proven or self.reads >= MAX_REPEATED_READS or self._is_unprovable
        return None if is_settled else len(self._ids)

    def accept(self, ids: Sequence[int | None]) -> None:
        """Take the ids of the page at `next_skip`, in the server's order; None is an invalid id."""
        valid = [record_id for record_id in ids if record_id is not None]
        self._pages += 1
        self._is_unprovable |= len(valid) < len(ids) or self._pages >= self.max_pages
        is_repetition = not self._distinct_ids.isdisjoint(valid) and self._distinct_ids.issuperset(valid)
        self._ids += valid
        self._distinct_ids.update(valid)
        is_end = not ids
        if is_end or is_repetition:
            self._end_read(is_whole=is_end and len(self._distinct_ids) == len(self._ids))

    def _end_read(self, *, is_whole: bool) -> None:
        ids = frozenset(self._distinct_ids) if is_whole else None
        self.is_proven = not self._is_unprovable and ids is not None and ids == self._previous
        self._previous, self._ids, self._distinct_ids = ids, [], set()
        self.reads += 1
