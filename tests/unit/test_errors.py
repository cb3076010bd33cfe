"""Every recorded error response becomes one error with advice, and no error quotes private data."""

import json

import pytest

from calcom.errors import BODY_LIMIT, ApiError, ErrorKind, ProtocolError, TransportError, error_from_response
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


@pytest.mark.parametrize("private", PRIVATE.values(), ids=PRIVATE)
def test_no_error_quotes_an_address_or_a_key(private: str) -> None:
    text = f"Cannot GET /v2/organizations/1/ooo?email={private} for <{private}>, {private}"
    errors = [
        error_of(404, json.dumps({"error": {"code": "NotFoundException", "message": text}}).encode()),
        TransportError(host="api.cal.com", path="/v2/me", cause=text),
        ProtocolError(path="/v2/me", expected="status 200", found=text),
    ]
    for error in errors:
        assert private not in str(error) + repr(error)
        assert private.partition("@")[0] not in str(error)


def test_long_details_are_cut_and_every_message_is_printable() -> None:
    error = error_of(500, json.dumps({"message": "\ud800\x1b[2J\n" + "x" * 10_000}).encode())
    assert len(error.detail) <= BODY_LIMIT
    assert str(error).isprintable()
    str(error).encode()
