"""What Cal.com sends, checked strictly where a wrong type would corrupt, and no further.

Unknown keys are ignored, `null` and an absent key are both accepted where the server sends either,
and integers are integers (`"7"`, `7.0` and `true` are refused). Source: Cal.com's `UserOooOutputDto`,
`GetOrgUsersWithProfileOutput`, `OrgTeamOutputDto` and `TeamMembershipOutput`, and the answers of its own
request classes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Generic, Literal, NotRequired, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from calcom.errors import ProtocolError

_LEAP_YEAR = r"([0-9]{2}(0[48]|[2468][048]|[13579][26])|(0[48]|[2468][048]|[13579][26])00)"
_YEAR = r"([1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_DAY = (
    r"((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))"
)
_TIME = r"([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
INSTANT_PATTERN = rf"^({_YEAR}-{_DAY}|{_LEAP_YEAR}-02-29)T{_TIME}Z$"
"""An instant of a day that the calendar has. One pattern, because a check in Python doubles a page's cost."""
MAX_PATH_ID = 2**31 - 1
"""Cal.com's ids are PostgreSQL `integer`; a larger one in a path is answered with a 500."""
MAX_WIRE_ID = 2**63 - 1

_WIRE = ConfigDict(extra="ignore", strict=True)
_Record = TypeVar("_Record")


WireId = Annotated[int, Field(ge=1, le=MAX_WIRE_ID)]
WireInstant = Annotated[str, Field(pattern=INSTANT_PATTERN)]


@with_config(_WIRE)
class OooEntry(TypedDict):
    """One out-of-office entry, as `…/ooo` sends it.

    `start` and `end` are civil dates that wear a Z; a missing `reason` means a custom reason.
    """

    id: WireId
    uuid: str
    userId: WireId
    toUserId: NotRequired[WireId | None]
    start: WireInstant
    end: WireInstant
    notes: NotRequired[str | None]
    reason: NotRequired[str | None]


@with_config(_WIRE)
class OrgUser(TypedDict):
    """One user of an organization, as `…/users` sends it (the keys that the warehouse keeps)."""

    id: WireId
    email: str
    username: NotRequired[str | None]
    name: NotRequired[str | None]
    timeZone: NotRequired[str | None]
    locale: NotRequired[str | None]
    createdDate: NotRequired[str | None]


@with_config(_WIRE)
class OrgTeam(TypedDict):
    """One team of an organization, as `…/teams` sends it (the keys that the warehouse keeps)."""

    id: WireId
    name: str
    slug: NotRequired[str | None]
    parentId: NotRequired[WireId | None]
    isPrivate: NotRequired[bool | None]
    timeZone: NotRequired[str | None]


@with_config(_WIRE)
class TeamMembership(TypedDict):
    """One membership of a team, as `…/teams/{teamId}/memberships` sends it (the keys that are kept).

    Whose it is, is said by `userId` alone: who they are is the users list's to tell.
    """

    id: WireId
    userId: WireId
    teamId: WireId
    accepted: bool
    role: str


class MyOrganization(BaseModel):
    """The organization of the caller's main profile."""

    model_config = _WIRE

    id: int
    isPlatform: bool = False  # noqa: N815 - the wire's name


class Me(BaseModel):
    """The caller, as `/v2/me` sends it."""

    model_config = _WIRE

    id: int
    organizationId: int | None = None  # noqa: N815 - the wire's name
    organization: MyOrganization | None = None


class MeAnswer(BaseModel):
    """The envelope of `/v2/me`."""

    model_config = _WIRE

    status: Literal["success"]
    data: Me


@dataclass(frozen=True)
class RejectedRecord:
    """A record that is there and can't be read: kept as text, with a reason code and its id if it has one."""

    record_id: int | None
    user_id: int | None
    problem: str
    raw: str


@dataclass(frozen=True)
class Records:
    """The records of one page, in the server's order: those that hold and those that do not."""

    accepted: list[dict[str, Any]]
    rejected: list[RejectedRecord] = field(default_factory=list)
    ids: list[int | None] = field(default_factory=list)
    """Every record's id in the server's order; None where it can't be read."""
    answer: bytes | None = None
    """The page as it came, if its records are the accepted ones, all of them and as they are."""

    def as_json(self) -> bytes:
        """The accepted records as the list `data` of an object."""
        return self.answer or json.dumps({"data": self.accepted}).encode()


