"""A page is read strictly: what could corrupt is refused by name, the rest is kept in order."""

import json
from datetime import date
from itertools import filterfalse
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from calcom.errors import ProtocolError
from calcom.models import (
    ENTRY_READER,
    MAX_WIRE_ID,
    MEMBERSHIP_READER,
    TEAM_READER,
    USER_READER,
    RecordReader,
    Records,
    WireInstant,
)

ENTRY: dict[str, Any] = {
    "userId": 7,
    "toUserId": None,
    "id": 1,
    "uuid": "87d16aaa-ca7b-43a2-af38-1dc0ffee0001",
    "start": "2026-03-01T00:00:00.000Z",
    "end": "2026-03-02T23:59:59.999Z",
    "notes": None,
    "reason": "vacation",
}
ABSENT = object()


def entry(**changes: object) -> dict[str, Any]:
    return {key: value for key, value in (ENTRY | changes).items() if value is not ABSENT}


def page(*records: object) -> bytes:
    return json.dumps({"status": "success", "data": records}).encode()


def read(body: bytes) -> Records:
    return ENTRY_READER.read(body, path="/ooo", request_id="r-1")


@pytest.mark.parametrize(
    "changes",
    [
        {"toUserId": None},
        {"toUserId": ABSENT},
        {"toUserId": 8},
        {"notes": None},
        {"notes": ""},
        {"notes": "back on Monday"},
        {"notes": ABSENT},
        {"reason": ABSENT},
        {"reason": None},
        {"reason": "sabbatical"},
        {"somethingNew": {"nested": [1]}},
        {"id": MAX_WIRE_ID},
        {"start": "2026-03-01T00:00:00Z"},
    ],
)
def test_what_the_server_may_send_is_accepted_as_it_is(changes: dict[str, object]) -> None:
    records = read(page(entry(**changes)))
    expected = entry(**changes)
    expected.pop("somethingNew", None)
    assert (records.accepted, records.rejected) == ([expected], [])


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"id": 1.0}, "id_wrong_type"),
        ({"id": True}, "id_wrong_type"),
        ({"id": "1"}, "id_wrong_type"),
        ({"id": None}, "id_wrong_type"),
        ({"id": ABSENT}, "id_missing"),
        ({"id": 0}, "id_invalid"),
        ({"id": -4}, "id_invalid"),
        ({"id": MAX_WIRE_ID + 1}, "id_invalid"),
        ({"userId": "7"}, "userId_wrong_type"),
        ({"userId": ABSENT}, "userId_missing"),
        ({"toUserId": 8.5}, "toUserId_wrong_type"),
        ({"uuid": 5}, "uuid_wrong_type"),
        ({"uuid": ABSENT}, "uuid_missing"),
        ({"start": ABSENT}, "start_missing"),
        ({"start": 1_767_225_600_000}, "start_wrong_type"),
        ({"start": "2026-02-30T00:00:00.000Z"}, "start_invalid"),
        ({"start": "2026-03-01"}, "start_invalid"),
        ({"start": "2026-03-01T00:00:00.000+02:00"}, "start_invalid"),
        ({"end": "2026-03-01T24:00:00.000Z"}, "end_invalid"),
        ({"end": "2026-03-01T00:00:00.000Z\n"}, "end_invalid"),
        ({"notes": 5}, "notes_wrong_type"),
        ({"reason": 2}, "reason_wrong_type"),
    ],
)
def test_what_would_corrupt_is_rejected_with_a_reason_code(changes: dict[str, object], problem: str) -> None:
    records = read(page(entry(**changes)))
    assert records.accepted == []
    (rejected,) = records.rejected
    assert rejected.problem == problem
    assert json.loads(rejected.raw) == entry(**changes)


def is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def test_an_instant_is_of_a_day_that_the_calendar_has() -> None:
    days = [f"{year:04}-02-{day}" for year in range(10_000) for day in (28, 29, 30)]
    days += [
        f"{year}-{month:02}-{day:02}" for year in (2023, 2024) for month in range(14) for day in range(33)
    ]
    wire = TypeAdapter(list[WireInstant])
    with pytest.raises(ValidationError) as refused:
        wire.validate_python([f"{day}T00:00:00.000Z" for day in days])
    assert {days[one["loc"][0]] for one in refused.value.errors()} == set(filterfalse(is_day, days))


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e400", "1E0"])
def test_a_number_that_is_no_integer_is_no_id(value: str) -> None:
    body = page(entry(id=77)).replace(b'"id": 77', f'"id": {value}'.encode())
    records = read(body)
    assert records.accepted == []
    assert records.ids == [None]


