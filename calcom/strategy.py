"""The choice between the two ways of reading an organization's entries, by the number of requests. Pure.

Both ways are complete. Organization-wide pages hold the entries of many users. Per-user reads need at
least one request per user, but an error fails one user only.
"""

from enum import StrEnum
from math import ceil

from calcom.client import MAX_ENTRIES_TAKE, users_take


class Strategy(StrEnum):
    """How entries are read. `auto` chooses the cheaper way; `both` reads both ways and compares."""

    AUTO = "auto"
    PER_USER = "per-user"
    ORG_WIDE = "org-wide"
    BOTH = "both"


def pages_for(rows: int, take: int) -> int:
    """Return the number of anchored pages for `rows` rows: each page after the first has `take - 1` new rows."""
    return 1 if rows < take else 1 + ceil((rows - take + 1) / (take - 1))


def requests_for(
    strategy: Strategy,
    *,
    users: int,
    entries: int,
    teams: int | None = None,
    take: int = MAX_ENTRIES_TAKE,
) -> int:
    """Return the number of requests for `users` users with `entries` entries in total, users list included.

    `per-user` counts one page per user, and the pages that the remaining rows need if one user has them all.
    `teams` is None if teams are not read. Otherwise it adds the teams list and one page per team, because
    few teams have more members than a page.
    """
    users_list = pages_for(users, users_take(take))
    teams_list = 0 if teams is None else pages_for(teams, take) + teams
    org_wide = pages_for(entries, take)
    per_user = users + max(0, (entries - users * (take - 1)) // (take - 1))
    by_strategy = {
        Strategy.ORG_WIDE: org_wide,
        Strategy.PER_USER: per_user,
        Strategy.BOTH: org_wide + per_user,
        Strategy.AUTO: min(org_wide, per_user),
    }
    return users_list + teams_list + by_strategy[strategy]


def choose(*, users: int, entries: int | None, take: int = MAX_ENTRIES_TAKE) -> Strategy:
    """Return the strategy with fewer requests; `entries` is None if their number is unknown.

    Organization-wide reading needs fewer requests if users have less than a page of entries on average,
    as in nearly every organization. It is also the default for an unknown number of entries, unless the
    organization has one user. With an empty users list, only the organization's endpoint can find entries.
    """
    if entries is None or users == 0:
        return Strategy.PER_USER if users == 1 else Strategy.ORG_WIDE
    candidates = (Strategy.ORG_WIDE, Strategy.PER_USER)
    return min(
        candidates,
        key=lambda strategy: requests_for(strategy, users=users, entries=entries, take=take),
    )
