"""Which endpoint reads an organization in fewer requests. Pure arithmetic.

Both strategies are complete; they differ in cost. Org-wide pages share the rows of all users; per-user
reads cost at least one request a user but fail one user at a time.
"""

from enum import StrEnum
from math import ceil

from calcom.client import MAX_ENTRIES_TAKE, MAX_USERS_TAKE


class Strategy(StrEnum):
    """How entries are read; `both` reads both ways and compares."""

    AUTO = "auto"
    PER_USER = "per-user"
    ORG_WIDE = "org-wide"
    BOTH = "both"


def pages_for(rows: int, take: int) -> int:
    """Anchored pages that read `rows` rows: each after the first brings `take - 1` new ones."""
    return 1 if rows < take else 1 + ceil((rows - take + 1) / (take - 1))


def requests_for(
    strategy: Strategy,
    *,
    users: int,
    entries: int,
    teams: int | None = None,
    take: int = MAX_ENTRIES_TAKE,
) -> int:
    """The requests that read `users` users with `entries` entries in all, users list included.

    `per-user` counts one page a user plus what the rows beyond a page need, if they were one user's.
    `teams` (None if they are not read) cost their list and a page each: few have more members than a page.
    """
    listing = pages_for(users, MAX_USERS_TAKE if take == MAX_ENTRIES_TAKE else take)
    org_wide = pages_for(entries, take)
    per_user = users + max(0, (entries - users * (take - 1)) // (take - 1))
    team_list = 0 if teams is None else pages_for(teams, take) + teams
    return (
        listing
        + team_list
        + {
            Strategy.ORG_WIDE: org_wide,
            Strategy.PER_USER: per_user,
            Strategy.BOTH: org_wide + per_user,
            Strategy.AUTO: min(org_wide, per_user),
        }[strategy]
    )


def choose(*, users: int, entries: int | None, take: int = MAX_ENTRIES_TAKE) -> Strategy:
    """The strategy with the fewer requests; org-wide when nothing is known of the entries yet.

    With fewer than a page of entries a user, which is nearly every organization, org-wide wins.
    """
    if entries is None or users == 0:  # nobody listed: only the organization's own endpoint can tell
        return Strategy.PER_USER if users == 1 else Strategy.ORG_WIDE
    both = (Strategy.ORG_WIDE, Strategy.PER_USER)
    return min(both, key=lambda one: requests_for(one, users=users, entries=entries, take=take))
