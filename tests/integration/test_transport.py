"""Every transport returns the same response and raises the same error for the same bytes of a server."""

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import httpx
import pytest
from pydantic import SecretStr

from calcom.client import CalcomClient
from calcom.connection import Connection
from calcom.credentials import ApiKey
from calcom.errors import CalcomError, ProtocolError, TransportError
from calcom.transport import ProxiedTransport, SwitchingTransport

PAGE = json.dumps({"status": "success", "data": []}).encode()
assert aiohttp.ClientSession  # imported here, because the import takes longer than the timeout of these tests
LIMITS = httpx.Limits(max_connections=2)

Respond = Callable[[asyncio.StreamWriter], Awaitable[None]]
Transport = Callable[[], httpx.AsyncBaseTransport]


def head(status: str, *headers: str) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *headers, "\r\n")).encode()


def sending(response: bytes) -> Respond:
    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(response)
        await writer.drain()

    return send


async def dribble(writer: asyncio.StreamWriter) -> None:
    writer.write(head("200 OK", "Content-Length: 9999"))
    for _ in range(100):
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.05)


async def hang(writer: asyncio.StreamWriter) -> None:
    del writer
    await asyncio.sleep(5)


GZIPPED = gzip.compress(PAGE)
CASES = [
    ("whole", sending(head("200 OK", f"Content-Length: {len(PAGE)}") + PAGE), None),
    (
        "additional_header",
        sending(head("200 OK", "X-A: caf\xe9", f"Content-Length: {len(PAGE)}") + PAGE),
        None,
    ),
    (
        "gzip",
        sending(head("200 OK", "Content-Encoding: gzip", f"Content-Length: {len(GZIPPED)}") + GZIPPED),
        None,
    ),
    (
        "broken_gzip",
        sending(head("200 OK", "Content-Encoding: gzip", "Content-Length: 4") + b"junk"),
        ProtocolError,
    ),
    ("redirect", sending(head("302 Found", "Location: /elsewhere", "Content-Length: 0")), ProtocolError),
    ("closed", sending(b""), TransportError),
    ("cut_off", sending(head("200 OK", "Content-Length: 99") + PAGE[:5]), TransportError),
    ("cut_off_chunk", sending(head("200 OK", "Transfer-Encoding: chunked") + b"5\r\nab"), TransportError),
    ("not_http", sending(b"220 mail.example ESMTP\r\n\r\n"), TransportError),
    ("bad_header", sending(head("200 OK", "no colon", "Content-Length: 0")), TransportError),
    ("dribbling", dribble, TransportError),
    ("hanging", hang, TransportError),
]
TRANSPORTS: dict[str, Transport] = {
    "httpx": lambda: SwitchingTransport(is_encrypted=False, limits=LIMITS),
    "aiohttp": lambda: SwitchingTransport(is_encrypted=False, limits=LIMITS, switch_after=0),
    "proxied": lambda: ProxiedTransport(LIMITS),
}


async def fetch(transport: httpx.AsyncBaseTransport, url: str, times: int = 1) -> list[Any]:
    """Return the result of each of `times` calls: records or the error."""
    connection = Connection(
        url, ApiKey(SecretStr("cal_x")), max_attempts=1, read_timeout_seconds=0.5, transport=transport
    )
    results: list[Any] = []
    async with CalcomClient(connection) as client:
        for _ in range(times):
            try:
                results.append(await client.fetch_organization_entries(1))
            except CalcomError as error:
                results.append(error)
    return results


async def fetch_from(respond: Respond, transport: httpx.AsyncBaseTransport, times: int = 1) -> list[Any]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await respond(writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client has closed the connection
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        return await fetch(transport, f"http://127.0.0.1:{port}", times)
    finally:
        server.close()


@pytest.mark.parametrize("transport", TRANSPORTS.values(), ids=TRANSPORTS)
@pytest.mark.parametrize(
    ("respond", "error_type"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
def test_every_transport_gives_the_same_result_for_the_same_response(
    respond: Respond, error_type: type[CalcomError] | None, transport: Transport
) -> None:
    (result,) = asyncio.run(fetch_from(respond, transport()))
    if error_type is None:
        assert (result.accepted, result.ids) == ([], [])
    else:
        assert type(result) is error_type


@pytest.mark.parametrize("transport", TRANSPORTS.values(), ids=TRANSPORTS)
def test_a_refused_connection_is_a_connect_error(transport: Transport) -> None:
    (result,) = asyncio.run(fetch(transport(), "http://127.0.0.1:1"))
    assert isinstance(result, TransportError)
    assert "ConnectError" in str(result)


def test_the_transport_switches_to_aiohttp_between_two_requests() -> None:
    transport = SwitchingTransport(is_encrypted=False, limits=LIMITS, switch_after=2)
    respond = sending(head("200 OK", "Connection: close", f"Content-Length: {len(PAGE)}") + PAGE)
    results = asyncio.run(fetch_from(respond, transport, times=4))
    assert [result.ids for result in results] == [[], [], [], []]
