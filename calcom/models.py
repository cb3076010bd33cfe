"""The records of Cal.com's API v2, validated strictly where a wrong type would corrupt data.

Unknown keys are ignored. `null` and a missing key are both accepted where the server sends either.
Integers must be integers: `"7"`, `7.0` and `true` are rejected.
Source: Cal.com's `UserOooOutputDto`, `GetOrgUsersWithProfileOutput`, `OrgTeamOutputDto` and
`TeamMembershipOutput`, and recorded responses of its own request classes.
"""

from typing import Annotated, Literal, NotRequired

from pydantic import BaseModel, ConfigDict, Field, ValidationError, with_config
from typing_extensions import TypedDict

from calcom.errors import ProtocolError

_LEAP_YEAR = r"([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)"
_YEAR = r"([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_DAY = (
    r"((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
)
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
INSTANT_PATTERN = rf"^({_YEAR}-{_DAY}|{_LEAP_YEAR}-02-29)T{_TIME}Z$"
"""An instant on a day that exists in the calendar. A check in Python would double the cost of a page."""
MAX_PATH_ID = 2**31 - 1
"""Cal.com's ids are of PostgreSQL's type `integer`; a larger id in a path causes an HTTP 500 response."""
MAX_WIRE_ID = 2**63 - 1

WIRE = ConfigDict(extra="ignore", strict=True)


WireId = Annotated[int, Field(ge=1, le=MAX_WIRE_ID)]
WireInstant = Annotated[str, Field(pattern=INSTANT_PATTERN)]


@with_config(WIRE)
class OooEntry(TypedDict):
    """One out-of-office entry, as `…/ooo` returns it.

    `start` and `end` are civil dates written with a Z. A missing `reason` means a custom reason.
    """

    id: WireId
    uuid: str
    userId: WireId
    toUserId: NotRequired[WireId | None]
    start: WireInstant
    end: WireInstant
    notes: NotRequired[str | None]
    reason: NotRequired[str | None]


@with_config(WIRE)
class OrgUser(TypedDict):
    """One user of an organization, as `…/users` returns it (the keys that the warehouse stores)."""

    id: WireId
    email: str
    username: NotRequired[str | None]
    name: NotRequired[str | None]
    timeZone: NotRequired[str | None]
    locale: NotRequired[str | None]
    createdDate: NotRequired[str | None]


@with_config(WIRE)
class OrgTeam(TypedDict):
    """One team of an organization, as `…/teams` returns it (the keys that the warehouse stores)."""

    id: WireId
    name: str
    slug: NotRequired[str | None]
    parentId: NotRequired[WireId | None]
    isPrivate: NotRequired[bool | None]
    timeZone: NotRequired[str | None]


@with_config(WIRE)
class TeamMembership(TypedDict):
    """One membership of a team, as `…/teams/{teamId}/memberships` returns it.

    Only `userId` identifies the member; the name and the address come from the users list.
    """

    id: WireId
    userId: WireId
    teamId: WireId
    accepted: bool
    role: str


class MyOrganization(BaseModel):
    """The organization of the main profile of the credential's owner."""

    model_config = WIRE

    id: int
    isPlatform: bool = False  # noqa: N815 - the wire's name


class Me(BaseModel):
    """The owner of the credential, as `/v2/me` returns it."""

    model_config = WIRE

    id: int
    organizationId: int | None = None  # noqa: N815 - the wire's name
    organization: MyOrganization | None = None


class _MeEnvelope(BaseModel):
    """The envelope of `/v2/me`."""

    model_config = WIRE

    status: Literal["success"]
    data: Me


def parse_me(body: bytes, request_id: str | None, *, path: str) -> Me:
    """Return the owner of the credential; raise `ProtocolError` if the body has another shape."""
    try:
        return _MeEnvelope.model_validate_json(body).data
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['type']}"
            for problem in error.errors(include_input=False, include_url=False)
        )
        expected = "the caller's id and organizationId"
        raise ProtocolError(path=path, expected=expected, observed=problems, request_id=request_id) from None
