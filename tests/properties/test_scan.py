"""A complete scan has every row that existed during the whole scan, even if other rows change meanwhile."""

import random
from bisect import insort
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from calcom.paging import MAX_GAPS, MAX_REPEATED_READS, RepeatedReads, Scan
from calcom.scopes import ALL_IDS, Page, Verdict
from calcom.strategy import pages_for, requests_for_lists


@dataclass
class Table:
    """Ascending ids that change: new rows at the end, rows of people who join anywhere, deletions."""

    chance: random.Random
    rows: int
    ids: list[int] = field(default_factory=list)
    survivors: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Use every third id; the other ids belong to people who may join."""
        self.ids = list(range(3, 3 * self.rows + 3, 3))
        self.survivors = set(self.ids)

    def change(self) -> None:
        """Make one random change, of the size that a person or an administrator causes."""
        kind = self.chance.choice(["append", "join", "delete", "delete", "leave", "purge"])
        top = max(self.ids, default=0)
        if kind == "append":
            self.ids += range(top + 1, top + 1 + self.chance.randint(1, 5))
        elif kind == "join":
            for _ in range(self.chance.randint(1, 8)):
                new_id = self.chance.randint(1, top + 1)
                if new_id not in self.ids:
                    insort(self.ids, new_id)
        elif kind == "delete" and self.ids:
            self.ids.pop(self.chance.randrange(len(self.ids)))
        elif kind == "leave":
            self.ids = [row_id for row_id in self.ids if self.chance.random() < 0.8]
        elif kind == "purge" and self.chance.random() < 0.3:
            cut = self.chance.randint(0, len(self.ids))
            self.ids = self.ids[cut:] if self.chance.random() < 0.5 else self.ids[:cut]

    def serve(self, skip: int, take: int) -> list[int]:
        """Return the page of this instant, and remove rows that no longer exist from the survivors."""
        self.survivors.intersection_update(self.ids)
        return self.ids[skip : skip + take]


@dataclass
class ScanRunner:
    """Runs a scan of a table: requests are served at any time, and pages accepted at any later time.

    A page fails by chance, or because it has one of the unreadable records. A gateway cuts pages by chance, to two
    rows or more.
    """

    table: Table
    room: int = 1
    expected_rows: int = 0
    unrest: float = 0.0
    failing: float = 0.0
    cutting: float = 0.0
    unreadable: frozenset[int] = frozenset()
    seen: set[int] = field(default_factory=set)
    pages: list[Page] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)

    def read(self, scan: Scan) -> bool:
        """Read until the scan is over; return False if it cannot step over a page."""
        chance = self.table.chance
        requested: list[int] = []
        served: list[tuple[int, list[int] | None]] = []
        while not scan.is_over:
            room = self.room - len(requested) - len(served)
            requested += scan.next_skips(room, self.expected_rows)
            assert requested or served, "the scan is not over and requests no page"
            while chance.random() < self.unrest:
                self.table.change()
            if requested and (not served or chance.random() < 0.6):
                skip = requested.pop(chance.randrange(len(requested)))
                served.append((skip, self._serve(skip, scan.take)))
                continue
            skip, ids = served.pop(chance.randrange(len(served)))
            if ids is not None:
                self.pages.append(Page.of_ids(skip=skip, take=scan.take, ids=ids))
                self.seen.update(ids)
                scan.accept(self.pages[-1])
            else:
                self.failed.append(skip)
                if not scan.skip_over(skip):
                    return False
        return True

    def _serve(self, skip: int, take: int) -> list[int] | None:
        ids = self.table.serve(skip, take)
        fails = self.table.chance.random() < self.failing or not self.unreadable.isdisjoint(ids)
        if len(ids) > 2 and self.table.chance.random() < self.cutting:
            ids = ids[: self.table.chance.randint(2, len(ids))]
        return None if fails else ids

    @property
    def lost(self) -> set[int]:
        """The rows that existed during the whole scan and are on no page."""
        return self.table.survivors - self.seen


def within(ids: set[int], scan: Scan) -> set[int]:
    """Return the ids that lie in a proven span of the scan."""
    return {row_id for row_id in ids if any(low <= row_id <= high for low, high in scan.proven)}


@settings(max_examples=2 * settings.default.max_examples)
@given(
    seed=st.integers(0, 2**32),
    rows=st.one_of(st.integers(0, 40), st.integers(0, 1_500)),
    take=st.one_of(st.integers(2, 9), st.integers(2, 250)),
    room=st.integers(1, 6),
    error=st.sampled_from([0.0, 0.5, 1.0, 1.0, 1.2, 3.0]),
    unrest=st.sampled_from([0.0, 0.02, 0.1, 0.3, 0.6]),
    cutting=st.sampled_from([None, 0.0, 0.05, 0.5, 1.0]),
)
def test_a_complete_scan_has_every_row_that_existed_during_it(  # noqa: PLR0913 - the varied circumstances
    *, seed: int, rows: int, take: int, room: int, error: float, unrest: float, cutting: float | None
) -> None:
    """A scan that confirms the end is complete only with every row, also if a gateway cuts pages."""
    table = Table(random.Random(seed), rows)
    scan = Scan(take, confirms_end=cutting is not None)
    runner = ScanRunner(
        table,
        room,
        expected_rows=int(rows * error),
        unrest=unrest,
        cutting=0.0 if cutting is None else cutting,
    )
    runner.read(scan)
    if scan.verdict is Verdict.COMPLETE:
        assert not runner.lost
        assert scan.proven == ALL_IDS
    else:
        assert scan.verdict is Verdict.UNPROVEN
        assert scan.proven == ()
        assert scan.problem in ("no_sound_seam", "page_cap")
        assert scan.problem == "page_cap" or scan.repairs > scan.max_repairs


@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(0, 60) | st.integers(0, 1_000),
    take=st.integers(2, 250),
    room=st.integers(1, 8),
    confirms_end=st.booleans(),
)
def test_a_table_that_does_not_change_is_complete_in_the_fewest_pages_in_any_order(
    *, seed: int, rows: int, take: int, room: int, confirms_end: bool
) -> None:
    table = Table(random.Random(seed), rows)
    scan = Scan(take, confirms_end)
    runner = ScanRunner(table, room, expected_rows=rows)
    runner.read(scan)
    assert scan.verdict is Verdict.COMPLETE
    assert runner.seen == table.survivors
    pages = requests_for_lists([rows], take) if confirms_end else pages_for(rows, take)
    assert (scan.pages, scan.repairs) == (pages, 0)


@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(0, 300),
    take=st.integers(2, 40),
    room=st.integers(1, 4),
    unrest=st.sampled_from([0.0, 0.1, 0.4]),
    confirms_end=st.booleans(),
)
def test_accepting_the_stored_pages_restores_the_scan_at_every_point_of_a_kill(  # noqa: PLR0913
    *, seed: int, rows: int, take: int, room: int, unrest: float, confirms_end: bool
) -> None:
    table = Table(random.Random(seed), rows)
    scan = Scan(take, confirms_end)
    runner = ScanRunner(table, room, expected_rows=rows, unrest=unrest, cutting=0.3 * confirms_end)
    runner.read(scan)
    continued, resumed = Scan(take, confirms_end), Scan(take, confirms_end)
    for page in runner.pages:
        continued.next_skips()
        continued.accept(page)
        resumed.accept(page)
        without_requests = {"_in_flight": set[int](), "_speculate_from": 0}
        assert replace(continued, **without_requests) == replace(resumed, **without_requests)
    assert resumed.is_over
    assert (resumed.verdict, resumed.repairs) == (scan.verdict, scan.repairs)


@settings(max_examples=2 * settings.default.max_examples)
@given(
    seed=st.integers(0, 2**32),
    rows=st.one_of(st.integers(0, 40), st.integers(0, 600)),
    take=st.one_of(st.integers(2, 9), st.integers(2, 60)),
    room=st.integers(1, 6),
    error=st.sampled_from([0.0, 0.5, 1.0, 1.0, 1.2, 3.0]),
    unrest=st.sampled_from([0.0, 0.02, 0.1, 0.3, 0.6]),
    failing=st.sampled_from([0.0, 0.03, 0.1, 0.3]),
    unreadable=st.frozensets(st.integers(0, 100), max_size=2),
    confirms_end=st.booleans(),
)
def test_the_spans_proven_around_failed_pages_have_every_row_that_existed_during_the_scan(  # noqa: PLR0913
    *,
    seed: int,
    rows: int,
    take: int,
    room: int,
    error: float,
    unrest: float,
    failing: float,
    unreadable: frozenset[int],
    confirms_end: bool,
) -> None:
    table = Table(random.Random(seed), rows)
    runner = ScanRunner(
        table,
        room,
        expected_rows=int(rows * error),
        unrest=unrest,
        failing=failing,
        cutting=0.3 * confirms_end,
        unreadable=frozenset(3 * (rows * percent // 100) for percent in unreadable),
    )
    scan = Scan(take, confirms_end)
    is_read = runner.read(scan)
    assert not within(runner.lost, scan)
    assert list(scan.proven) == sorted(scan.proven)
    assert all(before[1] + 1 < after[0] for before, after in pairwise(scan.proven))
    assert scan.gaps <= MAX_GAPS
    assert is_read or runner.failed
    if scan.verdict is Verdict.COMPLETE:
        assert not runner.lost
    if scan.verdict is Verdict.FAILED:
        assert scan.gaps
        assert scan.problem is not None or scan.proven != ALL_IDS

    # A later run continues from the pages, which may have been read in any order.
    later = Scan(take, confirms_end)
    for page in runner.pages:
        later.accept(page)
    runner.failing, runner.unreadable = 0.0, frozenset()
    assert runner.read(later)
    if later.verdict is Verdict.COMPLETE:
        assert not runner.lost
    else:
        assert later.verdict is Verdict.UNPROVEN
        assert later.problem in ("no_sound_seam", "page_cap")


@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(20, 600),
    take=st.integers(4, 40),
    room=st.integers(1, 6),
    data=st.data(),
)
def test_one_unreadable_record_loses_the_rows_of_its_page_and_no_others(
    seed: int, rows: int, take: int, room: int, data: st.DataObject
) -> None:
    pages = pages_for(rows, take)
    position = data.draw(st.integers(take, rows - 1) if rows > take else st.just(rows - 1))
    is_on_two_pages = position % (take - 1) == 0 and position > 0
    table = Table(random.Random(seed), rows)
    runner = ScanRunner(table, room, expected_rows=rows, unreadable=frozenset({3 * (position + 1)}))
    scan = Scan(take)
    is_read = runner.read(scan)
    if pages == 1 or is_on_two_pages:
        assert not is_read or scan.verdict is Verdict.FAILED
        return
    skip = position // (take - 1) * (take - 1)
    gap = set(range(3 * (skip + 2), 3 * (skip + take), 3)) & table.survivors
    assert (is_read, scan.verdict, scan.gaps) == (True, Verdict.FAILED, 1)
    assert runner.lost == gap
    assert within(table.survivors, scan) == table.survivors - gap

    runner.unreadable, runner.failed = frozenset(), []
    later = Scan(take)
    for page in runner.pages:
        later.accept(page)
    runner.pages = []
    runner.read(later)
    assert (later.verdict, [page.skip for page in runner.pages]) == (Verdict.COMPLETE, [skip])


@given(
    seed=st.integers(0, 2**32),
    take=st.integers(2, 30),
    room=st.integers(1, 5),
    kind=st.sampled_from(["random", "descending", "ignores_skip", "duplicates", "shuffled", "empty_or_full"]),
    failing=st.sampled_from([0.0, 0.05, 0.3]),
)
def test_the_scan_of_every_kind_of_faulty_server_ends(
    seed: int, take: int, room: int, kind: str, failing: float
) -> None:
    chance = random.Random(seed)
    scan = Scan(take, max_pages=400)
    requested: list[int] = []
    while not scan.is_over:
        requested += scan.next_skips(room - len(requested), 2_000)
        skip = requested.pop(chance.randrange(len(requested)))
        if chance.random() < failing:
            if scan.skip_over(skip):
                continue
            return
        ids: list[int | None] = {
            "random": [chance.choice([None, chance.randint(1, 50)]) for _ in range(take)],
            "descending": list(range(10**6 - skip, 10**6 - skip - take, -1)),
            "ignores_skip": list(range(1, take + 1)),
            "duplicates": [7] * take,
            "shuffled": chance.sample(range(1, 10**6), take),
            "empty_or_full": sorted(chance.sample(range(1, 10**6), chance.choice([0, take]))),
        }[kind]
        scan.accept(Page.of_ids(skip=skip, take=take, ids=ids))
        assert scan.pages <= 400
    assert scan.verdict is not None


# Tables whose ids do not ascend


@dataclass
class UnorderedTable:
    """Rows in an order that is independent of their ids, with changes between requests; no id returns."""

    chance: random.Random
    rows: int
    ties: float | None
    """The average number of rows with an equal sort key, in random order; None sorts by descending id."""

    def __post_init__(self) -> None:
        """Give each row a random sort key."""
        self.next_id = self.rows + 1
        self.sort_keys = {row_id: self.chance.random() for row_id in range(1, self.rows + 1)}

    def change(self) -> None:
        """Add, delete or move one row; a row moves when its owner changes it."""
        kind = self.chance.choice(["add", "delete", "delete", "move"])
        if kind == "add":
            self.sort_keys[self.next_id] = self.chance.random()
            self.next_id += 1
        elif self.sort_keys:
            changed = self.chance.choice(list(self.sort_keys))
            del self.sort_keys[changed]
            if kind == "move":
                self.sort_keys[changed] = self.chance.random()

    def serve(self, skip: int, take: int) -> list[int]:
        """Return the page of this instant."""

        def sort_key(row_id: int) -> Any:
            if self.ties is None:
                return -row_id
            return int(self.sort_keys[row_id] * self.rows / self.ties), self.chance.random()

        return sorted(self.sort_keys, key=sort_key)[skip : skip + take]


@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(0, 40),
    take=st.integers(2, 9) | st.integers(2, 50),
    ties=st.none() | st.sampled_from([0.01, 2, 5, 50]),
    unrest=st.sampled_from([0.0, 0.02, 0.1, 0.3]),
)
def test_two_reads_that_agree_have_every_row_that_existed_during_both(
    seed: int, rows: int, take: int, ties: float | None, unrest: float
) -> None:
    chance = random.Random(seed)
    table = UnorderedTable(chance, rows, ties)
    reads = RepeatedReads()
    survivors: list[set[int]] = []  # of each read
    seen: list[set[int]] = []
    while (skip := reads.next_skip) is not None:
        while chance.random() < unrest:
            table.change()
        if len(survivors) == reads.reads:
            survivors.append(set(table.sort_keys))
            seen.append(set())
        survivors[-1] &= set(table.sort_keys)
        page = table.serve(skip, take)
        seen[-1].update(page)
        reads.accept(page)
    assert len(survivors) == reads.reads <= MAX_REPEATED_READS
    if reads.is_proven:
        assert survivors[-2] & survivors[-1] <= seen[-1] == seen[-2]
    if unrest == 0.0:
        is_whole = [ids == set(table.sort_keys) for ids in seen]
        assert reads.is_proven == any(map(all, pairwise(is_whole)))
        if ties is None:
            assert (reads.is_proven, reads.reads) == (True, 2)
