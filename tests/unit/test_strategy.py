"""The number of requests of each strategy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calcom.strategy import Strategy, pages_for, requests_for, requests_for_lists, spread


@pytest.mark.parametrize(
    ("rows", "pages"), [(0, 1), (249, 1), (250, 2), (499, 3), (498, 2), (6_165, 25), (200_000, 804)]
)
def test_each_anchored_page_after_the_first_has_one_row_less_that_is_new(rows: int, pages: int) -> None:
    assert pages_for(rows, 250) == pages


@given(st.lists(st.integers(0, 60), min_size=1, max_size=12), st.integers(2, 12))
def test_org_wide_never_needs_more_requests_than_per_user(entries_by_user: list[int], take: int) -> None:
    org_wide, per_user = (
        requests_for(
            strategy,
            users=len(entries_by_user),
            entries=sum(entries_by_user),
            entries_by_user=entries_by_user,
            take=take,
        )
        for strategy in (Strategy.AUTO, Strategy.PER_USER)
    )
    assert org_wide <= per_user


def test_the_users_list_is_part_of_the_number_of_requests() -> None:
    costs = {strategy: requests_for(strategy, users=10_000, entries=200_000) for strategy in Strategy}
    # One request checks the end of each kind of list.
    assert costs[Strategy.ORG_WIDE] == 804 + 1 + 11 + 1
    assert costs[Strategy.PER_USER] == 10_000 + 1 + 11 + 1
    assert costs[Strategy.BOTH] == 804 + 1 + 10_000 + 1 + 11 + 1
    assert costs[Strategy.AUTO] == costs[Strategy.ORG_WIDE]


@pytest.mark.parametrize(
    ("row_counts", "requests"),
    [
        ([], 0),
        ([0], 1),
        ([0, 0], 2),
        ([1], 2),
        ([9], 2),
        ([10], 2),
        ([9, 0, 3], 4),
        ([10, 0, 3], 5),
        ([19], 3),
        ([18, 19, 9], 7),
    ],
)
def test_one_request_checks_the_end_of_the_list_with_the_longest_short_page(
    row_counts: list[int], requests: int
) -> None:
    assert requests_for_lists(row_counts, 10) == requests


@pytest.mark.parametrize(
    ("rows", "lists", "counts"), [(0, 2, [0, 0]), (5, 2, [3, 2]), (1, 3, [1, 0, 0]), (0, 0, [])]
)
def test_rows_are_spread_evenly(rows: int, lists: int, counts: list[int]) -> None:
    assert spread(rows, lists) == counts


def test_the_number_of_requests_follows_the_distribution_of_the_entries() -> None:
    shared = {"users": 3, "entries": 600}
    assert requests_for(Strategy.PER_USER, **shared) == 3 + 1 + 2
    assert requests_for(Strategy.PER_USER, **shared, entries_by_user=[600, 0, 0]) == 3 + 2 + 2 + 1
    assert requests_for(Strategy.ORG_WIDE, **shared, teams=2) == 3 + 1 + 2 + (1 + 1) + (2 + 1)
    assert (
        requests_for(Strategy.ORG_WIDE, **shared, teams=2, members_by_team=[250, 1])
        == 3 + 1 + 2 + (1 + 1) + 3 + 1
    )
    assert requests_for(Strategy.ORG_WIDE, **shared, teams=0) == 3 + 1 + 2 + 1


def test_a_team_counts_as_one_member_where_the_members_are_unknown() -> None:
    facts = {"users": 1, "entries": 0, "teams": 2, "take": 2}
    assert requests_for(Strategy.ORG_WIDE, **facts) == requests_for(
        Strategy.ORG_WIDE, **facts, members_by_team=[1, 1]
    )
