"""Suppress small groups, so that no suppressed group follows from a total by subtraction."""

from collections import defaultdict

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from transforms.privacy import suppress_small_groups

GROUPS = st.dictionaries(
    st.tuples(st.integers(1, 2), st.sampled_from(["sick", "travel", "vacation"]), st.integers(1, 4)),
    st.integers(0, 12),
    max_size=24,
)


@given(GROUPS, st.integers(1, 9))
def test_every_small_group_is_suppressed_and_none_follows_from_a_total_by_subtraction(
    sizes: dict[tuple[int, str, int], int], min_group_size: int
) -> None:
    groups = pl.DataFrame(
        [
            {
                "organization_id": organization,
                "reason": reason,
                "month": month,
                "days": size * 7,
                "people": size,
            }
            for (organization, reason, month), size in sizes.items()
        ],
        schema={
            "organization_id": pl.Int64,
            "reason": pl.String,
            "month": pl.Int32,
            "days": pl.Int64,
            "people": pl.Int64,
        },
    )
    shown = suppress_small_groups(groups, min_group_size)
    assert {**groups.schema, "is_suppressed": pl.Boolean} == dict(shown.schema)
    hidden = {}
    for before, after in zip(groups.to_dicts(), shown.to_dicts(), strict=True):
        key = (before["organization_id"], before["reason"], before["month"])
        hidden[key] = after.pop("is_suppressed")
        assert after == (before | {"days": None, "people": None} if hidden[key] else before)
        assert hidden[key] or not 0 < before["people"] < min_group_size
        assert not (hidden[key] and before["people"] == 0)
    sets = defaultdict(list)
    for key, size in sizes.items():
        for summed in (1, 2):
            sets[summed, *(value for index, value in enumerate(key) if index != summed)].append((key, size))
    for members in sets.values():
        suppressed = [size for key, size in members if hidden[key]]
        others = [size for key, size in members if not hidden[key] and size]
        assert not suppressed or not others or (len(suppressed) > 1 and sum(suppressed) >= min_group_size)
