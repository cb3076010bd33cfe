"""Records of erased people are removed before they are stored, and still count as proof."""

import json

import pytest

from calcom.records import ENTRY_PARSER, USER_PARSER, Records
from landing.record_filter import WITHHELD, filter_rejected_text, parse_id, remove_erased_people
from landing.segments import SEGMENT_KINDS, Rows


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


def test_the_texts_of_a_rejected_record_have_no_credential_no_address_and_no_control_character() -> None:
    echo = "Bearer cal_live_abc spy@example.org \x1b[2J\u202e" + "x" * 1000
    filtered = filter_rejected_text(json.dumps({"id": echo, "start": echo}), frozenset({"id", "start"}))
    for text in json.loads(filtered).values():
        assert text.startswith("Bearer … <e-mail> [2Jx")
        assert len(text) == 500
    assert filter_rejected_text(filtered, frozenset({"id", "start"})) == filtered


def test_filtering_a_filtered_text_changes_nothing() -> None:
    keys = frozenset({"id", "name"})
    for raw in ('{"id": [1], "name": {"a": 2}}', '["secret"]', '"secret"', "7", "null", WITHHELD):
        once = filter_rejected_text(raw, keys)
        assert filter_rejected_text(once, keys) == once
        assert "secret" not in once


IDS_OF_102 = [102, 102.0, "102", " 102 ", "102.0", "1.02e2", [102], ["102"], [[102.0]], {"id": 102}]
NO_IDS = [None, True, "", "abc", 102.5, "102.5", "nan", "inf", [], [1, 2], {}, {"name": 102}, "9" * 5_000]


@pytest.mark.parametrize("value", IDS_OF_102, ids=repr)
def test_an_id_is_found_in_every_form_that_a_server_may_send(value: object) -> None:
    assert parse_id(value) == 102


@pytest.mark.parametrize("value", NO_IDS, ids=lambda value: repr(value)[:20])
def test_no_id_is_found_in_another_value(value: object) -> None:
    assert parse_id(value) is None


def stored_texts(kind: str, records: Records) -> list[dict[str, object] | str]:
    """Return the texts of the rejected records as a segment of `kind` stores them."""
    rows = Rows(SEGMENT_KINDS[kind])
    rows.add(0, records, user_id=None, team_id=None)
    texts = rows.as_table()["raw"].to_pylist()
    return [json.loads(text) for text in texts if text is not None]


@pytest.mark.parametrize("value", [*IDS_OF_102, *NO_IDS], ids=lambda value: repr(value)[:20])
def test_no_form_of_an_owners_id_keeps_a_rejected_record_of_an_erased_person(value: object) -> None:
    private = {"notes": "ill", "toUser": {"id": 7}, "user": {"name": "Ann"}, "start": "bad"}
    records = remove_erased_people(
        parse("entries", entry(1, value, **private)), {102}, owner=None, key="userId"
    )
    assert "ill" not in str(stored_texts("entries", records))
    people = parse("users", {"id": value, "email": 5, "name": "Ann"})
    kept = remove_erased_people(people, {102}, owner=None, key="id")
    assert "Ann" not in str(stored_texts("users", kept))


@pytest.mark.parametrize("value", IDS_OF_102, ids=repr)
def test_no_form_of_a_covers_id_keeps_an_erased_person_in_another_persons_rejected_record(
    value: object,
) -> None:
    cover = {
        "toUserId": value,
        "toUser": {"id": 102, "name": "Ann"},
        "reason": {"toUser": "Ann"},
        "start": "bad",
    }
    records = remove_erased_people(parse("entries", entry(1, 5, **cover)), {102}, owner=None, key="userId")
    (text,) = stored_texts("entries", records)
    assert isinstance(text, dict)
    assert (text["userId"], text["toUserId"], text["reason"]) == (5, None, "a JSON dict")
    assert "Ann" not in str(text)
    assert "102" not in str(text)


@pytest.mark.parametrize("kind", SEGMENT_KINDS)
def test_a_rejected_record_of_every_kind_keeps_only_the_keys_of_its_wire_model(kind: str) -> None:
    record = {
        "id": [7],
        "bio": "private",
        "metadata": {"phone": 1},
        "avatarUrl": "private",
        "toUser": {"id": 7},
    }
    records = parse("users" if kind == "users" else "entries", record)
    assert stored_texts(kind, records) == [{"id": 7}]
