"""Records of people who were erased are dropped, or kept without them, and prove what they proved."""

import json

from calcom.models import ENTRY_PARSER, USER_PARSER, Records
from landing.record_filter import WITHHELD, without_people


def _read(kind: str, *records: object) -> Records:
    parser = USER_PARSER if kind == "users" else ENTRY_PARSER
    body = json.dumps({"status": "success", "data": list(records)}).encode()
    return parser.parse(body, path="/", request_id=None)


def _entry(entry_id: int, user_id: object, **others: object) -> dict[str, object]:
    days = {"start": "2026-01-01T00:00:00.000Z", "end": "2026-01-01T23:59:59.999Z"}
    return {"id": entry_id, "uuid": "u", "userId": user_id, **days, **others}


def test_an_erased_persons_entries_go_and_others_lose_their_cover_but_every_id_still_counts() -> None:
    records = _read("entries", _entry(1, 5), _entry(2, 6, toUserId=5), _entry(3, 6, toUserId=7))
    kept = without_people(records, {5}, owner=None, key="userId")
    assert [(one["id"], one["toUserId"]) for one in kept.accepted] == [(2, None), (3, 7)]
    assert kept.ids == [1, 2, 3]


def test_a_record_that_can_not_be_read_keeps_its_text_only_if_its_owner_is_known() -> None:
    records = _read(
        "entries",
        _entry(1, 5, start="bad"),
        _entry(2, "5", notes="x"),
        _entry(3, 6, start="bad", toUserId="5"),
        _entry(4, None, notes="mine"),
        "no record at all",
    )
    kept = without_people(records, {5}, owner=None, key="userId")
    texts = [json.loads(one.raw) for one in kept.rejected]
    assert [one.record_id for one in kept.rejected] == [3, 4, None]
    assert texts[0]["toUserId"] is None
    assert [one.raw for one in kept.rejected[1:]] == [WITHHELD, WITHHELD]
    assert kept.ids == records.ids


def test_an_erased_user_is_not_listed() -> None:
    users = [
        {"id": 5, "email": "a@b.c"},
        {"id": 6, "email": "d@e.f"},
        {"id": 5, "email": None},
        {"email": "x@y.z"},
    ]
    kept = without_people(_read("users", *users), {5}, owner=None, key="id")
    assert [one["id"] for one in kept.accepted] == [6]
    assert [one.raw for one in kept.rejected] == [WITHHELD]
