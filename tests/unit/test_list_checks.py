"""Test the checks on the pages of a list: short ends, ignored paging, owners, and the text of spans."""

import pytest

from calcom.errors import ProtocolError
from calcom.list_checks import check_owner, describe_spans, find_short_ends, ignores_paging
from calcom.records import Records
from calcom.scopes import HIGHEST_ID as HIGHEST
from calcom.scopes import ORGANIZATION, USERS, Page, Scope, Spans

ONE, TWO, TEAM = Scope("user", user_id=1), Scope("user", user_id=2), Scope("team", team_id=1)


def page(skip: int, take: int, rows: int, first_id: int = 1) -> Page:
    """Return a page of `rows` rows with consecutive ids."""
    return Page.of_ids(skip=skip, take=take, ids=range(first_id, first_id + rows))


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        pytest.param({ONE: [page(0, 9, 5)], TWO: [page(0, 9, 3)]}, [ONE], id="the longest short page"),
        pytest.param({ONE: [page(0, 9, 5)], TWO: [page(0, 9, 5)]}, [ONE, TWO], id="all equally long pages"),
        pytest.param(
            {ONE: [page(0, 9, 4), page(0, 9, 2)], TWO: [page(0, 9, 2)]},
            [ONE],
            id="the longest page of a list",
        ),
        pytest.param({ONE: [page(0, 9, 1)], TWO: []}, [ONE], id="a list of one row"),
        pytest.param({ONE: [page(0, 3, 3), page(2, 3, 2)]}, [ONE], id="two rows at the end of a longer list"),
        pytest.param({ONE: [page(0, 3, 3), page(2, 3, 1)]}, [], id="the confirmed end of a longer list"),
        pytest.param({ONE: [page(0, 3, 3), page(1, 3, 1)]}, [], id="one row at the second offset"),
        pytest.param({ONE: [page(0, 3, 3)]}, [], id="a full page"),
        pytest.param({ONE: [page(0, 9, 0)], TWO: [page(0, 9, 0)]}, [], id="lists without rows"),
        pytest.param({TEAM: [page(0, 9, 8)], ONE: [page(0, 9, 3)]}, [ONE], id="lists of another kind"),
        pytest.param({}, [], id="no list"),
    ],
)
def test_the_ends_to_check_are_those_with_the_longest_short_page_of_the_kind(
    pages: dict[Scope, list[Page]], expected: list[Scope]
) -> None:
    assert find_short_ends(pages, "user") == expected


@pytest.mark.parametrize(
    ("first", "later", "expected"),
    [
        pytest.param(page(0, 3, 4), page(0, 3, 4), True, id="more rows than requested"),
        pytest.param(
            page(0, 3, 3), page(0, 3, 3), False, id="as many rows as requested, at the first offset"
        ),
        pytest.param(page(0, 3, 3), page(1, 3, 1), True, id="the first row again, at a later offset"),
        pytest.param(page(0, 3, 3), page(1, 3, 2, first_id=2), False, id="another row at a later offset"),
        pytest.param(page(0, 3, 0), page(1, 3, 0), False, id="no row in the list"),
    ],
)
def test_a_server_ignores_paging_if_a_page_is_too_long_or_begins_with_the_first_row_again(
    first: Page, later: Page, *, expected: bool
) -> None:
    assert ignores_paging(first, later) is expected


@pytest.mark.parametrize(
    ("scope", "key"), [(ONE, "userId"), (TEAM, "teamId"), (USERS, "userId"), (ORGANIZATION, "userId")]
)
def test_a_page_of_records_of_the_scope_is_accepted(scope: Scope, key: str) -> None:
    owners = [1, 1] if scope in {ONE, TEAM} else [1, 2]
    check_owner(Records([{key: owner} for owner in owners], []), 7, scope)


@pytest.mark.parametrize(
    ("scope", "key", "message"),
    [
        (
            ONE,
            "userId",
            "/v2/organizations/7/users/1/ooo: expected entries of user 1, found entries of user 3",
        ),
        (
            TEAM,
            "teamId",
            "/v2/organizations/7/teams/1/memberships: expected memberships of team 1, found memberships of team 3",
        ),
    ],
)
def test_records_of_another_user_or_team_are_an_error_that_names_the_first_one(
    scope: Scope, key: str, message: str
) -> None:
    with pytest.raises(ProtocolError) as raised:
        check_owner(Records([{key: owner} for owner in (1, 4, 3)], []), 7, scope)
    assert message in str(raised.value)


@pytest.mark.parametrize(
    ("spans", "text"),
    [
        ((), "no ids, so no entry is deleted"),
        (((0, HIGHEST),), "ids from 0 on"),
        (((0, 5),), "ids up to 5"),
        (((1, 5), (7, HIGHEST)), "ids 1 to 5, from 7 on"),
    ],
)
def test_proved_spans_are_described_in_words(spans: Spans, text: str) -> None:
    assert describe_spans(spans) == text
