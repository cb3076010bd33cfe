"""Pages are parsed strictly: an invalid record is rejected with a reason code, all others keep their order."""

import json
import subprocess
import sys
from datetime import date
from itertools import filterfalse
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from calcom.errors import ProtocolError
from calcom.models import MAX_WIRE_ID, WireInstant
from calcom.records import ENTRY_PARSER, MEMBERSHIP_PARSER, TEAM_PARSER, USER_PARSER, RecordParser, Records

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


def parse(body: bytes) -> Records:
    return ENTRY_PARSER.parse(body, path="/ooo", request_id="r-1")


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
def test_every_value_that_the_server_may_send_is_accepted_unchanged(changes: dict[str, object]) -> None:
    records = parse(page(entry(**changes)))
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
def test_an_invalid_value_is_rejected_with_a_reason_code(changes: dict[str, object], problem: str) -> None:
    records = parse(page(entry(**changes)))
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


def test_an_instant_is_on_a_day_that_exists_in_the_calendar() -> None:
    days = [f"{year:04}-02-{day}" for year in range(10_000) for day in (28, 29, 30)]
    days += [
        f"{year}-{month:02}-{day:02}" for year in (2023, 2024) for month in range(14) for day in range(33)
    ]
    wire = TypeAdapter(list[WireInstant])
    with pytest.raises(ValidationError) as refused:
        wire.validate_python([f"{day}T00:00:00.000Z" for day in days])
    assert {days[error["loc"][0]] for error in refused.value.errors()} == set(filterfalse(is_day, days))


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e400", "1E0"])
def test_a_number_that_is_not_an_integer_is_not_an_id(value: str) -> None:
    body = page(entry(id=77)).replace(b'"id": 77', f'"id": {value}'.encode())
    records = parse(body)
    assert records.accepted == []
    assert records.ids == [None]


def test_a_note_that_was_cut_within_an_emoji_is_accepted_with_a_question_mark() -> None:
    records = parse(page(entry(notes="gone 🏖\ud83c"), entry(id=2)))
    assert records.rejected == []
    assert [record["notes"] for record in records.accepted] == ["gone 🏖?", None]


def test_the_last_of_repeated_keys_counts_whether_or_not_a_record_is_invalid() -> None:
    body = page(entry(id=77)).replace(b'"id": 77', b'"id": 76, "id": 77')
    assert parse(body).ids == [77]
    assert parse(body.replace(b'"notes": null', b'"notes": 5')).ids == [77]


