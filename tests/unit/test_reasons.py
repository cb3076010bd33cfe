"""The reasons and their order."""

from tests.support.naive import NAMED_BY_THE_SOURCE, ORDER, REASONS
from transforms.reasons import SORT_ORDER, STANDARD, build_reasons
from transforms.schema import REASONS as DECLARED


def test_reasons_are_those_of_the_source_and_two_of_ours_in_the_documented_order() -> None:
    assert list(SORT_ORDER) == list(ORDER)
    assert set(STANDARD) == NAMED_BY_THE_SOURCE


def test_each_reason_is_one_row_in_that_order() -> None:
    reasons = build_reasons()
    assert reasons.schema == DECLARED.polars_schema
    assert dict(zip(reasons["reason"], reasons["label"], strict=True)) == REASONS
    assert reasons["sort_order"].to_list() == list(range(1, len(REASONS) + 1))
