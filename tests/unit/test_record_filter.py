"""Records of erased people are removed before they are stored, and still count as proof."""

import json

from calcom.models import ENTRY_PARSER, USER_PARSER, Records
from landing.record_filter import WITHHELD, filter_rejected_text, remove_erased_people


def parse(kind: str, *records: object) -> Records:
    parser = USER_PARSER if kind == "users" else ENTRY_PARSER
    body = json.dumps({"status": "success", "data": list(records)}).encode()
    return parser.parse(body, path="/", request_id=None)


def entry(entry_id: int, user_id: object, **others: object) -> dict[str, object]:
    days = {"start": "2026-01-01T00:00:00.000Z", "end": "2026-01-01T23:59:59.999Z"}
    return {"id": entry_id, "uuid": "u", "userId": user_id, **days, **others}


def test_entries_and_covers_of_an_erased_person_are_removed_and_their_ids_still_count() -> None:
    records = parse("entries", entry(1, 5), entry(2, 6, toUserId=5), entry(3, 6, toUserId=7))
    kept = remove_erased_people(records, {5}, owner=None, key="userId")
    assert [(record["id"], record["toUserId"]) for record in kept.accepted] == [(2, None), (3, 7)]
    assert kept.ids == [1, 2, 3]


def test_a_rejected_record_keeps_its_text_only_if_its_owner_can_be_read() -> None:
    records = parse(
        "entries",
        entry(1, 5, start="bad"),
        entry(2, "5", notes="x"),
        entry(3, 6, start="bad", toUserId="5"),
        entry(4, None, notes="mine"),
        "no record at all",
    )
    kept = remove_erased_people(records, {5}, owner=None, key="userId")
    texts = [json.loads(record.raw) for record in kept.rejected]
    assert [record.record_id for record in kept.rejected] == [3, 4, None]
    assert texts[0]["toUserId"] is None
    assert [record.raw for record in kept.rejected[1:]] == [WITHHELD, WITHHELD]
    assert kept.ids == records.ids


def test_no_rejected_record_of_an_erased_persons_own_scope_is_kept() -> None:
    records = parse("entries", entry(1, None, notes="mine"), "no record at all")
    kept = remove_erased_people(records, {5}, owner=5, key="userId")
    assert kept.rejected == []
    assert kept.ids == records.ids


def test_an_erased_user_is_removed_from_the_users_list() -> None:
    users = [
        {"id": 5, "email": "a@b.c"},
        {"id": 6, "email": "d@e.f"},
        {"id": 5, "email": None},
        {"email": "x@y.z"},
    ]
    kept = remove_erased_people(parse("users", *users), {5}, owner=None, key="id")
    assert [record["id"] for record in kept.accepted] == [6]
    assert [record.raw for record in kept.rejected] == [WITHHELD]


def test_the_filtered_text_of_a_record_holds_only_the_kept_keys_and_no_nested_value() -> None:
    raw = json.dumps({"id": 5, "name": ["secret"], "role": {"text": "secret"}, "bio": "secret"})
    filtered = filter_rejected_text(raw, frozenset({"id", "name", "role"}))
    assert json.loads(filtered) == {"id": 5, "name": "a JSON list", "role": "a JSON dict"}
    assert filter_rejected_text(raw, None) == raw


def test_filtering_a_filtered_text_changes_nothing() -> None:
    keys = frozenset({"id", "name"})
    for raw in ('{"id": [1], "name": {"a": 2}}', '["secret"]', '"secret"', "7", "null", WITHHELD):
        once = filter_rejected_text(raw, keys)
        assert filter_rejected_text(once, keys) == once
        assert "secret" not in once
