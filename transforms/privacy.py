"""Hide who is behind the rows: assign pseudonyms to people, and suppress small groups."""

import hashlib
import hmac
from collections import defaultdict

import polars as pl

from transforms.errors import TransformError

COUNTS = ("people_absent", "people_with_spells", "people")
"""The columns that count the people of a group. The first one that a measure has is the smallest."""

PARTS = ("people_sick",)
"""The columns that count a part of the people of a group."""

DIMENSIONS = ("reason", "date_on", "month_on", "year", "month", "weekday", "team_id", "calendar")
"""The columns that distinguish the groups of an organization. Measures may be added up over each of them."""

LABELS = (
    "organization_id",
    *DIMENSIONS,
    "label",
    "team",
    "is_weekend",
    "calendar_days",
    "years",
    "window_from_on",
    "window_to_on",
    "policy",
)
"""The columns that a suppressed group keeps. All other columns are measures, and are null for it."""

_BITS = 49
"""The bits of an integer of at most 15 digits, which Excel, JavaScript and jq store exactly.

Among 100,000 people, one key in 100,000 gives two of them the same pseudonym; `assign_pseudonyms` refuses that key.
"""


def pseudonym_of(organization_id: int, user_id: int, key: bytes) -> int:
    """Return the pseudonym of a person, from 0 to 2^49 - 1; the same key always gives the same number.

    It is the first 49 bits of an HMAC-SHA-256. Without the key it can be neither reversed nor found by trying
    all ids. The same person has unrelated pseudonyms in two organizations.
    """
    digest = hmac.digest(key, f"person {organization_id} {user_id}".encode(), hashlib.sha256)
    return int.from_bytes(digest[:8], "big") >> (64 - _BITS)


def assign_pseudonyms(people: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """Return `organization_id`, `user_id` and `pseudonym` of each person, in the order of `people`.

    `people` has one row per person, with `organization_id` and `user_id`. Raise `TransformError` if two
    people would share a pseudonym.
    """
    pseudonyms = [
        pseudonym_of(organization_id, user_id, key)
        for organization_id, user_id in people.select("organization_id", "user_id").iter_rows()
    ]
    if len(set(pseudonyms)) != people.height:
        message = (
            f"expected {people.height} different pseudonyms for {people.height} people,"
            f" found {len(set(pseudonyms))}; set another OOO_PSEUDONYM_KEY"
        )
        raise TransformError(message)
    return people.select("organization_id", "user_id").with_columns(
        pl.Series("pseudonym", pseudonyms, dtype=pl.Int64)
    )


def suppress_small_groups(groups: pl.DataFrame, min_group_size: int) -> pl.DataFrame:
    """Return `groups` with `is_suppressed`, and with null in every measure of a suppressed group.

    The order and the types stay. The size of a group is the first of `COUNTS` that the frame has.

    - A group of 1 to `min_group_size` - 1 people is suppressed. A group of 0 people hides no person and stays.
    - A suppressed group must not follow from a total by subtraction. Therefore, in every set of groups that
      differ in only one of `DIMENSIONS`, the next smallest groups are suppressed too: until the set has at
      least two suppressed groups with `min_group_size` people together, or no group with people is left.
    - A part of a group (`PARTS`) is null if the part, or the rest of the group, is as small.

    Raise `TransformError` if the frame has none of `COUNTS`.
    """
    count = next((name for name in COUNTS if name in groups.columns), None)
    if count is None:
        message = f"expected a count of people, one of {', '.join(COUNTS)}; found {', '.join(groups.columns)}"
        raise TransformError(message)
    sizes = groups[count].fill_null(0).to_list()
    suppressed = _find_suppressed(groups, sizes, min_group_size)
    measures = [name for name in groups.columns if name not in LABELS]
    parts = [name for name in PARTS if name in measures]
    is_suppressed = pl.Series([row in suppressed for row in range(groups.height)], dtype=pl.Boolean)
    return (
        groups.with_columns(is_suppressed.alias("is_suppressed"))
        .with_columns(_show_part(part, count, min_group_size) for part in parts)
        .with_columns(pl.when(~pl.col("is_suppressed")).then(name).alias(name) for name in measures)
    )


def _find_suppressed(groups: pl.DataFrame, sizes: list[int], min_group_size: int) -> set[int]:
    """Return the rows of the groups to suppress."""
    suppressed = {row for row, size in enumerate(sizes) if 0 < size < min_group_size}
    sets = _additive_sets(groups)
    while added := {row for rows in sets for row in _complement(rows, suppressed, sizes, min_group_size)}:
        suppressed |= added
    return suppressed


def _additive_sets(groups: pl.DataFrame) -> list[list[int]]:
    """Return the rows of each set of groups that differ in only one dimension, so that they add up."""
    dimensions = [name for name in DIMENSIONS if name in groups.columns]
    labels = [name for name in ("organization_id", *dimensions) if name in groups.columns]
    sets: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)
    for row, values in enumerate(groups.select(labels).iter_rows(named=True)):
        for summed in dimensions:
            sets[summed, *(values[name] for name in labels if name != summed)].append(row)
    return list(sets.values())


def _complement(rows: list[int], suppressed: set[int], sizes: list[int], min_group_size: int) -> set[int]:
    """Return the next group of the set to suppress, or none if subtraction reveals none of its groups."""
    inside = [row for row in rows if row in suppressed]
    if not inside or (len(inside) > 1 and sum(sizes[row] for row in inside) >= min_group_size):
        return set()
    others = [row for row in rows if row not in suppressed and sizes[row] > 0]
    return {min(others, key=lambda row: sizes[row])} if others else set()


def _show_part(part: str, count: str, min_group_size: int) -> pl.Expr:
    size, rest = pl.col(part), pl.col(count) - pl.col(part)
    is_small = _is_small(size, min_group_size) | _is_small(rest, min_group_size)
    return pl.when(~is_small).then(size).alias(part)


def _is_small(size: pl.Expr, min_group_size: int) -> pl.Expr:
    return (size > 0) & (size < min_group_size)
