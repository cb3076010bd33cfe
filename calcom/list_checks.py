"""Checks on the pages of a list: whether they belong to the scope, and whether a short page was the end.

A page shorter than `take` ends a list only if the server returns as many rows as are requested. A gateway, a fork or
a later version of Cal.com can cap its pages, and some builds ignore `skip` and `take`. Both look like a short list.
"""

from collections.abc import Mapping

from calcom.errors import ProtocolError
from calcom.records import Records
from calcom.scopes import ALL_IDS, Page, Scope, Spans
from calcom.strategy import MAX_AUTO_TEAMS

EMPTY_USERS_LIST = "empty_users_list"
"""An organization has at least the owner of the key, so a list without a valid user proves nothing."""

PAGE_CAP = "page_cap"
"""The server returns one row per page, so pages cannot overlap, or it states rows behind the end of the list."""

PAGING_IGNORED = (
    "paging_ignored: this server ignores skip and take on the list, so only its first rows can be read"
)
"""Cal.com's builds from September to December 2025 answer each request for teams with the first 250."""

TOO_MANY_TEAMS = f"the organization has more than {MAX_AUTO_TEAMS} teams"
"""The teams and their members cost more requests than are spent on them by default."""

LEFT_ORGANIZATION = "left_organization"
"""The user was refused and is not in the users list any more."""


def find_short_ends(pages: Mapping[Scope, list[Page]], kind: str) -> list[Scope]:
    """Return the scopes whose list ended with the longest short page of the kind, although rows may follow it.

    If no row follows one of them, then the server caps no page at this length, and no shorter page, either. A page
    of one row at a later offset is left out: it is the confirmed end of a list of several pages.
    """
    lengths = {
        scope: max(
            (page.rows for page in own_pages if page.is_last and (page.rows > 1 or page.skip == 0)), default=0
        )
        for scope, own_pages in pages.items()
        if scope.kind == kind
    }
    longest = max(lengths.values(), default=0)
    return [scope for scope, length in lengths.items() if 0 < length == longest]


def ignores_paging(first: Page, page: Page) -> bool:
    """Return True if `page`, of a list that begins with the page `first`, shows that the server ignores paging.

    Such a page is longer than `take`, or begins with the first row of the list although rows were skipped.
    """
    return page.rows > page.take or (page.skip > 0 < page.rows and page.first_id == first.first_id)


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
