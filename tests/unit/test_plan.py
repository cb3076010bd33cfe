"""The reading plan is a value: the scopes of a run, and one explicit step from org-wide to per-user."""

from datetime import datetime

import pytest

from calcom.scopes import ORGANIZATION, TEAMS, USERS, Scope
from calcom.strategy import Strategy
from flows.run.plan import USERS_PER_BATCH, Batch, ReadingPlan, estimate_requests, make_reading_plan
from warehouse.load.runs import OrganizationSize

ANN, BEN, SALES = Scope("user", 7), Scope("user", 8), Scope("team", team_id=5)
SIZE = OrganizationSize(people=2, entries=900, observed_at=datetime(2026, 3, 1))  # noqa: DTZ001 - UTC without a zone


def make(
    strategy: Strategy,
    user_ids: tuple[int, ...] = (7, 8),
    team_ids: tuple[int, ...] | None = None,
) -> ReadingPlan:
    return make_reading_plan(
        strategy,
        user_ids=list(user_ids),
        team_ids=None if team_ids is None else list(team_ids),
    )


@pytest.mark.parametrize(
    ("strategy", "team_ids", "scopes"),
    [
        (Strategy.ORG_WIDE, None, {USERS, ORGANIZATION}),
        (Strategy.PER_USER, None, {USERS, ANN, BEN}),
        (Strategy.BOTH, None, {USERS, ORGANIZATION, ANN, BEN}),
        (Strategy.ORG_WIDE, (), {USERS, ORGANIZATION, TEAMS}),
        (Strategy.ORG_WIDE, (5,), {USERS, ORGANIZATION, TEAMS, SALES}),
    ],
)
def test_the_plan_names_every_scope_of_its_strategy(
    strategy: Strategy, team_ids: tuple[int, ...] | None, scopes: set[Scope]
) -> None:
    assert make(strategy, team_ids=team_ids).scopes == scopes


def test_the_fallback_is_a_new_plan_that_reads_the_same_users_and_teams_per_user() -> None:
    plan = make(Strategy.AUTO, team_ids=(5,))
    fallback = plan.reading_per_user()
    assert (plan.strategy, plan.reads_organization) == (Strategy.ORG_WIDE, True)
    assert plan.scopes == {USERS, ORGANIZATION, TEAMS, SALES}, "the first plan is unchanged"
    assert fallback.strategy is Strategy.PER_USER
    assert fallback.scopes == {USERS, ANN, BEN, TEAMS, SALES}
    assert not fallback.reads_organization


@pytest.mark.parametrize("strategy", [Strategy.ORG_WIDE, Strategy.PER_USER, Strategy.BOTH])
def test_a_strategy_of_the_users_choice_is_kept(strategy: Strategy) -> None:
    assert make(strategy).strategy is strategy


def test_auto_begins_with_the_organizations_endpoint() -> None:
    for user_ids in ((), (7,), tuple(range(1, 400))):
        assert make(Strategy.AUTO, user_ids).strategy is Strategy.ORG_WIDE


def test_the_batches_hold_each_user_once_in_order_and_no_more_than_the_bound() -> None:
    user_ids = tuple(range(1, 2 * USERS_PER_BATCH + 2))
    batches = list(make(Strategy.PER_USER, user_ids).user_batches())
    assert [len(batch.scopes) for batch in batches] == [USERS_PER_BATCH, USERS_PER_BATCH, 1]
    assert [scope.user_id for batch in batches for scope in batch.scopes] == list(user_ids)
    assert [batch.number for batch in batches] == [2, 3, 4]
    assert list(make(Strategy.ORG_WIDE, user_ids).user_batches()) == []


def test_the_label_of_a_batch_names_its_scopes() -> None:
    assert Batch(1, (ORGANIZATION,)).label == "the whole organization"
    assert Batch(2, (ANN, BEN)).label == "2 users from id 7"


def test_the_estimate_counts_the_lists_the_entries_and_the_teams() -> None:
    page_size = 250
    org_wide, per_user = make(Strategy.ORG_WIDE), make(Strategy.PER_USER, team_ids=(5,))
    assert estimate_requests(org_wide, size=SIZE, page_size=page_size) == 1 + 1 + 4 + 1
    assert estimate_requests(per_user, size=None, page_size=page_size) == 2 + 3 + 2 + 2
