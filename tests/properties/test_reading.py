"""Whatever a server sends as a body, reading it gives records or one `ProtocolError`."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from calcom.errors import ProtocolError, error_from_answer
from calcom.models import ENTRY_READER, USER_READER, RecordReader
from landing.segments import SEGMENT_KINDS, Rows

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(1, 50)
    | st.floats()
    | st.text()
    | st.characters(categories=["Cs"])
    | st.sampled_from(["2026-03-01T00:00:00.000Z", "2026-02-30T00:00:00Z", "success"])
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
)
NOTES = st.text(st.characters() | st.characters(categories=["Cs"]))
ENTRIES = st.fixed_dictionaries(
    {
        "id": st.integers(1, 99),
        "uuid": NOTES,
        "userId": st.integers(1, 9),
        "start": st.just("2026-03-01T00:00:00.000Z"),
        "end": st.just("2026-03-01T23:59:59.999Z"),
        "email": NOTES,
    },
    optional={"notes": NOTES, "reason": NOTES, "toUserId": SCALARS, "x": VALUES},
)
KEYS = ["id", "uuid", "userId", "toUserId", "start", "end", "notes", "reason", "email", "name", "x"]
RECORDS = VALUES | ENTRIES | st.dictionaries(st.sampled_from(KEYS), SCALARS)
PAGES = st.fixed_dictionaries({"status": st.just("success"), "data": st.lists(RECORDS, max_size=6)})
READERS = st.sampled_from([ENTRY_READER, USER_READER])


def check(reader: RecordReader, body: bytes) -> None:
    """Records, each of them counted and fit for a file; or the one error."""
    try:
        records = reader.read(body, path="/p", request_id=None)
    except ProtocolError as error:
        str(error).encode()
        return
    assert len(records.ids) == len(records.accepted) + len(records.rejected)
    for record in records.accepted:
        assert type(record["id"]) is int
        json.dumps(record, ensure_ascii=False).encode()
    for rejected in records.rejected:
        rejected.raw.encode()
        assert rejected.problem.isascii()


@given(reader=READERS, answer=PAGES | VALUES)
def test_any_json_gives_records_or_a_protocol_error(reader: RecordReader, answer: object) -> None:
    check(reader, json.dumps(answer).encode())


@given(
    reader=READERS, body=st.binary() | st.integers(0, 2_000).map(lambda depth: b"[" * depth + b"]" * depth)
)
def test_any_bytes_give_records_or_a_protocol_error(reader: RecordReader, body: bytes) -> None:
    check(reader, body)
    check(reader, b'{"status":"success","data":[' + body + b"]}")


@given(
    pages=st.lists(
        PAGES | st.lists(ENTRIES).map(lambda data: {"status": "success", "data": data, "x": data})
    ),
    indent=st.sampled_from([None, 1]),
)
def test_what_is_written_of_pages_is_what_was_read_of_them(pages: list[object], indent: int | None) -> None:
    kind = SEGMENT_KINDS["entries"]
    rows, expected = Rows(kind), []
    for number, answer in enumerate(pages):
        body = json.dumps(answer, indent=indent).encode()
        records = ENTRY_READER.read(body, path="/p", request_id=None)
        rows.add(number, records, user_id=None, team_id=None)
        expected += [
            {column: one.get(key) for column, key in kind.keys.items()}
            | {"page": number, "has_notes": bool(one.get("notes"))}
            for one in records.accepted
        ]
    table = rows.as_table()
    assert table.num_rows == len(rows)
    written = [row for row in table.to_pylist() if row.pop("problem") is None and row.pop("raw") is None]
    assert written == expected


@given(
    answer=VALUES | st.fixed_dictionaries({"error": VALUES}),
    secret=st.from_regex(r"cal_[a-z0-9]{8,40}", fullmatch=True) | st.emails(domains=st.just("acme.example")),
)
def test_any_error_body_gives_an_error_that_can_be_printed_and_keeps_secrets(
    answer: object, secret: str
) -> None:
    body = json.dumps({"message": f"refused {secret} ", "answer": answer}).encode()
    for one in (body, json.dumps(answer).encode()):
        error = error_from_answer(status=400, path="/p", request_id=None, body=one)
        str(error).encode()
        assert secret not in f"{error} {error!r} {error.detail}"
