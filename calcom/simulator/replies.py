"""Answers on their way out: ETags, 304, and the ways in which sending may go wrong."""

import asyncio
import base64
import hashlib
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.types import Receive, Send

JSON_TYPE = "application/json; charset=utf-8"
_SLOW_BODY_CHUNKS = 8


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer before it is sent; the length and the ETag are added when it is."""

    status: int
    headers: dict[str, str]
    body: bytes


def raw_path(request: Request) -> str:
    """The path as it was sent, percent-encoding and all."""
    raw: bytes = request.scope["raw_path"]
    return raw.decode("latin-1")


def path_and_query(request: Request) -> str:
    """The request's target as it was sent; errors repeat it as their `path`."""
    query: bytes = request.scope["query_string"]
    return raw_path(request) + (f"?{query.decode('latin-1')}" if query else "")


def complete_reply(request: Request, reply: Reply) -> Reply:
    """The reply with its length and its weak ETag; a 304 when the client has that ETag already.

    The ETag is Express's: the length in hexadecimal and 27 characters of the SHA-1.
    """
    digest = base64.b64encode(hashlib.sha1(reply.body, usedforsecurity=False).digest())[:27]
    etag = f'W/"{len(reply.body):x}-{digest.decode()}"'
    is_known = reply.status == 200 and request.headers.get("if-none-match") == etag
    if request.method == "GET" and is_known:
        headers = {k: v for k, v in reply.headers.items() if k != "Content-Type"}
        return Reply(304, headers | {"ETag": etag}, b"")
    length = str(len(reply.body))
    return replace(reply, headers=reply.headers | {"Content-Length": length, "ETag": etag})


async def send_reply(send: Send, reply: Reply, *, resets: bool = False, dribble_seconds: float = 0.0) -> None:
    """Send the reply: whole, in pieces over a time, or only until the connection breaks."""
    headers = [(k.lower().encode(), v.encode()) for k, v in reply.headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    if resets:
        await _send_half_and_reset(send, reply.body)
    elif dribble_seconds:
        await _send_slowly(send, reply.body, dribble_seconds)
    else:
        await send({"type": "http.response.body", "body": reply.body})


async def wait_for_disconnect(receive: Receive, seconds: float | None) -> bool:
    """Wait for the client to give up, at most that long; True when it did."""

    async def disconnected() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(disconnected(), seconds)
    except TimeoutError:
        return False
    return True


async def _send_half_and_reset(send: Send, body: bytes) -> None:
    """Send half of the announced body, then fail: a server closes the connection on that.

    Over a socket the client sees a connection that ended early; in-process, this exception.
    """
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    message = "The simulated connection was reset."
    raise ConnectionResetError(message)


async def _send_slowly(send: Send, body: bytes, seconds: float) -> None:
    """Send the body in pieces, evenly over the time."""
    size = max(1, -(-len(body) // _SLOW_BODY_CHUNKS))
    for begin in range(0, len(body), size):
        await asyncio.sleep(seconds / _SLOW_BODY_CHUNKS)
        piece = body[begin : begin + size]
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})
