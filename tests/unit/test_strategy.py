"""The cheaper strategy is chosen, and its cost is foreseen."""

import pytest

from calcom.strategy import Strategy, choose, estimate, pages_for, seconds_for


@pytest.mark.parametrize(
    ("rows", "pages"), [(0, 1), (249, 1), (250, 2), (499, 3), (498, 2), (6_165, 25), (200_000, 804)]
)
def test_anchored_pages_bring_one_row_less_than_they_hold(rows: int, pages: int) -> None:
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


def test_the_listing_of_users_is_part_of_the_cost() -> None:
    costs = {
        strategy: estimate(strategy, users=10_000, entries=200_000, requests_per_minute=120)
        for strategy in Strategy
    }
    assert costs[Strategy.ORG_WIDE].requests == 804 + 11
    assert costs[Strategy.PER_USER].requests == 10_000 + 11
    assert costs[Strategy.BOTH].requests == 804 + 10_000 + 11
    assert costs[Strategy.AUTO].requests == costs[Strategy.ORG_WIDE].requests
    assert costs[Strategy.PER_USER].seconds == 83 * 60


@pytest.mark.parametrize(
    ("requests", "limit", "seconds"), [(0, 120, 0), (120, 120, 0), (121, 120, 60), (9, None, 0)]
)
def test_a_fresh_window_is_free(requests: int, limit: int | None, seconds: float) -> None:
    assert seconds_for(requests, limit) == seconds
