"""The records of a page: parse a response body, and separate the valid records from the invalid ones."""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Generic, Literal, NotRequired, TypeVar

from pydantic import FailFast, TypeAdapter, ValidationError, with_config
from typing_extensions import TypedDict

from calcom.errors import ProtocolError, remove_secrets
from calcom.models import MAX_WIRE_ID, WIRE, OooEntry, OrgTeam, OrgUser, TeamMembership
from calcom.wording import count_of

MAX_VALUES = 500_000
"""The number of commas above which a body is not parsed, so that a hostile one cannot fill the memory.

A page of 1000 users with 40 keys each has 40,000. One megabyte of `{},` took 1.1 GB and 10 seconds without this bound.
"""

_Record = TypeVar("_Record")


@dataclass(frozen=True)
class RejectedRecord:
    """A record that fails validation: its JSON text, a reason code, and the ids that are valid in it."""

    record_id: int | None
    user_id: int | None
    problem: str
    raw: str


@dataclass(frozen=True)
class Records:
    """The records of one page in the server's order, separated into valid and invalid records."""

    accepted: list[dict[str, Any]]
    rejected: list[RejectedRecord] = field(default_factory=list)
    ids: list[int | None] = field(default_factory=list)
    """The id of every record in the server's order; None for an invalid id."""
    body: bytes | None = None
    """The response body, if every record in it was accepted unchanged."""
    pagination: Any = None
    """The object `pagination` of the envelope, which some of Cal.com's endpoints and some gateways send."""

    def has_next(self, skip: int) -> bool | None:
        """Return whether a row follows this page at offset `skip`, as the envelope states; None without a statement.

        `hasNextPage: false` is no statement: a gateway that cuts a page passes it on unchanged.
        """
        facts = self.pagination if isinstance(self.pagination, dict) else {}
        if facts.get("hasNextPage") is True:
            return True
        totals = (facts.get(name) for name in ("totalItems", "totalCount", "total"))
        total = next((value for value in totals if isinstance(value, int)), None)
        return None if total is None else skip + len(self.ids) < total

    def as_json(self) -> bytes:
        """Return a JSON object whose list `data` has the accepted records."""
        return self.body or json.dumps({"data": self.accepted}).encode()


class _InvalidPageError(Exception):
    """The body is not a page; the message describes the body."""


class _TooManyRecordsError(Exception):
    """A page has more records than requested; the message is their number."""


@with_config(WIRE)
class _Envelope(TypedDict, Generic[_Record]):
    status: Literal["success"]
    data: Annotated[
        list[_Record], FailFast()
    ]  # the errors of all records of a hostile page would fill the memory
    pagination: NotRequired[Any]


class RecordParser:
    """Parses pages of one kind of record: the whole page in one step, or each record if one is invalid."""

    def __init__(self, record_type: type, *, noun: str) -> None:
        """Store the type; `noun` names a record in error messages."""
        self._type, self._noun = record_type, noun

    @cached_property
    def _page_adapter(self) -> TypeAdapter[Any]:  # built at its first use: few runs read every kind of list
        return TypeAdapter(_Envelope[self._type])  # type: ignore[name-defined]

    @cached_property
    def _record_adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self._type)

    def parse(
        self,
        body: bytes,
        request_id: str | None,
        *,
        path: str,
        max_records: int | None = None,
        secrets: Collection[str] = (),
    ) -> Records:
        """Return the records of `body`, with invalid records in `rejected`, whose texts lack the `secrets`.

        Raise `ProtocolError` if the body is not a page or has more than `max_records` records.
        """
        try:
            records = self._parse_page(body, max_records, secrets)
        except _InvalidPageError as error:
            expected, observed = f'{{"status": "success", "data": [{self._noun}, …]}}', str(error)
        except RecursionError:
            expected, observed = "a page", f"{len(body)} bytes of JSON nested too deeply"
        except _TooManyRecordsError as error:
            expected, observed = f"at most {count_of(max_records or 0, 'record')}", str(error)
        else:
            return records
        raise ProtocolError(path=path, expected=expected, observed=observed, request_id=request_id)

    def _parse_page(self, body: bytes, max_records: int | None, secrets: Collection[str]) -> Records:
        if body.count(b",") > MAX_VALUES:
            message = f"{len(body)} bytes with more than {MAX_VALUES} values"
            raise _InvalidPageError(message)
        try:
            page = self._page_adapter.validate_json(body)
        except ValidationError:
            return self._parse_each_record(body, max_records, secrets)
        accepted = page["data"]
        _check_count(accepted, max_records)
        return Records(
            accepted=accepted,
            ids=[record["id"] for record in accepted],
            body=body,
            pagination=page.get("pagination"),
        )

    def _parse_each_record(self, body: bytes, max_records: int | None, secrets: Collection[str]) -> Records:
        page = _load_page(body)
        _check_count(page["data"], max_records)
        records = Records(accepted=[], pagination=page.get("pagination"))
        for raw in map(_replace_lone_surrogates, page["data"]):
            try:
                record = self._record_adapter.validate_python(raw)
            except ValidationError as error:
                rejected = _reject(raw, error, secrets)
                records.rejected.append(rejected)
                records.ids.append(rejected.record_id)
            else:
                records.accepted.append(record)
                records.ids.append(record["id"])
        return records


