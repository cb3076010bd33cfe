"""Responses of a hostile or broken server end in one error within the bounds of time, memory and attempts."""

import asyncio
import base64
import gzip
import json
import socket
import ssl
import struct
import tracemalloc
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from calcom.client import CalcomClient
from calcom.connection import Connection, Traffic
from calcom.credentials import AccessToken, ApiKey
from calcom.errors import BODY_LIMIT, CalcomError, ExitCode, ProtocolError, TransportError
from calcom.transport import ProxiedTransport, SwitchingTransport

assert aiohttp.ClientSession  # imported here, because the import takes longer than the timeout of these tests
SECRET = "s3cr3t/T0ken-of+this=connection"  # noqa: S105 - invented
CREDENTIAL = AccessToken(SecretStr(SECRET))
PAGE = json.dumps({"status": "success", "data": []}).encode()
LIMITS = httpx.Limits(max_connections=2, max_keepalive_connections=2)
MEGABYTE = 1_000_000

Respond = Callable[[asyncio.StreamWriter], Awaitable[None]]
TRANSPORTS: dict[str, Callable[[], httpx.AsyncBaseTransport]] = {
    "httpx": lambda: SwitchingTransport(is_encrypted=False, limits=LIMITS),
    "aiohttp": lambda: SwitchingTransport(is_encrypted=False, limits=LIMITS, switch_after=0),
    "proxied": lambda: ProxiedTransport(LIMITS),
}
over_each_transport = pytest.mark.parametrize("transport", TRANSPORTS.values(), ids=TRANSPORTS)


@dataclass
class Outcome:
    """The results of some calls, the client's counts, and the number of requests that reached the server."""

    results: list[Any]
    traffic: Traffic
    requests: list[bytes] = field(default_factory=list)

    @property
    def error(self) -> CalcomError:
        """The error of the last call."""
        assert isinstance(self.results[-1], CalcomError), self.results
        return self.results[-1]


async def no_pause(_: float) -> None:
    return


async def call(
    url: str, transport: httpx.AsyncBaseTransport, *, times: int = 1, timeout_seconds: float = 2.0
) -> Outcome:
    connection = Connection(
        url,
        CREDENTIAL,
        read_timeout_seconds=timeout_seconds,
        max_response_mb=1,
        transport=transport,
        sleep=no_pause,
    )
    results: list[Any] = []
    async with CalcomClient(connection) as client:
        for _ in range(times):
            try:
                results.append(await client.fetch_organization_entries(1))
            except CalcomError as error:
                results.append(error)
        return Outcome(results, client.traffic)


def call_server(  # noqa: PLR0913 - the behaviour of one server
    respond: Respond,
    transport: Callable[[], httpx.AsyncBaseTransport],
    *,
    timeout_seconds: float = 2.0,
    times: int = 1,
    keeps_alive: bool = False,
    tls: ssl.SSLContext | None = None,
) -> Outcome:
    """Return the outcome of calls to a server that handles each request with `respond`."""
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                requests.append(await reader.readuntil(b"\r\n\r\n"))
                await respond(writer)
                await writer.drain()
                if not keeps_alive or writer.transport.is_closing():
                    return
        except (OSError, asyncio.IncompleteReadError):
            return  # the client has closed the connection
        finally:
            writer.close()

    async def run() -> Outcome:
        server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
        try:
            port = server.sockets[0].getsockname()[1]
            url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
            return await call(url, transport(), times=times, timeout_seconds=timeout_seconds)
        finally:
            server.close()

    outcome = asyncio.run(run())
    outcome.requests = requests
    return outcome


def head(status: str, *headers: str) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *headers, "\r\n")).encode("latin-1")


def sending(response: bytes) -> Respond:
    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(response)
        await writer.drain()

    return send


def repeating(begin: bytes, part: bytes, parts: int = 1_000_000) -> Respond:
    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(begin)
        for _ in range(parts):
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)  # over TLS, the loop has to run to detect that the client has gone

    return send


def json_response(body: bytes, *headers: str) -> bytes:
    return head("200 OK", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers) + body


# The size of a response


def compress_bomb(megabytes: int, layers: int = 1) -> bytes:
    compressor = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    zeros = bytes(MEGABYTE)
    body = b"".join(compressor.compress(zeros) for _ in range(megabytes)) + compressor.flush()
    for _ in range(layers - 1):
        body = gzip.compress(body)
    return body


