"""Groups of people, and the rows that must be hidden so that no subtraction gives a small one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class Groups:
    """The people of each row in one figure: their number, and a sample of at most `min_group_size` of them."""

    sizes: Mapping[int, int]
    samples: Mapping[int, frozenset[int]]

    def small(self, least: int) -> set[int]:
        """Return the rows of fewer than `least` people."""
        return {row for row, size in self.sizes.items() if size < least}

    def is_small(self, rows: Iterable[int], least: int) -> bool:
        """Return True if the rows together have 1 to `least` - 1 people."""
        return 0 < len(frozenset().union(*(self.samples.get(row, frozenset()) for row in rows))) < least


def group_people(joined: pl.DataFrame, value: pl.Expr, least: int) -> Groups:
    """Return the people of each row for whom `value` is not 0."""
    counted = (
        joined.filter(value.fill_null(0) != 0)
        .group_by("row")
        .agg(size=pl.len(), sample=pl.col("person").sort().head(least))
    )
    rows = counted["row"].to_list()
    samples = (frozenset(people) for people in counted["sample"].to_list())
    return Groups(
        dict(zip(rows, counted["size"].to_list(), strict=True)), dict(zip(rows, samples, strict=True))
    )


def close_groups(
    sets: Sequence[Sequence[int]], groups: Sequence[Groups], seeds: set[int], least: int
) -> set[int]:
    """Return the rows to hide: `seeds`, the small ones, and the next smallest ones of each set with a hidden row.

    The hidden rows of a set are at least two, and not 1 to `least` - 1 people, or all rows of the set with people.
    """
    sizes = groups[0].sizes
    hidden = (seeds & sizes.keys()).union(*(group.small(least) for group in groups))
    added = hidden
    while added:
        added = set()
        for rows in sets:
            inside = [row for row in rows if row in hidden]
            if inside and (len(inside) == 1 or any(group.is_small(inside, least) for group in groups)):
                others = [row for row in rows if row not in hidden and row in sizes]
                added |= {min(others, key=lambda row: (sizes[row], row))} if others else set()
        hidden |= added
    return hidden
