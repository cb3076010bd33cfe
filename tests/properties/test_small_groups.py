"""Small groups are suppressed, and no suppressed one can be had by subtraction, whatever the groups."""

from collections import defaultdict

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from transforms.pseudonyms import suppress_small_groups

GROUPS = st.dictionaries(
    st.tuples(st.integers(1, 2), st.sampled_from(["sick", "travel", "vacation"]), st.integers(1, 4)),
    st.integers(0, 12),
    max_size=24,
)


@given(GROUPS, st.integers(1, 9))
def test_what_is_suppressed_is_never_alone_nor_too_few(
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
        place = (before["organization_id"], before["reason"], before["month"])
        hidden[place] = after.pop("is_suppressed")
        assert after == (before | {"days": None, "people": None} if hidden[place] else before)
        assert hidden[place] or not 0 < before["people"] < min_group_size
        assert not (hidden[place] and before["people"] == 0)
    sets = defaultdict(list)
    for place, size in sizes.items():
        for summed in (1, 2):
            sets[summed, *(value for at, value in enumerate(place) if at != summed)].append((place, size))
    for members in sets.values():
        inside = [size for place, size in members if hidden[place]]
        left = [size for place, size in members if not hidden[place] and size]
        assert not inside or not left or (len(inside) > 1 and sum(inside) >= min_group_size)
