"""Every recorded error response becomes one error with advice, and no error quotes private data."""

import base64
import json
import re
from urllib.parse import quote

import pytest

from calcom.errors import (
    BODY_LIMIT,
    ApiError,
    ErrorKind,
    ProtocolError,
    TransportError,
    error_from_response,
    redact,
)
from tests.support.recordings import RecordedExchange, load_exchanges

KINDS = {
    400: ErrorKind.INVALID_REQUEST,
    401: ErrorKind.CREDENTIALS,
    403: ErrorKind.FORBIDDEN,
    404: ErrorKind.NOT_FOUND,
    429: ErrorKind.THROTTLED,
    498: ErrorKind.CREDENTIALS,
    500: ErrorKind.SERVER,
    502: ErrorKind.SERVER,
}
REFUSALS = [exchange for exchange in load_exchanges() if exchange.status >= 400]
PRIVATE = {
    "e-mail address": "ann.other+work@acme.example",
    "encoded address": "ann.other%40acme.example",
    "API key": "cal_live_0123456789abcdef",
}


def error_of(status: int, body: bytes) -> ApiError:
    return error_from_response(status=status, path="/v2/me", request_id="r-1", body=body)


@pytest.mark.parametrize("exchange", REFUSALS, ids=str)
def test_the_error_of_a_recorded_response_has_its_status_code_request_id_and_advice(
    exchange: RecordedExchange,
) -> None:
    error = error_of(exchange.status, json.dumps(exchange.body).encode())
    assert error.status == exchange.status
    assert error.kind is KINDS[exchange.status]
    assert error.request_id == "r-1"
    assert error.code == exchange.body.get("error", {}).get("code")
    assert error.detail
    assert error.detail != "Bad Request Exception"
    for fact in (str(error.status), "/v2/me", "r-1", error.advice):
        assert fact in str(error)


def test_the_detail_of_a_validation_error_has_every_broken_constraint() -> None:
    (exchange,) = load_exchanges("errors/400_several_at_once")
    error = error_of(400, json.dumps(exchange.body).encode())
    assert "take must not be greater than 250" in error.detail
    assert "skip must not be less than 0" in error.detail


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><h1>502 Bad Gateway</h1></html>",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"error": "text"}',
        b'{"error": {"details": {"errors": [1, {"constraints": 2}]}}}',
        b'{"error": {"code": 7, "message": {"deep": 1}}}',
    ],
)
def test_a_body_of_any_other_shape_still_becomes_an_error_of_its_status(body: bytes) -> None:
    error = error_of(502, body)
    assert (error.kind, error.code) == (ErrorKind.SERVER, None)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 498])
@pytest.mark.parametrize(
    ("body", "content"),
    [
        (b"\n<!DOCTYPE html><title>Sorry, you have been blocked</title>", "an HTML page"),
        (b"", "a body that is not JSON"),
        (b"Access denied by policy", "a body that is not JSON"),
    ],
)
def test_a_refusal_by_an_edge_server_advises_on_the_network_and_not_on_the_role(
    status: int, body: bytes, content: str
) -> None:
    error = error_of(status, body)
    assert error.is_from_edge
    assert content in str(error)
    assert "a proxy or an edge server probably refused the request" in str(error)
    assert "admin or owner" not in str(error)


def test_a_refusal_by_calcom_advises_on_the_role() -> None:
    error = error_of(403, json.dumps({"statusCode": 403, "message": "Forbidden resource"}).encode())
    assert not error.is_from_edge
    assert "admin or owner" in str(error)


@pytest.mark.parametrize("private", PRIVATE.values(), ids=PRIVATE)
def test_no_error_quotes_an_address_or_a_key(private: str) -> None:
    text = f"Cannot GET /v2/organizations/1/ooo?email={private} for <{private}>, {private}"
    errors = [
        error_of(404, json.dumps({"error": {"code": "NotFoundException", "message": text}}).encode()),
        TransportError(host="api.cal.com", path="/v2/me", cause=text),
        ProtocolError(path="/v2/me", expected="status 200", observed=text),
    ]
    for error in errors:
        assert private not in str(error) + repr(error)
        assert private.partition("@")[0] not in str(error)


def test_long_details_are_cut_and_every_message_is_printable() -> None:
    error = error_of(500, json.dumps({"message": "\ud800\x1b[2J\n" + "x" * 10_000}).encode())
    assert len(error.detail) <= BODY_LIMIT
    assert str(error).isprintable()
    str(error).encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("key cal_live_1a2b, ok", "key cal_…, ok"),
        ("a%20cal_live_1a2b", "a%20cal_…"),
        ("the local_time of the user", "the local_time of the user"),
        ("Authorization: bearer  abc.def/ghi", "Authorization: Bearer …"),
        ("a ann@acme.example b", "a <e-mail> b"),
        ("a ann%2540acme.example b", "a <e-mail> b"),
        ("a ann\uff20acme.example b", "a <e-mail> b"),
        ("cal_li\u200bve_1a2b", "cal_…"),
        ("an\x00n@acme.example", "<e-mail>"),
        ("one\ntwo\tthree\x85four", "one two three four"),
        ("left\u202eright\u2066\x1b[2J", "leftright[2J"),
        ("it is my-token, indeed", "it is …, indeed"),
        ("it is MY-TOKEN", "it is …"),
        ("it is my\u2060-token", "it is …"),
    ],
)
def test_redacting_removes_credentials_addresses_and_invisible_characters(text: str, shown: str) -> None:
    assert redact(text, ["my-token"]) == shown
    assert redact(shown, ["my-token"]) == shown


@pytest.mark.parametrize("filler", ["x", "x ", "@ ", "ann@b.c ", "cal_ab ", "Bearer "])
def test_redacting_a_long_text_takes_linear_time_and_never_shows_a_part_of_a_credential(filler: str) -> None:
    for length in (490, 2_000, 65_530, 1_000_000):
        shown = redact(filler * (length // len(filler)) + "my-token cal_live_1a2b", ["my-token"])
        assert len(shown) <= BODY_LIMIT
        assert "my-t" not in shown
        assert "cal_l" not in shown


SECRET = "opaque/Secret+0123~xyz"  # noqa: S105 - an invented one


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        SECRET.upper(),
        quote(SECRET, safe=""),
        "".join(f"%{byte:02X}" for byte in SECRET.encode()),
        "".join(f"%25{byte:02x}" for byte in SECRET.encode()),
        *(
            base64.b64encode(f"{before}{SECRET}{after}".encode()).decode()
            for before in ("", "u:", "us:", "use:")
            for after in ("", ":", ":x")
        ),
        base64.urlsafe_b64encode(f":{SECRET}".encode()).decode(),
        base64.b64encode(f"user:{SECRET}".encode()).decode().lower(),
    ],
)
def test_a_credential_is_found_in_each_of_its_forms(form: str) -> None:
    shown = redact(f"before {form} after", [SECRET])
    assert re.fullmatch(r"before .{0,8}….{0,8} after", shown), shown
    assert redact(shown, [SECRET]) == shown
