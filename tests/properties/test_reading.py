"""Every possible body of a response is parsed into records or raises one `ProtocolError`."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from calcom.errors import ProtocolError, error_from_response
from calcom.records import ENTRY_PARSER, USER_PARSER, RecordParser
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
PARSERS = st.sampled_from([ENTRY_PARSER, USER_PARSER])


def check(parser: RecordParser, body: bytes) -> None:
    """Check that the body is parsed into countable, encodable records, or raises `ProtocolError`."""
    try:
        records = parser.parse(body, path="/p", request_id=None)
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


@given(parser=PARSERS, document=PAGES | VALUES)
def test_any_json_is_parsed_into_records_or_a_protocol_error(parser: RecordParser, document: object) -> None:
    check(parser, json.dumps(document).encode())


@given(
    parser=PARSERS, body=st.binary() | st.integers(0, 2_000).map(lambda depth: b"[" * depth + b"]" * depth)
)
def test_any_bytes_are_parsed_into_records_or_a_protocol_error(parser: RecordParser, body: bytes) -> None:
    check(parser, body)
    check(parser, b'{"status":"success","data":[' + body + b"]}")


@given(
    pages=st.lists(
        PAGES | st.lists(ENTRIES).map(lambda data: {"status": "success", "data": data, "x": data})
    ),
    indent=st.sampled_from([None, 1]),
)
def test_the_rows_written_for_pages_equal_the_records_parsed_from_them(
    pages: list[object], indent: int | None
) -> None:
    kind = SEGMENT_KINDS["entries"]
    rows, expected = Rows(kind), []
    for number, document in enumerate(pages):
        body = json.dumps(document, indent=indent).encode()
        records = ENTRY_PARSER.parse(body, path="/p", request_id=None)
        rows.add(number, records, user_id=None, team_id=None)
        expected += [
            {column: record.get(key) for column, key in kind.keys.items()}
            | {"page": number, "has_notes": bool(record.get("notes"))}
            for record in records.accepted
        ]
    table = rows.as_table()
    assert table.num_rows == len(rows)
    written = [row for row in table.to_pylist() if row.pop("problem") is None and row.pop("raw") is None]
    assert written == expected


@given(
    document=VALUES | st.fixed_dictionaries({"error": VALUES}),
    secret=st.from_regex(r"cal_[a-z0-9]{8,40}", fullmatch=True) | st.emails(domains=st.just("acme.example")),
)
def test_any_error_body_becomes_a_printable_error_without_secrets(document: object, secret: str) -> None:
    body = json.dumps({"message": f"refused {secret} ", "document": document}).encode()
    for error_body in (body, json.dumps(document).encode()):
        error = error_from_response(status=400, path="/p", request_id=None, body=error_body)
        str(error).encode()
        assert secret not in f"{error} {error!r} {error.detail}"
