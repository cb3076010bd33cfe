"""Responses on their way to the client, and the scripted faults that replace or damage them."""

import asyncio
import base64
import hashlib
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Literal

from starlette.requests import Request
from starlette.types import Receive, Send

from calcom.simulator.errors import BARE_SERVER_ERROR
from calcom.simulator.records import encode_json

FaultKind = Literal[
    "500",
    "500_prisma",
    "502_html",
    "403_html",
    "429",
    "timeout",
    "reset",
    "truncated_json",
    "slow_body",
    "wrong_types",
    "bad_record",
    "empty_200_html",
]

JSON_TYPE = "application/json; charset=utf-8"
_HTML_TYPE = "text/html; charset=UTF-8"
_SLOW_BODY_CHUNKS = 8


class _Absent:
    """The value of a field that is missing in a record."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, for the matching requests number `nth` to `nth + times - 1`.

    Kinds that replace the response before the throttler counts the request:
        `500`: the bare body of an uncaught exception. `502_html`, `403_html`, `empty_200_html`: pages of an
        edge server. `timeout`: no response until `seconds` have passed (None: never), then the usual one.
    Kinds that replace the response after the throttler, with rate headers:
        `500_prisma`: the body of a database error. `429`: a refusal with `seconds` (60) as its Reset.
    Kinds that damage the usual response:
        `reset`: the connection closes in the middle of the body. `truncated_json`: half of the body, with a
        matching Content-Length. `slow_body`: the body in pieces over `seconds` (0.2). `wrong_types`: ids as
        texts and instants as numbers in every record. `bad_record`: the middle record has `field` set to
        `value`, or lacks the field if `value` is ABSENT.

    `path` is a regular expression that is searched in the path with its query.
    """

    kind: FaultKind
    path: str = ""
    nth: int = 1
    times: int = 1
    seconds: float | None = None
    field: str = "start"
    value: object = ABSENT


class FaultScript:
    """Selects the fault of each request, and counts the matching requests of each fault."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        """Start without any counted request."""
        self._counted: list[tuple[Fault, int]] = [(fault, 0) for fault in faults]

    def next_fault(self, path_and_query: str) -> Fault | None:
        """Return the first fault that is due, or None; every matching fault counts the request."""
        due = None
        for index, (fault, count) in enumerate(self._counted):
            if re.search(fault.path, path_and_query):
                self._counted[index] = (fault, count + 1)
                if due is None and fault.nth <= count + 1 < fault.nth + fault.times:
                    due = fault
        return due


@dataclass(frozen=True, slots=True)
class Reply:
    """A response before it is sent; its length and ETag are added at the end."""

    status: int
    headers: dict[str, str]
    body: bytes


def edge_reply(fault: Fault) -> Reply | None:
    """Return the response that replaces the application's, or None if the application responds."""
    if fault.kind == "500":
        return Reply(500, {"Content-Type": JSON_TYPE}, encode_json(BARE_SERVER_ERROR))
    if fault.kind not in ("502_html", "403_html", "empty_200_html"):
        return None
    if fault.kind == "empty_200_html":
        return Reply(200, {"Content-Type": _HTML_TYPE}, b"")
    status = HTTPStatus(int(fault.kind[:3]))
    page = (
        f"<html>\r\n<head><title>{status} {status.phrase}</title></head>\r\n<body>\r\n"
        f"<center><h1>{status} {status.phrase}</h1></center>\r\n<hr><center>cloudflare</center>\r\n"
        "</body>\r\n</html>\r\n"
    )
    headers = {"Content-Type": _HTML_TYPE, "Server": "cloudflare", "CF-RAY": "8f0000000000sim-LHR"}
    return Reply(status, headers, page.encode())


def damage(fault: Fault, reply: Reply) -> Reply:
    """Return the response with its body damaged, if the kind of fault damages a body."""
    if fault.kind == "truncated_json":
        return replace(reply, body=reply.body[: len(reply.body) // 2])
    if fault.kind == "wrong_types":
        return _edit_records(reply, lambda records: [_with_wrong_types(record) for record in records])
    if fault.kind == "bad_record":
        return _edit_records(reply, lambda records: _with_bad_record(records, fault))
    return reply


_Records = list[dict[str, Any]]


def _edit_records(reply: Reply, edit: Callable[[_Records], _Records]) -> Reply:
    """Return the response with its records edited; a refusal or a single record stays unchanged."""
    envelope = json.loads(reply.body)
    if not isinstance(envelope.get("data"), list):
        return reply
    return replace(reply, body=encode_json(envelope | {"data": edit(envelope["data"])}))


def _with_wrong_types(record: dict[str, Any]) -> dict[str, Any]:
    changed = dict(record)
    for name, value in record.items():
        if name in ("id", "userId"):
            changed[name] = str(value)
        elif name in ("start", "end", "createdDate"):
            changed[name] = 1735689600000
    return changed


def _with_bad_record(records: _Records, fault: Fault) -> _Records:
    changed = list(records)
    if changed:
        middle = len(changed) // 2
        record = {name: value for name, value in changed[middle].items() if name != fault.field}
        changed[middle] = record if fault.value is ABSENT else record | {fault.field: fault.value}
    return changed


def complete_reply(request: Request, reply: Reply) -> Reply:
    """Return the response with its length and weak ETag; a 304 if the client has the same ETag.

    The ETag is that of Express: the length in hexadecimal and 27 characters of the SHA-1.
    """
    digest = base64.b64encode(hashlib.sha1(reply.body, usedforsecurity=False).digest())[:27]
    etag = f'W/"{len(reply.body):x}-{digest.decode()}"'
    is_known = reply.status == 200 and request.headers.get("if-none-match") == etag
    if request.method == "GET" and is_known:
        headers = {name: value for name, value in reply.headers.items() if name != "Content-Type"}
        return Reply(304, headers | {"ETag": etag}, b"")
    length = str(len(reply.body))
    return replace(reply, headers=reply.headers | {"Content-Length": length, "ETag": etag})


async def send_reply(send: Send, reply: Reply, fault: Fault | None) -> None:
    """Send the response: whole, slowly in pieces, or only half of it before the connection closes."""
    headers = [(name.lower().encode(), value.encode()) for name, value in reply.headers.items()]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    if fault is not None and fault.kind == "reset":
        await _send_half_and_reset(send, reply.body)
    elif fault is not None and fault.kind == "slow_body":
        await _send_slowly(send, reply.body, 0.2 if fault.seconds is None else fault.seconds)
    else:
        await send({"type": "http.response.body", "body": reply.body})


async def client_disconnects(receive: Receive, seconds: float | None) -> bool:
    """Wait until the client disconnects, at most `seconds`; return True if it did."""

    async def wait_for_disconnect() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    try:
        await asyncio.wait_for(wait_for_disconnect(), seconds)
    except TimeoutError:
        return False
    return True


async def _send_half_and_reset(send: Send, body: bytes) -> None:
    """Send half of the announced body, then raise an error, for which a server closes the connection.

    Over a socket, the client sees a connection that ended early; within a process, this exception.
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
