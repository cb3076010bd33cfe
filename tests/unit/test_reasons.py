"""Test the reasons and their order of precedence."""

from tests.support.naive_rules import NAMED_BY_THE_SOURCE, ORDER, REASONS
from transforms.reasons import SORT_ORDER, STANDARD, build_reasons
from transforms.schema import REASONS as DECLARED


def test_the_reasons_are_those_of_the_source_with_custom_and_unknown_in_the_documented_order() -> None:
    assert list(SORT_ORDER) == list(ORDER)
    assert set(STANDARD) == NAMED_BY_THE_SOURCE


def test_each_reason_is_one_row_in_the_order_of_precedence() -> None:
    reasons = build_reasons()
    assert reasons.schema == DECLARED.polars_schema
    assert dict(zip(reasons["reason"], reasons["label"], strict=True)) == REASONS
    assert reasons["sort_order"].to_list() == list(range(1, len(REASONS) + 1))
