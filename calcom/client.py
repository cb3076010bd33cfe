"""A client for the out-of-office endpoints of Cal.com's API v2: rate-limited, retried and read-only.

Each call returns validated records or raises `ApiError`, `TransportError` or `ProtocolError`.
An incomplete or malformed response never reads as an empty list.
"""

from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import Literal, Self

from calcom.connection import Connection, SentRequest, Traffic
from calcom.errors import ProtocolError
from calcom.models import MAX_PATH_ID, Me, parse_me
from calcom.records import ENTRY_PARSER, MEMBERSHIP_PARSER, TEAM_PARSER, USER_PARSER, RecordParser, Records
from calcom.requester import Requester

MAX_ENTRIES_TAKE = 250
MAX_USERS_TAKE = 1000
MAX_TEAMS_TAKE = 250

Direction = Literal["asc", "desc"]


def users_take(page_size: int) -> int:
    """Return the number of users per page: as many as possible, unless pages are set smaller than the default."""
    return MAX_USERS_TAKE if page_size == MAX_ENTRIES_TAKE else page_size


class CalcomClient:
    """Reads users, teams and out-of-office entries, one page per call, in the order of the server."""

    def __init__(
        self,
        connection: Connection,
        *,
        on_wait: Callable[[float], None] | None = None,
        on_low: Callable[[float], None] | None = None,
        on_request: Callable[[SentRequest], None] | None = None,
    ) -> None:
        """Prepare the client without opening a socket.

        `on_wait` is called before each pause that the rate limit requires, with its length in seconds. `on_low`
        is called when the budget is nearly spent, with the seconds until its reset. `on_request` is called after
        each request.
        """
        self._requester = Requester(connection, on_wait=on_wait, on_low=on_low, on_request=on_request)
        self.traffic, self.rate_limiter = self._requester.traffic, self._requester.rate_limiter

    async def __aenter__(self) -> Self:
        """Return the client itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._requester.close()

    @property
    def clock_skew_seconds(self) -> float | None:
        """Return the seconds by which this machine's clock is ahead of the server's; None before a response."""
        return self._requester.clock_skew_seconds

    async def fetch_me(self) -> Me:
        """Return the owner of the credential and the owner's main organization. Source: `GET /v2/me`."""
        path = "/v2/me"
        return await self._requester.fetch(path, {}, partial(parse_me, path=path))

    async def fetch_users(
        self,
        organization_id: int,
        *,
        skip: int = 0,
        take: int = MAX_USERS_TAKE,
        traffic: Traffic | None = None,
    ) -> Records:
        """Return one page of the organization's users, ascending by id. `take` is 1 to 1000.

        `traffic` (here and below) counts the requests of this call in addition to the client's own counts.
        """
        path = f"/v2/organizations/{_path_id(organization_id)}/users"
        query = _page_query(skip, take, MAX_USERS_TAKE)
        parse = self._parse_with(USER_PARSER, path, max_records=take)
        return await self._requester.fetch(path, query, parse, traffic)

    async def fetch_teams(
        self,
        organization_id: int,
        *,
        skip: int = 0,
        take: int = MAX_TEAMS_TAKE,
        traffic: Traffic | None = None,
    ) -> Records:
        """Return one page of the organization's teams, ascending by id. `take` is 1 to 250.

        Builds of Cal.com from September to December 2025 ignore `skip` and `take`: each page has the first 250 teams.
        """
        path = f"/v2/organizations/{_path_id(organization_id)}/teams"
        query = _page_query(skip, take, MAX_TEAMS_TAKE)
        parse = self._parse_with(TEAM_PARSER, path, max_records=MAX_TEAMS_TAKE)
        return await self._requester.fetch(path, query, parse, traffic)

    async def fetch_team_memberships(
        self,
        organization_id: int,
        team_id: int,
        *,
        skip: int = 0,
        take: int = MAX_TEAMS_TAKE,
        traffic: Traffic | None = None,
    ) -> Records:
        """Return one page of a team's memberships, ascending by id, pending ones included.

        `take` is 1 to 250.
        """
        path = f"/v2/organizations/{_path_id(organization_id)}/teams/{_path_id(team_id)}/memberships"
        query = _page_query(skip, take, MAX_TEAMS_TAKE)
        parse = self._parse_with(MEMBERSHIP_PARSER, path, max_records=take)
        return await self._requester.fetch(path, query, parse, traffic)

    async def fetch_organization_entries(  # noqa: PLR0913 - the endpoint's own parameters
        self,
        organization_id: int,
        *,
        skip: int = 0,
        take: int = MAX_ENTRIES_TAKE,
        sort_start: Direction | None = None,
        sort_end: Direction | None = None,
        email: str | None = None,
        traffic: Traffic | None = None,
    ) -> Records:
        """Return one page of the organization's entries, ascending by id unless a sort is requested.

        `take` is 1 to 250. Never sort when reading for completeness: sorted pages have no tie-breaker,
        and rows are lost between them. With both sorts, Cal.com uses `sort_end` alone.
        """
        path = f"/v2/organizations/{_path_id(organization_id)}/ooo"
        query = _page_query(skip, take, MAX_ENTRIES_TAKE) | _sort_query(sort_start, sort_end)
        if email:
            query["email"] = email
        parse = self._parse_with(ENTRY_PARSER, path, max_records=take)
        return await self._requester.fetch(path, query, parse, traffic)

    async def fetch_user_entries(  # noqa: PLR0913 - the endpoint's own parameters
        self,
        organization_id: int,
        user_id: int,
        *,
        skip: int = 0,
        take: int = MAX_ENTRIES_TAKE,
        sort_start: Direction | None = None,
        sort_end: Direction | None = None,
        traffic: Traffic | None = None,
    ) -> Records:
        """Return one page of one user's entries, ascending by id unless a sort is requested (see above)."""
        path = f"/v2/organizations/{_path_id(organization_id)}/users/{_path_id(user_id)}/ooo"
        query = _page_query(skip, take, MAX_ENTRIES_TAKE) | _sort_query(sort_start, sort_end)
        parse = self._parse_with(ENTRY_PARSER, path, max_records=take)
        return await self._requester.fetch(path, query, parse, traffic)

    def _parse_with(
        self, parser: RecordParser, path: str, *, max_records: int
    ) -> Callable[[bytes, str | None], Records]:
        """Return the function that parses a page; the texts of rejected records lack the credential."""
        return partial(parser.parse, path=path, max_records=max_records, secrets=self._requester.secrets)


def _path_id(value: int) -> str:
    # Cal.com responds with HTTP 500 to an id that is not a 32-bit integer, which would look like an outage.
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_PATH_ID:
        raise ProtocolError(
            path="/v2/organizations/…",
            expected=f"an id from 1 to {MAX_PATH_ID} for the path",
            observed=repr(value),
        )
    return str(value)


def _page_query(skip: int, take: int, max_take: int) -> dict[str, str | int]:
    if not 1 <= take <= max_take:
        message = f"take must be from 1 to {max_take}, found {take}"
        raise ValueError(message)
    if skip < 0:
        message = f"skip must be 0 or more, found {skip}"
        raise ValueError(message)
    return {"take": take, "skip": skip}


def _sort_query(sort_start: Direction | None, sort_end: Direction | None) -> dict[str, str | int]:
    directions = {"sortStart": sort_start, "sortEnd": sort_end}
    return {name: direction for name, direction in directions.items() if direction}
