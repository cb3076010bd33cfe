"""Whatever happens to the table while it is read, a complete scan has every row that lived through it."""

import random
from bisect import insort
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from calcom.paging import Page, Scan, Verdict
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


def read(
    scan: Scan, table: Table, *, room: int, expected_rows: int, unrest: float
) -> tuple[set[int], list[Page]]:
    """The ids seen and the pages; what is under way is served at any time, and accepted at any later."""
    chance = table.chance
    asked: list[int] = []
    served: list[tuple[int, list[int]]] = []
    seen: set[int] = set()
    pages: list[Page] = []
    while not scan.is_over:
        asked += scan.next_skips(room - len(asked) - len(served), expected_rows)
        assert asked or served, "the scan waits for nothing"
        while chance.random() < unrest:
            table.change()
        if asked and (not served or chance.random() < 0.6):
            skip = asked.pop(chance.randrange(len(asked)))
            served.append((skip, table.serve(skip, scan.take)))
        else:
            skip, ids = served.pop(chance.randrange(len(served)))
            page = Page.of_ids(skip=skip, take=scan.take, ids=ids)
            scan.accept(page)
            pages.append(page)
            seen.update(ids)
    return seen, pages


@settings(max_examples=4 * settings.default.max_examples)
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
    seen, _ = read(scan, table, room=room, expected_rows=int(rows * error), unrest=unrest)
    if scan.verdict is Verdict.COMPLETE:
        assert table.survivors <= seen
    else:
        assert scan.problem == "no_sound_seam"
        assert scan.repairs > scan.max_repairs


@given(
    seed=st.integers(0, 2**32),
    rows=st.integers(0, 2_000),
    take=st.integers(2, 250),
    room=st.integers(1, 8),
)
def test_a_quiet_table_is_complete_in_the_fewest_pages_in_any_order(
    seed: int, rows: int, take: int, room: int
) -> None:
    table = Table(random.Random(seed), rows)
    scan = Scan(take)
    seen, _ = read(scan, table, room=room, expected_rows=rows, unrest=0.0)
    assert scan.verdict is Verdict.COMPLETE
    assert seen == table.survivors
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
    _, pages = read(scan, table, room=room, expected_rows=rows, unrest=unrest)
    one, other = Scan(take), Scan(take)
    for page in pages:
        one.next_skips()
        one.accept(page)
        other.accept(page)
        in_flight_is_forgotten = {"_asked": set[int](), "_ahead": 0}
        assert replace(one, **in_flight_is_forgotten) == replace(other, **in_flight_is_forgotten)
    assert other.is_over
    assert (other.verdict, other.repairs) == (scan.verdict, scan.repairs)


@given(
    seed=st.integers(0, 2**32),
    take=st.integers(2, 30),
    room=st.integers(1, 5),
    kind=st.sampled_from(["random", "descending", "ignores_skip", "duplicates", "shuffled", "empty_or_full"]),
)
def test_the_scan_ends_whatever_a_server_does(seed: int, take: int, room: int, kind: str) -> None:
    chance = random.Random(seed)
    scan = Scan(take, max_pages=400)
    asked: list[int] = []
    while not scan.is_over:
        asked += scan.next_skips(room - len(asked), 2_000)
        skip = asked.pop(chance.randrange(len(asked)))
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
