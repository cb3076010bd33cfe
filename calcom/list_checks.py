"""Checks on the pages of a list: whether they belong to the scope, and whether a short page was the end.

A page shorter than `take` ends a list only if the server returns as many rows as are requested. A gateway, a fork or
a later version of Cal.com can cap its pages, and some builds ignore `skip` and `take`. Both look like a short list.
"""

from collections.abc import Mapping

from calcom.errors import ProtocolError
from calcom.records import Records
from calcom.scopes import ALL_IDS, Page, Scope, Spans
from calcom.strategy import MAX_AUTO_TEAMS

MIN_TAKE = 2
"""Pages of one row cannot overlap, so they prove nothing."""

EMPTY_USERS_LIST = "empty_users_list"
"""An organization has at least the owner of the key, so a list without a valid user proves nothing."""

PAGE_CAP = "page_cap"
"""The server returns fewer rows than requested, and no page of its own size could be proved."""

PAGING_IGNORED = (
    "paging_ignored: this server ignores skip and take on the list, so only its first rows can be read"
)
"""Cal.com's builds from September to December 2025 answer each request for teams with the first 250."""

TOO_MANY_TEAMS = f"the organization has more than {MAX_AUTO_TEAMS} teams"
"""The teams and their members cost more requests than are spent on them by default."""

LEFT_ORGANIZATION = "left_organization"
"""The user was refused and is not in the users list any more."""


def find_short_ends(pages: Mapping[Scope, list[Page]], kind: str) -> list[tuple[Scope, Page]]:
    """Return a page of each scope that is as long as the longest page of the kind, yet shorter than requested.

    If no row follows one of them, then the server caps no page at this length, and no shorter page was cut, either.
    A scope with a full page of this length is not returned: the server has honoured the length as `take`.
    """
    of_kind = {scope: own_pages for scope, own_pages in pages.items() if scope.kind == kind}
    longest = max((page.rows for own_pages in of_kind.values() for page in own_pages), default=0)
    ends = []
    for scope, own_pages in of_kind.items():
        as_long = [page for page in own_pages if 0 < page.rows == longest]
        if as_long and all(page.is_last for page in as_long):
            ends.append((scope, as_long[0]))
    return ends


def is_capped(first: Page, behind: Page) -> bool:
    """Return True if `behind`, the page behind a short page, shows that the server had cut the short page.

    `first` is the first page of the list. A server that ignores `skip` returns it again.
    """
    return behind.rows > 0 and behind.first_id != first.first_id


def ignores_paging(first: Page, page: Page) -> bool:
    """Return True if `page`, of a list that begins with the page `first`, shows that the server ignores paging.

    Such a page is longer than `take`, or begins with the first row of the list although rows were skipped.
    """
    return page.rows > page.take or (page.skip > 0 and page.rows > 1 and page.first_id == first.first_id)


def check_owner(records: Records, organization_id: int, scope: Scope) -> None:
    """Raise `ProtocolError` if a page of one user or team holds records of another."""
    if scope.user_id is not None:
        key, owner, noun, place = "userId", scope.user_id, "entries", f"users/{scope.user_id}/ooo"
    elif scope.team_id is not None:
        key, owner, noun, place = "teamId", scope.team_id, "memberships", f"teams/{scope.team_id}/memberships"
    else:
        return
    if others := {record[key] for record in records.accepted} - {owner}:
        raise ProtocolError(
            path=f"/v2/organizations/{organization_id}/{place}",
            expected=f"{noun} of {scope.label}",
            observed=f"{noun} of {scope.kind} {min(others)}",
        )


def describe_spans(spans: Spans) -> str:
    """Return the proved spans of ids as text."""
    if not spans:
        return "no ids, so no entry is deleted"
    ((lowest, highest),) = ALL_IDS
    texts = []
    for low, high in spans:
        if high == highest:
            texts.append(f"from {low} on")
        else:
            texts.append(f"up to {high}" if low == lowest else f"{low} to {high}")
    return "ids " + ", ".join(texts)
