"""Whichever transport carries a request, an answer is the same answer and a failure the same error."""

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
from calcom.credentials import ApiKey
from calcom.errors import CalcomError, ProtocolError, TransportError
from calcom.requester import Connection
from calcom.transport import GrowingTransport, ProxiedTransport

PAGE = json.dumps({"status": "success", "data": []}).encode()
assert aiohttp.ClientSession  # imported here, as it takes longer than these tests wait for an answer
LIMITS = httpx.Limits(max_connections=2)

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]
Transport = Callable[[], httpx.AsyncBaseTransport]


def head(status: str, *headers: str) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {status}", *headers, "\r\n")).encode()


def sending(answer: bytes) -> Answer:
    async def send(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
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
SAME = [
    ("whole", sending(head("200 OK", f"Content-Length: {len(PAGE)}") + PAGE), None),
    ("unasked_header", sending(head("200 OK", "X-A: caf\xe9", f"Content-Length: {len(PAGE)}") + PAGE), None),
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
    ("no_http", sending(b"220 mail.example ESMTP\r\n\r\n"), TransportError),
    ("bad_header", sending(head("200 OK", "no colon", "Content-Length: 0")), TransportError),
    ("dribbling", dribble, TransportError),
    ("hanging", hang, TransportError),
]
TRANSPORTS: dict[str, Transport] = {
    "few": lambda: GrowingTransport(is_encrypted=False, limits=LIMITS),
    "many": lambda: GrowingTransport(is_encrypted=False, limits=LIMITS, few=0),
    "proxied": lambda: ProxiedTransport(LIMITS),
}


async def fetch(transport: httpx.AsyncBaseTransport, url: str, times: int = 1) -> list[Any]:
    """What each of `times` calls gave: records or the error."""
    connection = Connection(
        url, ApiKey(SecretStr("cal_x")), max_attempts=1, read_timeout_seconds=0.5, transport=transport
    )
    found: list[Any] = []
    async with CalcomClient(connection) as client:
        for _ in range(times):
            try:
                found.append(await client.fetch_organization_entries(1))
            except CalcomError as error:
                found.append(error)
    return found


async def fetch_from(answer: Answer, transport: httpx.AsyncBaseTransport, times: int = 1) -> list[Any]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            await answer(writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client has gone, as it may
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        return await fetch(transport, f"http://127.0.0.1:{port}", times)
    finally:
        server.close()


@pytest.mark.parametrize("transport", TRANSPORTS.values(), ids=TRANSPORTS)
@pytest.mark.parametrize(("answer", "kind"), [one[1:] for one in SAME], ids=[one[0] for one in SAME])
def test_an_answer_means_the_same_however_it_came(
    answer: Answer, kind: type[CalcomError] | None, transport: Transport
) -> None:
    (found,) = asyncio.run(fetch_from(answer, transport()))
    if kind is None:
        assert (found.accepted, found.ids) == ([], [])
    else:
        assert type(found) is kind


@pytest.mark.parametrize("transport", TRANSPORTS.values(), ids=TRANSPORTS)
def test_a_port_where_nobody_listens_is_named_as_such(transport: Transport) -> None:
    (found,) = asyncio.run(fetch(transport(), "http://127.0.0.1:1"))
    assert isinstance(found, TransportError)
    assert "ConnectError" in str(found)


def test_a_run_that_grows_from_few_requests_to_many_reads_on() -> None:
    transport = GrowingTransport(is_encrypted=False, limits=LIMITS, few=2)
    found = asyncio.run(fetch_from(SAME[0][1], transport, times=4))
    assert [one.ids for one in found] == [[], [], [], []]