ENTRY_PARSER = RecordParser(OooEntry, noun="entry")
USER_PARSER = RecordParser(OrgUser, noun="user")
TEAM_PARSER = RecordParser(OrgTeam, noun="team")
MEMBERSHIP_PARSER = RecordParser(TeamMembership, noun="membership")


def _check_count(records: list[Any], max_records: int | None) -> None:
    """Raise `_TooManyRecordsError` if a page has more than `max_records` records."""
    if max_records is not None and len(records) > max_records:
        message = count_of(len(records), "record")
        raise _TooManyRecordsError(message)


def _load_page(body: bytes) -> dict[str, Any]:
    """Return the envelope of a page, with a list `data`; raise `_InvalidPageError` for any other body."""
    try:
        page = json.loads(body)
    except ValueError as error:
        message = f"{len(body)} bytes that are not JSON ({type(error).__name__})"
        raise _InvalidPageError(message) from None
    if (
        not isinstance(page, dict)
        or page.get("status") != "success"
        or not isinstance(page.get("data"), list)
    ):
        raise _InvalidPageError(_describe_shape(page))
    return page


def _replace_lone_surrogates(raw: Any) -> Any:
    """Return the record with `?` for each unpaired surrogate in its text, which UTF-8 cannot encode.

    JavaScript sends unpaired surrogates where a text was cut within an emoji. Pydantic rejects the page.
    """
    if not isinstance(raw, dict):
        return raw
    return {
        key: value.encode(errors="replace").decode() if isinstance(value, str) else value
        for key, value in raw.items()
    }


def _reject(raw: Any, error: ValidationError, secrets: Collection[str]) -> RejectedRecord:
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    location = str(first["loc"][0]) if first["loc"] else "record"
    return RejectedRecord(
        record_id=_valid_id(raw, "id"),
        user_id=_valid_id(raw, "userId"),
        problem=f"{location}_{_reason_code(first['type'])}",
        raw=json.dumps(_remove_secrets(raw, secrets), sort_keys=True),
    )


def _remove_secrets(raw: Any, secrets: Collection[str]) -> Any:
    """Return the JSON value without `secrets` in its texts, at every depth."""
    if isinstance(raw, str):
        return remove_secrets(raw, secrets)
    if isinstance(raw, list):
        return [_remove_secrets(value, secrets) for value in raw]
    if isinstance(raw, dict):
        return {remove_secrets(key, secrets): _remove_secrets(value, secrets) for key, value in raw.items()}
    return raw


def _reason_code(pydantic_type: str) -> str:
    """Return `missing`, `wrong_type` or `invalid` for Pydantic's name of a validation error."""
    if pydantic_type == "missing":
        return "missing"
    return "wrong_type" if pydantic_type.endswith("_type") else "invalid"


def _valid_id(raw: Any, key: str) -> int | None:
    value = raw.get(key) if isinstance(raw, Mapping) else None
    is_valid = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_WIRE_ID
    return value if is_valid else None


def _describe_shape(document: Any) -> str:
    if not isinstance(document, dict):
        return f"a JSON {type(document).__name__}"
    return "a JSON object with " + ", ".join(
        f"{key}: {type(value).__name__}" for key, value in sorted(document.items())
    )
