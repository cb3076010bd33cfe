"""The two ways of reading an organization's entries, and their number of requests. Pure.

Both ways are complete. Organization-wide pages hold the entries of many users. Per-user reads need at
least one request per user, but an error fails one user only.
"""

from collections.abc import Sequence
from enum import StrEnum
from math import ceil

from calcom.client import MAX_ENTRIES_TAKE, users_take

MAX_AUTO_TEAMS = 5
"""The largest number of teams that is read unless teams are requested explicitly: at most 8 requests.

They are the list, its check, a list of members per team, and the check of these lists. A team of at least 250 members
needs more.
"""


class Strategy(StrEnum):
    """How entries are read. `both` reads both ways and compares.

    `auto` reads org-wide, which never needs more requests than per-user, and per user if org-wide is refused.
    """

    AUTO = "auto"
    PER_USER = "per-user"
    ORG_WIDE = "org-wide"
    BOTH = "both"

    @property
    def first(self) -> "Strategy":
        """The strategy with which a run starts."""
        return Strategy.ORG_WIDE if self is Strategy.AUTO else self


def pages_for(rows: int, take: int) -> int:
    """Return the number of anchored pages for `rows` rows: each page after the first has `take - 1` new rows."""
    return 1 if rows < take else 1 + ceil((rows - take + 1) / (take - 1))


def requests_for_lists(row_counts: Sequence[int], take: int) -> int:
    """Return the number of requests for lists of one kind, from the number of rows of each list.

    One of them checks the end of the list with the longest short page. A list needs no check if its last page has only
    the row that was requested again, nor if it is empty.
    """
    checks_end = any(0 < rows < take or (rows >= take and (rows - 1) % (take - 1)) for rows in row_counts)
    return sum(pages_for(rows, take) for rows in row_counts) + checks_end


def spread(rows: int, lists: int) -> list[int]:
    """Return the number of rows of each list if `rows` rows are spread evenly over `lists` lists."""
    return [rows // lists + (number < rows % lists) for number in range(lists)]


def requests_for(  # noqa: PLR0913 - the facts of one organization
    strategy: Strategy,
    *,
    users: int,
    entries: int,
    teams: int | None = None,
    most_teams: int | None = None,
    take: int = MAX_ENTRIES_TAKE,
    entries_by_user: Sequence[int] | None = None,
    members_by_team: Sequence[int] | None = None,
) -> int:
    """Return the number of requests for the lists of an organization that does not change meanwhile.

    The number is exact for a server that returns as many rows as are requested. Without `entries_by_user`, the entries
    count as spread evenly over the users. `teams` is None if teams are not read; if there are more than `most_teams`,
    their list is read up to that number, and no members. Without `members_by_team`, each team counts as having one
    member.
    """
    requests = requests_for_lists([users], users_take(take))
    if teams is not None and most_teams is not None and teams > most_teams:
        requests += pages_for(most_teams, take)
    elif teams is not None:
        members = [1] * teams if members_by_team is None else members_by_team
        requests += requests_for_lists([teams], take) + requests_for_lists(members, take)
    org_wide = requests_for_lists([entries], take)
    by_user = spread(entries, users) if entries_by_user is None else entries_by_user
    per_user = requests_for_lists(by_user, take)
    by_strategy = {
        Strategy.ORG_WIDE: org_wide,
        Strategy.PER_USER: per_user,
        Strategy.BOTH: org_wide + per_user,
    }
    return requests + by_strategy[strategy.first]
