"""The labels of scopes, and the results that are loaded if teams were skipped."""

import pytest

from calcom.scopes import (
    ALL_IDS,
    ORGANIZATION,
    TEAMS,
    USERS,
    Scope,
    ScopeResult,
    Verdict,
    find_skipped,
    without_skipped,
)


def result(scope: Scope, verdict: Verdict = Verdict.COMPLETE) -> ScopeResult:
    return ScopeResult(scope, verdict, pages=1, requests=1, repairs=0, proven=())


@pytest.mark.parametrize(
    ("scope", "label"),
    [(USERS, "users"), (Scope("user", 7), "user 7"), (Scope("team", team_id=5), "team 5")],
)
def test_the_label_of_a_scope_has_its_kind_and_the_id_of_its_user_or_team(scope: Scope, label: str) -> None:
    assert scope.label == label


def test_no_scope_of_teams_is_loaded_if_one_was_skipped() -> None:
    read = [result(USERS), result(ORGANIZATION, Verdict.FAILED), result(TEAMS)]
    skipped = result(Scope("team", team_id=5), Verdict.SKIPPED)
    assert find_skipped(read) is None
    assert without_skipped(read) == read
    assert find_skipped([*read, skipped]) == skipped
    assert without_skipped([*read, skipped]) == read[:2]


def test_all_ids_are_those_that_the_warehouse_can_store() -> None:
    assert ALL_IDS == ((0, 9_223_372_036_854_775_807),)