BOMB = compress_bomb(300)
CHUNK = b"10000\r\n" + b" " * 65_536 + b"\r\n"
TOO_LARGE = {
    "endless_chunks": repeating(head("200 OK", "Transfer-Encoding: chunked"), CHUNK),
    "until_closed": repeating(head("200 OK", "Connection: close"), b" " * 65_536),
    "announced": sending(head("200 OK", "Content-Length: 999999999999") + b"{"),
    "endless_error": repeating(head("500 Error", "Transfer-Encoding: chunked"), CHUNK),
    "gzip_bomb": sending(json_response(BOMB, "Content-Encoding: gzip")),
    "deflate_bomb": sending(json_response(zlib.compress(bytes(50 * MEGABYTE)), "Content-Encoding: deflate")),
}


@over_each_transport
@pytest.mark.parametrize("respond", TOO_LARGE.values(), ids=TOO_LARGE)
def test_a_body_beyond_the_bound_is_refused_at_once_in_little_memory(
    respond: Respond, transport: Callable[[], httpx.AsyncBaseTransport]
) -> None:
    tracemalloc.start()
    outcome = call_server(respond, transport, timeout_seconds=20)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert isinstance(outcome.error, ProtocolError)
    assert "1 MB" in str(outcome.error)
    assert "OOO_MAX_RESPONSE_MB" in str(outcome.error)
    assert (outcome.traffic.requests, len(outcome.requests)) == (1, 1)
    assert peak < 12 * MEGABYTE


ENDLESS_HEADERS = {
    "one_line": repeating(b"HTTP/1.1 200 OK\r\nX-A: ", b"a" * 65_536),
    "many_lines": repeating(
        b"HTTP/1.1 200 OK\r\n", b"".join(b"X-%d: a\r\n" % number for number in range(900))
    ),
    "status_line": repeating(b"HTTP/1.1 200 ", b"a" * 65_536),
}


@over_each_transport
@pytest.mark.parametrize("respond", ENDLESS_HEADERS.values(), ids=ENDLESS_HEADERS)
def test_headers_beyond_the_bound_are_refused_at_once(
    respond: Respond, transport: Callable[[], httpx.AsyncBaseTransport]
) -> None:
    outcome = call_server(respond, transport, timeout_seconds=20)
    assert isinstance(outcome.error, ProtocolError)
    assert "headers of at most 100 KB" in str(outcome.error)
    assert outcome.traffic.requests == 1


@over_each_transport
def test_a_body_of_exactly_the_bound_is_read(transport: Callable[[], httpx.AsyncBaseTransport]) -> None:
    body = PAGE + b" " * (MEGABYTE - len(PAGE))
    for response in (
        json_response(body),
        json_response(gzip.compress(body), "Content-Encoding: gzip"),
        json_response(zlib.compress(body), "Content-Encoding: deflate"),
        json_response(zlib.compress(body, wbits=-15), "Content-Encoding: Deflate"),
    ):
        outcome = call_server(sending(response), transport)
        assert [result.ids for result in outcome.results] == [[]]


@over_each_transport
def test_a_compressed_body_that_is_cut_off_is_a_protocol_error(
    transport: Callable[[], httpx.AsyncBaseTransport],
) -> None:
    response = json_response(gzip.compress(PAGE)[:-9], "Content-Encoding: gzip")
    assert "ends too early" in str(call_server(sending(response), transport).error)


def test_the_timeout_ends_a_decompression() -> None:
    """A body within a large bound, whose decompression takes longer than the timeout."""
    body = compress_bomb(1_000)
    connection = Connection(
        "http://api.example",
        ApiKey(SecretStr("cal_x")),
        max_attempts=1,
        read_timeout_seconds=0.05,
        max_response_mb=1_024,
        transport=httpx.MockTransport(
            lambda _: httpx.Response(200, headers={"content-encoding": "gzip"}, stream=httpx.ByteStream(body))
        ),
    )

    async def run() -> None:
        async with CalcomClient(connection) as client:
            await client.fetch_organization_entries(1)

    with pytest.raises(TransportError, match="TimeoutError"):
        asyncio.run(run())


# Failures that another attempt cannot mend


@over_each_transport
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "304 Not Modified", "308 Permanent Redirect"])
def test_a_redirect_is_refused_after_one_attempt(
    status: str, transport: Callable[[], httpx.AsyncBaseTransport]
) -> None:
    response = head(status, "Location: https://login.example/?key=secret", "Content-Length: 0")
    outcome = call_server(sending(response), transport)
    assert f"status {status[:3]} to https://login.example/" in str(outcome.error)
    assert len(outcome.requests) == 1


@over_each_transport
@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "x\tcal_live_abc"])
def test_an_encoding_that_was_not_requested_is_named_and_not_requested_again(
    encoding: str, transport: Callable[[], httpx.AsyncBaseTransport]
) -> None:
    response = json_response(compress_bomb(20, layers=2), f"Content-Encoding: {encoding}")
    outcome = call_server(sending(response), transport)
    assert "Content-Encoding: " + encoding.replace("\tcal_live_abc", " cal_…") in str(outcome.error)
    assert len(outcome.requests) == 1