def test_invalid_records_leave_the_other_records_of_the_page_in_order() -> None:
    bad = [entry(id=3, start=5), entry(id="4"), "text", None]
    records = parse(page(entry(id=2), bad[0], entry(id=9), bad[1], bad[2], bad[3], entry(id=11)))
    assert [record["id"] for record in records.accepted] == [2, 9, 11]
    assert records.ids == [2, 3, 9, None, None, None, 11]
    assert [rejected.record_id for rejected in records.rejected] == [3, None, None, None]
    assert [rejected.user_id for rejected in records.rejected] == [7, 7, None, None]
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
def test_a_body_that_is_not_a_page_never_reads_as_an_empty_page(body: bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        parse(body)
    assert caught.value.request_id == "r-1"
    assert caught.value.path == "/ooo"


def test_the_error_for_a_body_that_is_not_a_page_describes_it_and_quotes_no_value() -> None:
    body = json.dumps({"status": "success", "data": {"notes": "a private note"}}).encode()
    with pytest.raises(ProtocolError, match="data: dict, status: str") as caught:
        parse(body)
    assert "private" not in str(caught.value)


@pytest.mark.parametrize(
    ("envelope", "has_next"),
    [
        ({}, None),
        ({"pagination": {"hasNextPage": True}}, True),
        ({"pagination": {"hasNextPage": False}}, None),
        ({"pagination": {"hasNextPage": False, "totalItems": 99}}, True),
        ({"pagination": {"hasNextPage": False, "totalItems": 6}}, False),
        ({"pagination": {"totalItems": 6}}, False),
        ({"pagination": {"totalItems": 7}}, True),
        ({"pagination": {"totalItems": "7", "hasNextPage": "yes"}}, None),
        ({"pagination": None}, None),
        ({"pagination": [1]}, None),
    ],
)
@pytest.mark.parametrize("second", [entry(id=2), entry(id="2")], ids=["valid", "with_an_invalid_record"])
def test_only_a_valid_pagination_states_whether_rows_follow_a_page(
    envelope: dict[str, Any], second: dict[str, Any], *, has_next: bool | None
) -> None:
    records = parse(json.dumps({"status": "success", "data": [entry(), second], **envelope}).encode())
    assert (len(records.ids), records.has_next(4)) == (2, has_next)


def test_a_user_must_have_an_id_and_an_address_and_may_lack_all_other_keys() -> None:
    body = page({"id": 1, "email": "a@acme.example"}, {"id": 2})
    records = USER_PARSER.parse(body, path="/users", request_id=None)
    assert records.ids == [1, 2]
    assert [rejected.problem for rejected in records.rejected] == ["email_missing"]


TEAM = {"id": 5, "name": "Sales", "slug": None, "parentId": 1, "isPrivate": False, "timeZone": "UTC"}
MEMBERSHIP = {"id": 9, "userId": 7, "teamId": 5, "accepted": False, "role": "MEMBER"}


@pytest.mark.parametrize(
    ("parser", "record", "problem"),
    [
        (TEAM_PARSER, TEAM, None),
        (TEAM_PARSER, {"id": 5, "name": "Sales"}, None),
        (TEAM_PARSER, TEAM | {"name": None}, "name_wrong_type"),
        (TEAM_PARSER, TEAM | {"isPrivate": 0}, "isPrivate_wrong_type"),
        (MEMBERSHIP_PARSER, MEMBERSHIP, None),
        (MEMBERSHIP_PARSER, MEMBERSHIP | {"role": "A_NEW_ROLE"}, None),
        (MEMBERSHIP_PARSER, MEMBERSHIP | {"accepted": "true"}, "accepted_wrong_type"),
        (MEMBERSHIP_PARSER, MEMBERSHIP | {"userId": "7"}, "userId_wrong_type"),
        (MEMBERSHIP_PARSER, MEMBERSHIP | {"teamId": 0}, "teamId_invalid"),
    ],
)
def test_teams_and_memberships_are_parsed_as_strictly_as_entries(
    parser: RecordParser, record: dict[str, Any], problem: str | None
) -> None:
    records = parser.parse(page(record | {"user": {"email": "a@b.example"}}), path="/teams", request_id=None)
    assert records.ids == [record["id"]]
    if problem is None:
        assert records.accepted == [record]
    else:
        assert [rejected.problem for rejected in records.rejected] == [problem]


PEAK_OF_HOSTILE_PAGES = """
from calcom.errors import ProtocolError
from calcom.records import ENTRY_PARSER

def peak_kilobytes():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

ENTRY_PARSER.parse(b'{"status": "success", "data": []}', None, path="/", max_records=250)
before = peak_kilobytes()
for item in (b"{}", b"1", b"[]", b'{"id": 1}'):
    for count in (50_000, 400_000, 2_000_000):
        body = b'{"status": "success", "data": [' + b",".join([item] * count) + b"]}"
        try:
            ENTRY_PARSER.parse(body, None, path="/", max_records=250)
        except ProtocolError:
            continue
        raise SystemExit("accepted")
print((peak_kilobytes() - before) // 1000)
"""


def test_pages_of_far_too_many_records_are_refused_in_little_memory() -> None:
    """In a process of its own, because the peak of a process never falls."""
    run = subprocess.run(
        [sys.executable, "-c", PEAK_OF_HOSTILE_PAGES], capture_output=True, text=True, check=True
    )
    assert int(run.stdout) < 300
