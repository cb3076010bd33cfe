"""Whatever happens to the table while it is read, a complete scan has every row that lived through it."""

import random
from bisect import insort
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from calcom.paging import ALL_IDS, MAX_GAPS, Page, Scan, Verdict
from calcom.passes import MAX_PASSES, Passes
from calcom.strategy import pages_for


@dataclass
class Table:
    """Ascending ids that change: new rows at the end, joining people's rows anywhere, deletions."""

    chance: random.Random
    rows: int
    ids: list[int] = field(default_factory=list)
    survivors: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Every third id is taken: the others are of people who may join."""
        self.ids = list(range(3, 3 * self.rows + 3, 3))
        self.survivors = set(self.ids)

    def change(self) -> None:
        """One thing happens, of the sizes that people and administrators make happen."""
        kind = self.chance.choice(["append", "join", "delete", "delete", "leave", "purge"])
        top = max(self.ids, default=0)
        if kind == "append":
            self.ids += range(top + 1, top + 1 + self.chance.randint(1, 5))
        elif kind == "join":
            for _ in range(self.chance.randint(1, 8)):
                joined = self.chance.randint(1, top + 1)
                if joined not in self.ids:
                    insort(self.ids, joined)
        elif kind == "delete" and self.ids:
            self.ids.pop(self.chance.randrange(len(self.ids)))
        elif kind == "leave":
            self.ids = [one for one in self.ids if self.chance.random() < 0.8]
        elif kind == "purge" and self.chance.random() < 0.3:
            cut = self.chance.randint(0, len(self.ids))
            self.ids = self.ids[cut:] if self.chance.random() < 0.5 else self.ids[:cut]

    def serve(self, skip: int, take: int) -> list[int]:
        """The page as the server answers it at this instant, which only rows that are there survive."""
        self.survivors.intersection_update(self.ids)
        return self.ids[skip : skip + take]


@dataclass
class Wire:
    """What is under way is served at any time and accepted at any later; some of it fails.

    A page fails by chance, or because it has a record that can't be told.
    """

    table: Table
    room: int = 1
    expected_rows: int = 0
    unrest: float = 0.0
    failing: float = 0.0
    untold: frozenset[int] = frozenset()
    seen: set[int] = field(default_factory=set)
    pages: list[Page] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)

    def read(self, scan: Scan) -> bool:
        """Read until the scan is over, or is given up: False."""
        chance = self.table.chance
        asked: list[int] = []
        served: list[tuple[int, list[int] | None]] = []
        while not scan.is_over:
            asked += scan.next_skips(self.room - len(asked) - len(served), self.expected_rows)
            assert asked or served, "the scan waits for nothing"
            while chance.random() < self.unrest:
                self.table.change()
            if asked and (not served or chance.random() < 0.6):
                skip = asked.pop(chance.randrange(len(asked)))
                served.append((skip, self._answer(skip, scan.take)))
                continue
            skip, answer = served.pop(chance.randrange(len(served)))
            if answer is not None:
                self.pages.append(Page.of_ids(skip=skip, take=scan.take, ids=answer))
                self.seen.update(answer)
                scan.accept(self.pages[-1])
            else:
                self.failed.append(skip)
                if not scan.skip_over(skip):
                    return False
        return True

    def _answer(self, skip: int, take: int) -> list[int] | None:
        ids = self.table.serve(skip, take)
        fails = self.table.chance.random() < self.failing or not self.untold.isdisjoint(ids)
        return None if fails else ids

    @property
    def lost(self) -> set[int]:
        """The rows that lived through it all and are on no page."""
        return self.table.survivors - self.seen


def within(ids: set[int], scan: Scan) -> set[int]:
    """Those of the ids that the scan says are proven."""
    return {one for one in ids if any(low <= one <= high for low, high in scan.proven)}


@settings(max_examples=2 * settings.default.max_examples)
@given(
    seed=st.integers(0, 2**32),
    rows=st.one_of(st.integers(0, 40), st.integers(0, 1_500)),
    take=st.one_of(st.integers(2, 9), st.integers(2, 250)),
    room=st.integers(1, 6),
    error=st.sampled_from([0.0, 0.5, 1.0, 1.0, 1.2, 3.0]),
    unrest=st.sampled_from([0.0, 0.02, 0.1, 0.3, 0.6]),
)
def test_a_complete_scan_has_every_row_that_lived_through_it(  # noqa: PLR0913 - what may vary
    *, seed: int, rows: int, take: int, room: int, error: float, unrest: float
) -> None:
    table = Table(random.Random(seed), rows)
    scan = Scan(take)
    wire = Wire(table, room, expected_rows=int(rows * error), unrest=unrest)
    wire.read(scan)
    if scan.verdict is Verdict.COMPLETE:
        assert not wire.lost
        assert scan.proven == ALL_IDS
    else:
        assert scan.verdict is Verdict.UNPROVEN
        assert scan.proven == ()
        assert scan.problem == "no_sound_seam"
        assert scan.repairs > scan.max_repairs


@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(0, 60) | st.integers(0, 1_000),
    take=st.integers(2, 250),
    room=st.integers(1, 8),
)
def test_a_quiet_table_is_complete_in_the_fewest_pages_in_any_order(
    seed: int, rows: int, take: int, room: int
) -> None:
    table = Table(random.Random(seed), rows)
    scan = Scan(take)
    wire = Wire(table, room, expected_rows=rows)
    wire.read(scan)
    assert scan.verdict is Verdict.COMPLETE
    assert wire.seen == table.survivors
    assert (scan.pages, scan.repairs) == (pages_for(rows, take), 0)


@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(0, 300),
    take=st.integers(2, 40),
    room=st.integers(1, 4),
    unrest=st.sampled_from([0.0, 0.1, 0.4]),
)
def test_the_pages_rebuild_the_scan_at_every_point_where_it_may_be_killed(
    seed: int, rows: int, take: int, room: int, unrest: float
) -> None:
    table = Table(random.Random(seed), rows)
    scan = Scan(take)
    wire = Wire(table, room, expected_rows=rows, unrest=unrest)
    wire.read(scan)
    one, other = Scan(take), Scan(take)
    for page in wire.pages:
        one.next_skips()
        one.accept(page)
        other.accept(page)
        in_flight_is_forgotten = {"_asked": set[int](), "_ahead": 0}
        assert replace(one, **in_flight_is_forgotten) == replace(other, **in_flight_is_forgotten)
    assert other.is_over
    assert (other.verdict, other.repairs) == (scan.verdict, scan.repairs)


@settings(max_examples=2 * settings.default.max_examples)
@given(
    seed=st.integers(0, 2**32),
    rows=st.one_of(st.integers(0, 40), st.integers(0, 600)),
    take=st.one_of(st.integers(2, 9), st.integers(2, 60)),
    room=st.integers(1, 6),
    error=st.sampled_from([0.0, 0.5, 1.0, 1.0, 1.2, 3.0]),
    unrest=st.sampled_from([0.0, 0.02, 0.1, 0.3, 0.6]),
    failing=st.sampled_from([0.0, 0.03, 0.1, 0.3]),
    untold=st.frozensets(st.integers(0, 100), max_size=2),
)
def test_what_is_proven_around_pages_that_fail_has_every_row_that_lived_through_it(  # noqa: PLR0913
    *,
    seed: int,
    rows: int,
    take: int,
    room: int,
    error: float,
    unrest: float,
    failing: float,
    untold: frozenset[int],
) -> None:
    table = Table(random.Random(seed), rows)
    wire = Wire(
        table,
        room,
        expected_rows=int(rows * error),
        unrest=unrest,
        failing=failing,
        untold=frozenset(3 * (rows * one // 100) for one in untold),
    )
    scan = Scan(take)
    is_read = wire.read(scan)
    assert not within(wire.lost, scan)
    assert list(scan.proven) == sorted(scan.proven)
    assert all(before[1] + 1 < after[0] for before, after in pairwise(scan.proven))
    assert scan.gaps <= MAX_GAPS
    assert is_read or wire.failed
    if scan.verdict is Verdict.COMPLETE:
        assert not wire.lost
    if scan.verdict is Verdict.FAILED:
        assert scan.gaps
        assert scan.problem is not None or scan.proven != ALL_IDS

    # A later run goes on from the pages, and they may have been read in any order.
    later = Scan(take)
    for page in wire.pages:
        later.accept(page)
    wire.failing, wire.untold = 0.0, frozenset()
    assert wire.read(later)
    if later.verdict is Verdict.COMPLETE:
        assert not wire.lost
    else:
        assert (later.verdict, later.problem) == (Verdict.UNPROVEN, "no_sound_seam")


@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(20, 600),
    take=st.integers(4, 40),
    room=st.integers(1, 6),
    data=st.data(),
)
def test_one_bad_record_of_a_quiet_table_costs_the_rows_of_its_page_and_no_others(
    seed: int, rows: int, take: int, room: int, data: st.DataObject
) -> None:
    pages = pages_for(rows, take)
    place = data.draw(st.integers(take, rows - 1) if rows > take else st.just(rows - 1))
    is_on_two_pages = place % (take - 1) == 0 and place > 0
    table = Table(random.Random(seed), rows)
    wire = Wire(table, room, expected_rows=rows, untold=frozenset({3 * (place + 1)}))
    scan = Scan(take)
    is_read = wire.read(scan)
    if pages == 1 or is_on_two_pages:
        assert not is_read or scan.verdict is Verdict.FAILED
        return
    skip = place // (take - 1) * (take - 1)
    gap = set(range(3 * (skip + 2), 3 * (skip + take), 3)) & table.survivors
    assert (is_read, scan.verdict, scan.gaps) == (True, Verdict.FAILED, 1)
    assert wire.lost == gap
    assert within(table.survivors, scan) == table.survivors - gap

    wire.untold, wire.failed = frozenset(), []
    later = Scan(take)
    for page in wire.pages:
        later.accept(page)
    wire.pages = []
    wire.read(later)
    assert (later.verdict, [page.skip for page in wire.pages]) == (Verdict.COMPLETE, [skip])


@given(
    seed=st.integers(0, 2**32),
    take=st.integers(2, 30),
    room=st.integers(1, 5),
    kind=st.sampled_from(["random", "descending", "ignores_skip", "duplicates", "shuffled", "empty_or_full"]),
    failing=st.sampled_from([0.0, 0.05, 0.3]),
)
def test_the_scan_ends_whatever_a_server_does(
    seed: int, take: int, room: int, kind: str, failing: float
) -> None:
    chance = random.Random(seed)
    scan = Scan(take, max_pages=400)
    asked: list[int] = []
    while not scan.is_over:
        asked += scan.next_skips(room - len(asked), 2_000)
        skip = asked.pop(chance.randrange(len(asked)))
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
class Disorder:
    """Rows in an order of the server's own, with changes between the requests; no id comes back."""

    chance: random.Random
    rows: int
    ties: float | None
    """How many rows share a place and come in any order among themselves; None: descending by id."""

    def __post_init__(self) -> None:
        """Each row has a place, which its id says nothing about."""
        self.next_id = self.rows + 1
        self.places = {one: self.chance.random() for one in range(1, self.rows + 1)}

    def change(self) -> None:
        """One row comes, goes, or moves, because its person has changed it."""
        kind = self.chance.choice(["add", "delete", "delete", "move"])
        if kind == "add":
            self.places[self.next_id] = self.chance.random()
            self.next_id += 1
        elif self.places:
            changed = self.chance.choice(list(self.places))
            del self.places[changed]
            if kind == "move":
                self.places[changed] = self.chance.random()

    def serve(self, skip: int, take: int) -> list[int]:
        """The page as the server answers it at this instant."""

        def place(one: int) -> Any:
            if self.ties is None:
                return -one
            return int(self.places[one] * self.rows / self.ties), self.chance.random()

        return sorted(self.places, key=place)[skip : skip + take]