def test_a_note_that_was_cut_within_an_emoji_costs_half_a_character_and_not_the_entry() -> None:
    records = read(page(entry(notes="gone 🏖\ud83c"), entry(id=2)))
    assert records.rejected == []
    assert [record["notes"] for record in records.accepted] == ["gone 🏖?", None]


def test_of_a_repeated_key_the_last_counts_on_both_ways_of_reading() -> None:
    body = page(entry(id=77)).replace(b'"id": 77', b'"id": 76, "id": 77')
    assert read(body).ids == [77]
    assert read(body.replace(b'"notes": null', b'"notes": 5')).ids == [77]


def test_one_bad_record_leaves_the_rest_of_the_page_in_order() -> None:
    bad = [entry(id=3, start=5), entry(id="4"), "text", None]
    records = read(page(entry(id=2), bad[0], entry(id=9), bad[1], bad[2], bad[3], entry(id=11)))
    assert [record["id"] for record in records.accepted] == [2, 9, 11]
    assert records.ids == [2, 3, 9, None, None, None, 11]
    assert [one.record_id for one in records.rejected] == [3, None, None, None]
    assert [one.user_id for one in records.rejected] == [7, 7, None, None]
    assert records.rejected[-1].problem == "record_wrong_type"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        b"{}",
        b"[]",
        b"null",
        page(entry())[:-20],
        b'{"status": "error", "data": []}',
        b'{"data": []}',
        b'{"status": "success"}',
        b'{"status": "success", "data": null}',
        b'{"status": "success", "data": {}}',
        b'{"status": "success", "data": []} {}',
        b"[" * 100_000,
        b'{"status": "success", "data": ' + b"[" * 100_000,
        b"\xff\xfe\xfa",
    ],
)
def test_a_body_that_is_no_page_is_never_an_empty_page(body: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        read(body)
    assert caught.value.request_id == "r-1"
    assert caught.value.path == "/ooo"


def test_the_message_about_a_bad_page_describes_it_and_quotes_no_value() -> None:
    body = json.dumps({"status": "success", "data": {"notes": "a private note"}}).encode()
    with pytest.raises(ProtocolError, match="data: dict, status: str") as caught:
        read(body)
    assert "private" not in str(caught.value)


def test_a_user_needs_an_id_and_an_address_and_may_lack_the_rest() -> None:
    body = page({"id": 1, "email": "a@acme.example"}, {"id": 2})
    records = USER_READER.read(body, path="/users", request_id=None)
    assert records.ids == [1, 2]
    assert [one.problem for one in records.rejected] == ["email_missing"]


TEAM = {"id": 5, "name": "Sales", "slug": None, "parentId": 1, "isPrivate": False, "timeZone": "UTC"}
MEMBERSHIP = {"id": 9, "userId": 7, "teamId": 5, "accepted": False, "role": "MEMBER"}


@pytest.mark.parametrize(
    ("reader", "record", "problem"),
    [
        (TEAM_READER, TEAM, None),
        (TEAM_READER, {"id": 5, "name": "Sales"}, None),
        (TEAM_READER, TEAM | {"name": None}, "name_wrong_type"),
        (TEAM_READER, TEAM | {"isPrivate": 0}, "isPrivate_wrong_type"),
        (MEMBERSHIP_READER, MEMBERSHIP, None),
        (MEMBERSHIP_READER, MEMBERSHIP | {"role": "A_NEW_ROLE"}, None),
        (MEMBERSHIP_READER, MEMBERSHIP | {"accepted": "true"}, "accepted_wrong_type"),
        (MEMBERSHIP_READER, MEMBERSHIP | {"userId": "7"}, "userId_wrong_type"),
        (MEMBERSHIP_READER, MEMBERSHIP | {"teamId": 0}, "teamId_invalid"),
    ],
)
def test_teams_and_memberships_are_read_as_strictly(
    reader: RecordReader, record: dict[str, Any], problem: str | None
) -> None:
    records = reader.read(page(record | {"user": {"email": "a@b.example"}}), path="/teams", request_id=None)
    assert records.ids == [record["id"]]
    if problem is None:
        assert records.accepted == [record]
    else:
        assert [one.problem for one in records.rejected] == [problem]