class _UnreadablePageError(Exception):
    """Says what was found in place of a page."""


@with_config(_WIRE)
class _Envelope(TypedDict, Generic[_Record]):
    status: Literal["success"]
    data: list[_Record]


class RecordReader:
    """Reads one kind of list answer: the whole page at once, or record by record if one is bad."""

    def __init__(self, record_type: type, *, noun: str) -> None:
        """`noun` names the record in error messages."""
        self._type, self._noun = record_type, noun

    @cached_property
    def _page(self) -> TypeAdapter[Any]:  # built at its first use: not every list is read by every run
        return TypeAdapter(_Envelope[self._type])  # type: ignore[name-defined]

    @cached_property
    def _record(self) -> TypeAdapter[Any]:
        return TypeAdapter(self._type)

    def read(self, body: bytes, *, path: str, request_id: str | None) -> Records:
        """The records of `body`; a bad record is set aside, a bad page raises `ProtocolError`."""
        try:
            accepted = self._page.validate_json(body)["data"]
        except ValidationError:
            pass  # something in it is bad: the records that are not have to be told from those that are
        else:
            return Records(accepted=accepted, ids=[record["id"] for record in accepted], answer=body)
        try:
            return self._read_one_by_one(body)
        except _UnreadablePageError as error:
            found = str(error)
        except RecursionError:
            found = f"{len(body)} bytes of JSON nested too deeply"
        expected = f'{{"status": "success", "data": [{self._noun}, …]}}'
        raise ProtocolError(path=path, expected=expected, found=found, request_id=request_id)

    def _read_one_by_one(self, body: bytes) -> Records:
        try:
            answer = json.loads(body)
        except ValueError as error:
            found = f"{len(body)} bytes that are not JSON ({type(error).__name__})"
            raise _UnreadablePageError(found) from None
        if (
            not isinstance(answer, dict)
            or answer.get("status") != "success"
            or not isinstance(answer.get("data"), list)
        ):
            raise _UnreadablePageError(_shape_of(answer))
        records = Records(accepted=[])
        for raw in map(_with_whole_characters, answer["data"]):
            try:
                record = self._record.validate_python(raw)
            except ValidationError as error:
                rejected = _reject(raw, error)
                records.rejected.append(rejected)
                records.ids.append(rejected.record_id)
            else:
                records.accepted.append(record)
                records.ids.append(record["id"])
        return records


def _with_whole_characters(raw: Any) -> Any:
    """The record with `?` for each half of a character, which no file can hold.

    JavaScript sends them where a text was cut within an emoji; Pydantic refuses a page that has one.
    """
    if not isinstance(raw, dict):
        return raw
    return {
        key: value.encode(errors="replace").decode() if isinstance(value, str) else value
        for key, value in raw.items()
    }


def _reject(raw: Any, error: ValidationError) -> RejectedRecord:
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    where = str(first["loc"][0]) if first["loc"] else "record"
    return RejectedRecord(
        record_id=_readable_id(raw, "id"),
        user_id=_readable_id(raw, "userId"),
        problem=f"{where}_{_problem_of(first['type'])}",
        raw=json.dumps(raw, sort_keys=True),
    )


def _problem_of(pydantic_type: str) -> str:
    """`missing`, `wrong_type` or `invalid`, from Pydantic's own name of a validation error."""
    if pydantic_type == "missing":
        return "missing"
    return "wrong_type" if pydantic_type.endswith("_type") else "invalid"


def _readable_id(raw: Any, key: str) -> int | None:
    value = raw.get(key) if isinstance(raw, Mapping) else None
    readable = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_WIRE_ID
    return value if readable else None


def _shape_of(answer: Any) -> str:
    if not isinstance(answer, dict):
        return f"a JSON {type(answer).__name__}"
    return "a JSON object with " + ", ".join(
        f"{key}: {type(value).__name__}" for key, value in sorted(answer.items())
    )


ENTRY_READER = RecordReader(OooEntry, noun="entry")
USER_READER = RecordReader(OrgUser, noun="user")
TEAM_READER = RecordReader(OrgTeam, noun="team")
MEMBERSHIP_READER = RecordReader(TeamMembership, noun="membership")