@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(0, 40),
    take=st.integers(2, 9) | st.integers(2, 50),
    ties=st.none() | st.sampled_from([0.01, 2, 5, 50]),
    unrest=st.sampled_from([0.0, 0.02, 0.1, 0.3]),
)
def test_passes_that_agree_have_every_row_that_lived_through_both(
    seed: int, rows: int, take: int, ties: float | None, unrest: float
) -> None:
    chance = random.Random(seed)
    table = Disorder(chance, rows, ties)
    passes = Passes()
    lived: list[set[int]] = []  # of each pass
    seen: list[set[int]] = []
    while (skip := passes.next_skip) is not None:
        while chance.random() < unrest:
            table.change()
        if len(lived) == passes.passes:
            lived.append(set(table.places))
            seen.append(set())
        lived[-1] &= set(table.places)
        page = table.serve(skip, take)
        seen[-1].update(page)
        passes.accept(page, take)
    assert len(lived) == passes.passes <= MAX_PASSES
    if passes.is_proven:
        assert lived[-2] & lived[-1] <= seen[-1] == seen[-2]
    if unrest == 0.0:
        is_whole = [one == set(table.places) for one in seen]
        assert passes.is_proven == any(map(all, pairwise(is_whole)))
        if ties is None:
            assert (passes.is_proven, passes.passes) == (True, 2)
