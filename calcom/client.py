"""An httpx client for the out-of-office surface of Cal.com's API v2: paced, retried, strictly read.

Every answer ends in one of three ways: validated records, or an `ApiError`, or a `TransportError` or
`ProtocolError`. Nothing that is not a whole, well-formed 200 ever reads as "no entries".
"""

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Literal, Self

from pydantic import ValidationError

from calcom.errors import ProtocolError
from calcom.models import (
    ENTRY_READER,
    MAX_PATH_ID,
    MEMBERSHIP_READER,
    TEAM_READER,
    USER_READER,
    Me,
    MeAnswer,
    RecordReader,
    Records,
)
from calcom.requester import Connection, Requester, Traffic

MAX_ENTRIES_TAKE = 250
MAX_USERS_TAKE = 1000
MAX_TEAMS_TAKE = 250

Direction = Literal["asc", "desc"]


class CalcomClient:
    """Reads users, teams and out-of-office entries, one page a call, in the server's order."""

    def __init__(self, connection: Connection, *, on_wait: Callable[[float], None] | None = None) -> None:
        """Open no socket yet; `on_wait` hears of every pause that the rate limit imposes, in seconds."""
        self._requester = Requester(connection, on_wait=on_wait)
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

    async def fetch_me(self) -> Me:
        """The caller and its main organization. Source: `GET /v2/me`."""
        path = "/v2/me"

        def read(body: bytes, request_id: str | None) -> Me:
            try:
                return MeAnswer.model_validate_json(body).data
            except ValidationError as error:
                problems = "; ".join(
                    f"{'.'.join(map(str, one['loc'])) or 'body'}: {one['type']}"
                    for one in error.errors(include_input=False, include_url=False)
                )
                expected = "the caller's id and organizationId"
                raise ProtocolError(
                    path=path, expected=expected, found=problems, request_id=request_id
                ) from None

        return await self._requester.fetch(path, {}, read)

    async def fetch_users(
        self,
        organization_id: int,
        *,
        skip: int = 0,
        take: int = MAX_USERS_TAKE,
        traffic: Traffic | None = None,
    ) -> Records:
        """One page of the organization's users, ascending by id. `take` is 1 to 1000.

        `traffic` (here and below) counts what this call sends and meets, besides the client's own.
        """
        path = f"/v2/organizations/{_path_id(organization_id)}/users"
        return await self._fetch_page(path, USER_READER, _page(skip, take, MAX_USERS_TAKE), traffic)

    async def fetch_teams(
        self,
        organization_id: int,
        *,
        skip: int = 0,
        take: int = MAX_TEAMS_TAKE,
        traffic: Traffic | None = None,
    ) -> Records:
        """One page of the organization's teams, ascending by id. `take` is 1 to 250."""
        path = f"/v2/organizations/{_path_id(organization_id)}/teams"
        return await self._fetch_page(path, TEAM_READER, _page(skip, take, MAX_TEAMS_TAKE), traffic)

    async def fetch_team_memberships(
        self,
        organization_id: int,
        team_id: int,
        *,
        skip: int = 0,
        take: int = MAX_TEAMS_TAKE,
        traffic: Traffic | None = None,
    ) -> Records:
        """One page of a team's memberships, pending ones too, ascending by id. `take` is 1 to 250."""
        path = f"/v2/organizations/{_path_id(organization_id)}/teams/{_path_id(team_id)}/memberships"
        return await self._fetch_page(path, MEMBERSHIP_READER, _page(skip, take, MAX_TEAMS_TAKE), traffic)

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
        """One page of the whole organization's entries; ascending by id unless a sort is asked for.

        `sort_start` and `sort_end` are for an ordered look only: sorted pages have no tie-breaker and
        lose rows from page to page. With both, Cal.com obeys `sort_end` alone.
        """
        path = f"/v2/organizations/{_path_id(organization_id)}/ooo"
        query = _page(skip, take, MAX_ENTRIES_TAKE) | _sorting(sort_start, sort_end)
        query |= {"email": email} if email else {}
        return await self._fetch_page(path, ENTRY_READER, query, traffic)

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
        """One page of one user's entries; ascending by id unless a sort is asked for (see above)."""
        path = f"/v2/organizations/{_path_id(organization_id)}/users/{_path_id(user_id)}/ooo"
        query = _page(skip, take, MAX_ENTRIES_TAKE) | _sorting(sort_start, sort_end)
        return await self._fetch_page(path, ENTRY_READER, query, traffic)

    async def _fetch_page(
        self,
        path: str,
        reader: RecordReader,
        query: Mapping[str, str | int],
        traffic: Traffic | None,
    ) -> Records:
        def read(body: bytes, request_id: str | None) -> Records:
            records = reader.read(body, path=path, request_id=request_id)
            if len(records.ids) > int(query["take"]):
                raise ProtocolError(
                    path=path,
                    expected=f"at most {query['take']} records",
                    found=f"{len(records.ids)} records",
                    request_id=request_id,
                )
            return records

        return await self._requester.fetch(path, query, read, traffic)


def _path_id(value: int) -> str:
    # Cal.com answers an id that is no 32-bit integer with a 500, which would look like an outage.
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_PATH_ID:
        raise ProtocolError(
            path="/v2/organizations/…",
            expected=f"an id from 1 to {MAX_PATH_ID}, as paths can have",
            found=repr(value),
        )
    return str(value)


def _page(skip: int, take: int, max_take: int) -> dict[str, str | int]:
    if not 1 <= take <= max_take:
        message = f"take must be from 1 to {max_take}, found {take}"
        raise ValueError(message)
    if skip < 0:
        message = f"skip must be 0 or more, found {skip}"
        raise ValueError(message)
    return {"take": take, "skip": skip}


def _sorting(sort_start: Direction | None, sort_end: Direction | None) -> dict[str, str | int]:
    asked: dict[str, str | int] = {}
    if sort_start:
        asked["sortStart"] = sort_start
    if sort_end:
        asked["sortEnd"] = sort_end
    return asked
