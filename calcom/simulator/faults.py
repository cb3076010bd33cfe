"""Scripted faults: what an API, the edge in front of it or the network may do to a request."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Literal

from calcom.simulator.errors import BARE_SERVER_ERROR
from calcom.simulator.records import encode_json
from calcom.simulator.replies import JSON_TYPE, Reply

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

_HTML_TYPE = "text/html; charset=UTF-8"


class _Absent:
    """The value of a field that a record lacks."""

    def __repr__(self) -> str:
        return "ABSENT"


ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault, for the matching requests number `nth` to `nth + times - 1`.

    kinds that replace the answer, before the throttler counts the request:
        `500` the bare body of an uncaught exception; `502_html`, `403_html` and `empty_200_html`
        pages of the edge; `timeout` no answer until `seconds` have passed (None: never), then the
        usual one.
    kinds that replace it behind the throttler, with rate headers:
        `500_prisma` the body of a database error; `429` a refusal whose Reset is `seconds` (60).
    kinds that spoil the usual answer:
        `reset` the connection closes halfway through the body; `truncated_json` half of the body
        under a Content-Length that agrees; `slow_body` the body in pieces over `seconds` (0.2);
        `wrong_types` ids as text and instants as numbers in every record; `bad_record` the record
        in the middle has `field` set to `value`, or lacks it when that is ABSENT.

    `path` is a regular expression searched for in the path with its query.
    """

    kind: FaultKind
    path: str = ""
    nth: int = 1
    times: int = 1
    seconds: float | None = None
    field: str = "start"
    value: object = ABSENT


class FaultScript:
    """Tells which fault, if any, a request meets; counts the matching requests of each."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        """Start with no request counted."""
        self._counted: list[tuple[Fault, int]] = [(fault, 0) for fault in faults]

    def next_fault(self, path_and_query: str) -> Fault | None:
        """The first fault that is due; every matching fault counts the request."""
        due = None
        for index, (fault, count) in enumerate(self._counted):
            if re.search(fault.path, path_and_query):
                self._counted[index] = (fault, count + 1)
                if due is None and fault.nth <= count + 1 < fault.nth + fault.times:
                    due = fault
        return due


def edge_reply(fault: Fault) -> Reply | None:
    """The answer given in place of the application's, or None when the application answers."""
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


def spoil(fault: Fault, reply: Reply) -> Reply:
    """The answer with its body damaged, for the kinds that damage one."""
    if fault.kind == "truncated_json":
        return replace(reply, body=reply.body[: len(reply.body) // 2])
    if fault.kind == "wrong_types":
        return _edit_records(reply, lambda records: [_with_wrong_types(r) for r in records])
    if fault.kind == "bad_record":
        return _edit_records(reply, lambda records: _with_bad_record(records, fault))
    return reply


Records = list[dict[str, Any]]


def _edit_records(reply: Reply, edit: Callable[[Records], Records]) -> Reply:
    """The reply with its records edited; a refusal or a single record stays as it is."""
    envelope = json.loads(reply.body)
    if not isinstance(envelope.get("data"), list):
        return reply
    return replace(reply, body=encode_json(envelope | {"data": edit(envelope["data"])}))


def _with_wrong_types(record: dict[str, Any]) -> dict[str, Any]:
    swapped = dict(record)
    for name, value in record.items():
        if name in ("id", "userId"):
            swapped[name] = str(value)
        elif name in ("start", "end", "createdDate"):
            swapped[name] = 1735689600000
    return swapped


def _with_bad_record(records: Records, fault: Fault) -> Records:
    spoiled = list(records)
    if spoiled:
        middle = len(spoiled) // 2
        record = {name: value for name, value in spoiled[middle].items() if name != fault.field}
        spoiled[middle] = record if fault.value is ABSENT else record | {fault.field: fault.value}
    return spoiled