@over_each_transport
@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        (b"<html>Sign in</html>", "text/html; charset=utf-8", "text/html, which a proxy or a login page"),
        (b"\xef\xbb\xbf" + PAGE, "application/json", "a byte order mark"),
    ],
)
def test_content_other_than_plain_json_is_named(
    body: bytes, content_type: str, words: str, transport: Callable[[], httpx.AsyncBaseTransport]
) -> None:
    response = head("200 OK", f"Content-Length: {len(body)}", f"Content-Type: {content_type}") + body
    error = call_server(sending(response), transport).error
    assert words in str(error)
    assert error.exit_code is ExitCode.PROTOCOL


@pytest.fixture(scope="module")
def self_signed(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, Path]:
    """Return the context of a server with a self-signed certificate, and the certificate's file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(path)
    return context, path


TLS_TRANSPORTS: dict[str, Callable[[], httpx.AsyncBaseTransport]] = {
    "httpx": lambda: SwitchingTransport(is_encrypted=True, limits=LIMITS),
    "aiohttp": lambda: SwitchingTransport(is_encrypted=True, limits=LIMITS, switch_after=0),
    "proxied": lambda: ProxiedTransport(LIMITS),
}


@pytest.mark.parametrize("transport", TLS_TRANSPORTS.values(), ids=TLS_TRANSPORTS)
def test_a_refused_certificate_is_one_attempt_that_names_ssl_cert_file(
    transport: Callable[[], httpx.AsyncBaseTransport], self_signed: tuple[ssl.SSLContext, Path]
) -> None:
    outcome = call_server(sending(json_response(PAGE)), transport, tls=self_signed[0])
    assert isinstance(outcome.error, TransportError)
    assert "SSL_CERT_FILE" in str(outcome.error)
    assert (outcome.traffic.requests, outcome.requests) == (1, [])


@pytest.mark.parametrize("transport", TLS_TRANSPORTS.values(), ids=TLS_TRANSPORTS)
def test_hostile_responses_are_refused_over_tls_with_the_certificate_of_ssl_cert_file(
    transport: Callable[[], httpx.AsyncBaseTransport],
    self_signed: tuple[ssl.SSLContext, Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    context, path = self_signed
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    outcome = call_server(sending(json_response(PAGE)), transport, tls=context)
    assert [result.ids for result in outcome.results] == [[]]
    for words, responds in {
        "OOO_MAX_RESPONSE_MB": TOO_LARGE.values(),
        "headers of at most 100 KB": ENDLESS_HEADERS.values(),
        "status 302 to https://login.example/": [
            sending(head("302 Found", "Location: https://login.example/"))
        ],
        "Content-Encoding: br": [sending(json_response(PAGE, "Content-Encoding: br"))],
    }.items():
        for respond in responds:
            outcome = call_server(respond, transport, tls=context)
            assert words in str(outcome.error)
            assert outcome.traffic.requests == 1


# The counted requests are the sent ones


@over_each_transport
@pytest.mark.parametrize("is_reset", [True, False], ids=["reset", "closed"])
def test_every_request_at_the_server_is_counted_when_reused_connections_are_reset(
    is_reset: bool,  # noqa: FBT001 - a parameter of the test
    transport: Callable[[], httpx.AsyncBaseTransport],
) -> None:
    answered: dict[int, int] = {}

    async def respond(writer: asyncio.StreamWriter) -> None:
        count = answered[id(writer)] = answered.get(id(writer), 0) + 1
        if count == 1:
            writer.write(json_response(PAGE))
            return
        if is_reset:
            endpoint: socket.socket = writer.get_extra_info("socket")
            endpoint.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    outcome = call_server(respond, transport, times=20, keeps_alive=True)
    assert [result.ids for result in outcome.results] == [[]] * 20
    assert len(outcome.requests) == outcome.traffic.requests == 20 + outcome.traffic.retries
    assert outcome.traffic.retries > 0


# What a server echoes


PRIVATE = [SECRET, quote(SECRET, safe=""), "cal_live_0123456789abcdef", "ann.other@acme.example"]
ECHO = (
    f"{SECRET} {quote(SECRET, safe='')} key=cal_live_0123456789abcdef CAL_live_0123456789abcdef"
    " Bearer eyJhbGciOi.eyJzdWIi.c2ln ann.other@acme.example ann.other%40acme.example"
)
INVISIBLE = "\x1b[2J\x85\u202e\u2066\u200b\x00"
SPLIT = f"cal_li\u200bve_0123456789abcdef ann.other\u202e@acme.example {SECRET[:9]}\u2060{SECRET[9:]}"
HOSTILE = f"{ECHO} {INVISIBLE} {SPLIT} " + "x" * 10_000


def error_response(status: str, document: object, *headers: str) -> bytes:
    body = json.dumps(document).encode()
    return head(status, f"Content-Length: {len(body)}", *headers) + body


def error_with(**facts: object) -> bytes:
    return error_response("404 Not Found", {"status": "error", "error": facts})


CONSTRAINTS = {"errors": [{"constraints": {"max": HOSTILE}}]}
ECHOES = {
    "code": error_with(code=HOSTILE, message="no"),
    "message": error_with(code="NotFoundException", message=HOSTILE),
    "constraint": error_with(code="BadRequestException", message="no", details=CONSTRAINTS),
    "bare_message": error_response("404 Not Found", {"statusCode": 404, "message": HOSTILE}),
    "request_id_of_an_error": error_response("404 Not Found", {}, f"X-Request-Id: {ECHO}"),
    "request_id_of_a_page": json_response(b"[]", f"X-Request-Id: {ECHO}"),
    "request_id_of_a_redirect": head("302 Found", "Content-Length: 0", f"X-Request-Id: {ECHO}"),
    "location": head("302 Found", f"Location: https://login.example/{ECHO}", "Content-Length: 0"),
    "keys_of_the_envelope": json_response(json.dumps({HOSTILE: 1}).encode()),
    "content_type": head("200 OK", f"Content-Type: text/{ECHO}", "Content-Length: 2") + b"[]",
    "content_encoding": head("200 OK", f"Content-Encoding: {ECHO}", "Content-Length: 2") + b"[]",
    "status_line": f"HTTP/1.1 abc {ECHO}\r\n\r\n".encode(),
    "header_line": head("200 OK", ECHO),
}


@over_each_transport
@pytest.mark.parametrize("response", ECHOES.values(), ids=ECHOES)
def test_no_echo_of_a_server_brings_private_or_invisible_text_into_an_error(
    response: bytes, transport: Callable[[], httpx.AsyncBaseTransport]
) -> None:
    error = call_server(sending(response), transport).error
    facts = [str(fact) for fact in vars(error).values()]
    for text in (str(error), repr(error), *facts):
        lowered = text.lower()
        assert not [private for private in PRIVATE if private.lower() in lowered]
        assert "ann.other" not in lowered
        assert "0123456789abcdef" not in lowered
        assert "eyjzdwii" not in lowered
    assert str(error).isprintable()
    assert all(len(fact) <= BODY_LIMIT for fact in facts)


def test_a_rejected_record_has_no_credential_of_the_connection_in_any_form() -> None:
    encoded = base64.b64encode(f"user:{SECRET}".encode()).decode()
    echo = f"{SECRET} {quote(SECRET, safe='')} {encoded}"
    record = {"id": 5, "userId": 7, "start": echo, "notes": [echo, {echo: echo}]}
    page = json.dumps({"status": "success", "data": [record]}).encode()
    outcome = call_server(sending(json_response(page)), TRANSPORTS["httpx"])
    (records,) = outcome.results
    (rejected,) = records.rejected
    assert (rejected.record_id, rejected.user_id) == (5, 7)
    for text in (SECRET, quote(SECRET, safe=""), encoded):
        assert text not in rejected.raw


# Pauses


@over_each_transport
@pytest.mark.parametrize(
    ("status", "headers", "header"),
    [
        ("429 Too Many", ["Retry-After: 86400"], "Retry-After"),
        ("503 Unavailable", ["Retry-After: 86400"], "Retry-After"),
        (
            "503 Unavailable",
            ["Date: Sun, 01 Mar 2026 06:00:00 GMT", "Retry-After: Mon, 02 Mar 2026 06:00:00 GMT"],
            "Retry-After",
        ),
        (
            "429 Too Many",
            [
                f"X-RateLimit-{name}-Default: {value}"
                for name, value in (("Limit", 9), ("Remaining", 0), ("Reset", 86400))
            ],
            "X-RateLimit-Reset-default",
        ),
    ],
)
def test_a_pause_beyond_the_bound_fails_at_once_and_names_the_header_and_the_setting(
    status: str, headers: list[str], header: str, transport: Callable[[], httpx.AsyncBaseTransport]
) -> None:
    response = head(status, "Content-Length: 0", *headers)
    outcome = call_server(sending(response), transport)
    assert outcome.error.exit_code is ExitCode.UNAVAILABLE
    assert f"({header})" in str(outcome.error)
    assert "OOO_MAX_WAIT_SECONDS allows 900" in str(outcome.error)
    assert len(outcome.requests) == 1
