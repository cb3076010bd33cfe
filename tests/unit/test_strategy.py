"""The strategy with fewer requests is chosen, and the number of requests is computed."""

import pytest

from calcom.strategy import Strategy, choose, pages_for, requests_for


@pytest.mark.parametrize(
    ("rows", "pages"), [(0, 1), (249, 1), (250, 2), (499, 3), (498, 2), (6_165, 25), (200_000, 804)]
)
def test_each_anchored_page_after_the_first_has_one_row_less_that_is_new(rows: int, pages: int) -> None:
    assert pages_for(rows, 250) == pages


@pytest.mark.parametrize(
    ("users", "entries", "chosen"),
    [
        (1, None, Strategy.PER_USER),
        (2, None, Strategy.ORG_WIDE),
        (420, 6_165, Strategy.ORG_WIDE),
        (10_000, 200_000, Strategy.ORG_WIDE),
        (2, 100_000, Strategy.PER_USER),
        (1, 0, Strategy.ORG_WIDE),
    ],
)
def test_the_strategy_with_fewer_requests_is_chosen(
    users: int, entries: int | None, chosen: Strategy
) -> None:
    assert choose(users=users, entries=entries) is chosen


def test_the_users_list_is_part_of_the_number_of_requests() -> None:
    costs = {strategy: requests_for(strategy, users=10_000, entries=200_000) for strategy in Strategy}
    assert costs[Strategy.ORG_WIDE] == 804 + 11
    assert costs[Strategy.PER_USER] == 10_000 + 11
    assert costs[Strategy.BOTH] == 804 + 10_000 + 11
    assert costs[Strategy.AUTO] == costs[Strategy.ORG_WIDE]
