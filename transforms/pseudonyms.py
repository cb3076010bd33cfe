"""Who can be recognised: people behind keyed pseudonyms, and groups too small to hide anyone in."""

import hashlib
import hmac
from collections import defaultdict

import polars as pl

from transforms.errors import TransformError

COUNTS = ("people_absent", "people_with_spells", "people")
"""What counts a group's people; the first that a measure has, for it is the smallest."""

PARTS = ("people_sick",)
"""What counts a part of them, beside that."""

DIMENSIONS = ("reason", "date_on", "month_on", "year", "month", "weekday", "team_id")
"""What tells an organization's groups from each other; over each of them, measures may be added up."""

LABELS = ("organization_id", *DIMENSIONS, "label", "team", "is_weekend", "calendar_days", "years", "policy")
"""What stays of a group that is suppressed; every other column is a measure, and null then."""

_BITS = 63
"""What a positive BIGINT holds: among 100,000 people two are alike once in two billion keys."""


def pseudonym_of(organization_id: int, user_id: int, key: bytes) -> int:
    """The number that stands for a person, from 0 up to 2^63 - 1; the same for the same key, always.

    HMAC-SHA-256, its first 63 bits. Without the key it can be neither reversed nor guessed by trying all ids,
    and the same person has unrelated numbers in two organizations.
    """
    digest = hmac.digest(key, f"person {organization_id} {user_id}".encode(), hashlib.sha256)
    return int.from_bytes(digest[:8], "big") >> (64 - _BITS)


def assign_pseudonyms(people: pl.DataFrame, key: bytes) -> pl.DataFrame:
    """One row a person with `pseudonym`, in the order of `people`.

    Needs `organization_id` and `user_id`, one row a person. Raises `TransformError` if two would share one.
    """
    pseudonyms = [
        pseudonym_of(organization_id, user_id, key)
        for organization_id, user_id in people.select("organization_id", "user_id").iter_rows()
    ]
    if len(set(pseudonyms)) != people.height:
        message = (
            f"two of {people.height} people would get the same pseudonym, and their rows be mixed; expected"
            " all different. Set another OOO_PSEUDONYM_KEY"
        )
        raise TransformError(message)
    return people.select("organization_id", "user_id").with_columns(
        pl.Series("pseudonym", pseudonyms, dtype=pl.Int64)
    )


def suppress_small_groups(groups: pl.DataFrame, min_group_size: int) -> pl.DataFrame:
    """`groups` with `is_suppressed`, and null in every measure of a group that is; order and types stay.

    A group is suppressed if its count, the first of `COUNTS` there is, is from 1 to `min_group_size` - 1.
    Nobody is hidden behind a 0, so it stays. So that none can be had by subtraction from a total, then, in
    every set of groups that differ in one of `DIMENSIONS` alone, the next smallest group is suppressed too,
    until the suppressed ones are at least two and have `min_group_size` people, or none is left. A part of a
    group (`PARTS`) is null if it, or the rest of the group, is as small. Raises `TransformError` for a frame
    without a count.
    """
    count = next((name for name in COUNTS if name in groups.columns), None)
    if count is None:
        message = f"expected a count of people, one of {', '.join(COUNTS)}; found {', '.join(groups.columns)}"
        raise TransformError(message)
    people = groups[count].fill_null(0).to_list()
    hidden = {row for row, size in enumerate(people) if 0 < size < min_group_size}
    sets = _additive_sets(groups)
    while added := {row for rows in sets for row in _complement(rows, hidden, people, min_group_size)}:
        hidden |= added
    is_suppressed = pl.Series(
        "is_suppressed", [row in hidden for row in range(groups.height)], dtype=pl.Boolean
    )
    measures = [name for name in groups.columns if name not in LABELS]
    shown = groups.with_columns(is_suppressed)
    for part in (name for name in PARTS if name in measures):
        rest = pl.col(count) - pl.col(part)
        is_small = _is_small(pl.col(part), min_group_size) | _is_small(rest, min_group_size)
        shown = shown.with_columns(pl.when(~is_small).then(part).alias(part))
    return shown.with_columns(pl.when(~pl.col("is_suppressed")).then(name).alias(name) for name in measures)


def _is_small(size: pl.Expr, min_group_size: int) -> pl.Expr:
    return (size > 0) & (size < min_group_size)


def _additive_sets(groups: pl.DataFrame) -> list[list[int]]:
    """The rows of each set of groups whose measures may be added up: they differ in one dimension alone."""
    own = [name for name in DIMENSIONS if name in groups.columns]
    place = [name for name in ("organization_id", *own) if name in groups.columns]
    sets: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)
    for row, labels in enumerate(groups.select(place).iter_rows(named=True)):
        for summed in own:
            sets[summed, *(labels[name] for name in place if name != summed)].append(row)
    return list(sets.values())


def _complement(rows: list[int], hidden: set[int], people: list[int], min_group_size: int) -> set[int]:
    """Which groups of the set have to be suppressed so that those which are can't be told apart."""
    inside = [row for row in rows if row in hidden]
    if not inside or (len(inside) > 1 and sum(people[row] for row in inside) >= min_group_size):
        return set()
    others = [row for row in rows if row not in hidden and people[row] > 0]
    return {min(others, key=lambda row: people[row])} if others else set()
