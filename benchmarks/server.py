"""Serve Cal.com's lists from memory with little CPU time, as the source of all contenders.

The simulator behaves like Cal.com and uses as much CPU time as its clients. This server returns the same bytes
for the requests of a sync (`/v2/me`, users, an organization's entries, a user's entries). It joins records that
were encoded beforehand, so that on a small machine the measured figures are those of the clients.

`GET /requests` returns the number of requests since its last call, and the seconds from the first to the last.
`GET /change?share=0.01` changes the end of that share of all entries. Both routes serve the benchmark and are not
counted as requests.
"""

import argparse
import asyncio
import json
import math
import random
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any, Protocol
from urllib.parse import parse_qs

from calcom.simulator import World
from calcom.simulator.records import encode_json, entry_from_wire

ORGANIZATION_ID = 1
REASONS = ("vacation", "vacation", "vacation", "sick", "travel", "custom", "unspecified", "public_holiday")
_CONTENT = b"Content-Type: application/json; charset=utf-8\r\nConnection: keep-alive\r\n"


class Lists:
    """The encoded records of one invented organization."""

    def __init__(
        self, people: int, years: int, max_entries: int | None, *, organization_id: int = ORGANIZATION_ID
    ) -> None:
        """Generate the organization; `max_entries` limits the number of entries."""
        world = World.generate(
            seed=organization_id, people=people, years=years, organization_id=organization_id
        )
        self.me = encode_json({"id": world.users()[0]["id"], "organizationId": organization_id})
        self.users = [encode_json(user) for user in world.users()]
        self._records = world.entries()[:max_entries]
        self.entries: list[bytes] = []
        self.of_user: dict[str, list[bytes]] = {}
        self.encode()

    def encode(self) -> None:
        """Encode all records again, after a change."""
        self.entries = [entry_from_wire(record).wire_bytes() for record in self._records]
        self.of_user = {}
        for record, encoded in zip(self._records, self.entries, strict=True):
            self.of_user.setdefault(str(record["userId"]), []).append(encoded)

    def change(self, share: float) -> int:
        """Move the end of that share of the entries by one day; return their number."""
        count = int(len(self._records) * share)
        for record in random.Random(1).sample(self._records, count):  # noqa: S311 - not for cryptography
            ends_on = date.fromisoformat(record["end"][:10]) + timedelta(days=1)
            record["end"] = f"{ends_on}T23:59:59.999Z"
        self.encode()
        return count


class InventedLists:
    """The records of an organization that is too large for the memory: each page is invented when it is requested."""

    def __init__(self, people: int, entries: int) -> None:
        """Describe the organization; entry `n` belongs to the person `n % people + 1`."""
        self.me = encode_json({"id": 1, "organizationId": ORGANIZATION_ID})
        self.users = [_invent_user(user_id) for user_id in range(1, people + 1)]
        self.entries = InventedEntries(people, entries)
        self.of_user = UserEntries(self.entries)

    def change(self, share: float) -> int:
        """Move that share of the entries by one day; return their number."""
        self.entries.changed_every = round(1 / share)
        return len(self.entries) // self.entries.changed_every


class InventedEntries(Sequence[bytes]):
    """The encoded entries with the ids 1 to `count`, of one to nine days over three years."""

    def __init__(self, people: int, count: int) -> None:
        """Start without a changed entry."""
        self.people, self.count, self.changed_every = people, count, 0
        self._dates = [date(2024, 1, 1) + timedelta(days=number) for number in range(1110)]
        self._texts = [day.isoformat() for day in self._dates]

    def __len__(self) -> int:
        """Return the number of entries."""
        return self.count

    def __getitem__(self, chosen: Any) -> Any:
        """Return one entry or a page of entries."""
        if isinstance(chosen, slice):
            return [self._encode(index + 1) for index in range(*chosen.indices(self.count))]
        return self._encode(range(self.count)[chosen] + 1)

    def _encode(self, entry_id: int) -> bytes:
        is_changed = self.changed_every and entry_id % self.changed_every == 0
        first = entry_id * 7919 % 1096 + bool(is_changed)
        cover = (entry_id + 1) % self.people + 1 if entry_id % 3 == 0 else "null"
        return (
            f'{{"userId":{entry_id % self.people + 1},"toUserId":{cover},"id":{entry_id},'
            f'"uuid":"00000000-0000-4000-8000-{entry_id:012}","start":"{self._texts[first]}T00:00:00.000Z",'
            f'"end":"{self._texts[first + entry_id % 9]}T23:59:59.999Z","notes":null,'
            f'"reason":"{REASONS[entry_id % len(REASONS)]}"}}'
        ).encode()


class UserEntries:
    """The entries of each person."""

    def __init__(self, entries: InventedEntries) -> None:
        """Read from the list of the organization."""
        self._entries = entries

    def get(self, user_id: str, missing: Sequence[bytes]) -> Sequence[bytes]:
        """Return the encoded entries of the person, by ascending id."""
        start = int(user_id) - 1
        if not 0 <= start < self._entries.people:
            return missing
        first = start or self._entries.people
        return [
            self._entries[each - 1] for each in range(first, self._entries.count + 1, self._entries.people)
        ]


class Limit:
    """Cal.com's fixed window of `limit` requests per `seconds`, for a clock that runs `speed` times faster."""

    def __init__(self, limit: int, seconds: float, speed: float) -> None:
        """Start without an open window."""
        self._limit, self._seconds, self._speed = limit, seconds, speed
        self._hits, self._ends_at = 0, -math.inf

    def hit(self) -> tuple[bool, bytes]:
        """Count a request; return True if it exceeds the limit, and the rate-limit headers."""
        now = time.monotonic() * self._speed
        if now >= self._ends_at:
            self._hits, self._ends_at = 0, now + self._seconds
        self._hits += 1
        left, reset = max(self._limit - self._hits, 0), math.ceil(self._ends_at - now)
        values = (("Limit", self._limit), ("Remaining", left), ("Reset", reset))
        headers = "".join(f"X-RateLimit-{name}-Default: {value}\r\n" for name, value in values)
        return self._hits > self._limit, headers.encode()


class Responder(Protocol):
    """Responds to the requests of a connection."""

    def respond(self, target: str) -> bytes:
        """Return the complete response to `GET target`."""


class Responses:
    """The responses of the server process, for all of its connections."""

    def __init__(self, lists: Lists | InventedLists, limit: Limit) -> None:
        """Start without a request."""
        self.lists, self._limit, self._times = lists, limit, [0.0, 0.0]
        self._requests = 0

    def respond(self, target: str) -> bytes:
        """Return the complete response to `GET target`."""
        path, _, query = target.partition("?")
        if path == "/requests":
            traffic = {"requests": self._requests, "seconds": self._times[1] - self._times[0]}
            self._requests = 0
            return _encode_response(200, b"", json.dumps(traffic).encode())
        parameters = {key: values[-1] for key, values in parse_qs(query).items()}
        if path == "/change":
            return _encode_response(200, b"", str(self.lists.change(float(parameters["share"]))).encode())
        self._times = [self._times[0] if self._requests else time.monotonic(), time.monotonic()]
        self._requests += 1
        is_too_many, headers = self._limit.hit()
        if is_too_many:
            return _encode_response(429, headers, b'{"status":"error"}')
        if path == "/v2/me":
            return _encode_response(200, headers, b'{"status":"success","data":' + self.lists.me + b"}")
        records = self._list_of(path)
        if records is None:
            return _encode_response(404, headers, b'{"status":"error"}')
        skip, take = int(parameters.get("skip", 0)), int(parameters.get("take", 250))
        page = b",".join(records[skip : skip + take])
        return _encode_response(200, headers, b'{"status":"success","data":[' + page + b"]}")

    def _list_of(self, path: str) -> Sequence[bytes] | None:
        match path.strip("/").split("/"):
            case ["v2", "organizations", _, "users"]:
                return self.lists.users
            case ["v2", "organizations", _, "ooo"]:
                return self.lists.entries
            case ["v2", "organizations", _, "users", user_id, "ooo"]:
                return self.lists.of_user.get(user_id, [])
        return None


def _invent_user(user_id: int) -> bytes:
    return encode_json(
        {
            "id": user_id,
            "username": f"person-{user_id}",
            "name": f"Person {user_id}",
            "email": f"person-{user_id}@example.com",
            "timeZone": "Europe/Berlin",
            "locale": "de",
            "createdDate": "2023-07-23T09:00:00.000Z",
            "profile": {"id": user_id, "organizationId": ORGANIZATION_ID, "userId": user_id},
        }
    )


def _encode_response(status: int, headers: bytes, body: bytes) -> bytes:
    reason = {200: b"OK", 404: b"Not Found", 429: b"Too Many Requests"}[status]
    head = b"HTTP/1.1 %d %b\r\n%b%bContent-Length: %d\r\n\r\n"
    return head % (status, reason, _CONTENT, headers, len(body)) + body


class HttpConnection(asyncio.Protocol):
    """One connection, with requests without a body, one after the other."""

    def __init__(self, responses: Responder, latency_seconds: float) -> None:
        """Respond to each request after `latency_seconds`."""
        self._responses, self._latency = responses, latency_seconds
        self._received = b""
        self._write: Callable[[bytes], None] = lambda _: None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport's write function."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._write = transport.write

    def data_received(self, data: bytes) -> None:
        """Respond to every complete request."""
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            response = self._responses.respond(head.split(b" ", 2)[1].decode())
            if self._latency:
                asyncio.get_running_loop().call_later(self._latency, self._write, response)
            else:
                self._write(response)


async def serve(responses: Responses, latency_seconds: float) -> None:
    """Print the port to standard output, and serve until the process is terminated."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: HttpConnection(responses, latency_seconds), "127.0.0.1", 0)
    facts = {"port": server.sockets[0].getsockname()[1], "people": len(responses.lists.users)}
    print(json.dumps(facts | {"entries": len(responses.lists.entries)}), flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve the organization that the arguments describe."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--years", type=int, default=1)
    parser.add_argument("--entries", type=int, help="maximum number of entries")
    parser.add_argument("--invent", action="store_true", help="invent each page when it is requested")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each response")
    parser.add_argument("--limit", type=int, default=100_000_000, help="requests per minute")
    parser.add_argument(
        "--speed", type=float, default=1.0, help="the factor by which the minutes are shortened"
    )
    chosen = parser.parse_args()
    lists = (
        InventedLists(chosen.people, chosen.entries)
        if chosen.invent
        else Lists(chosen.people, chosen.years, chosen.entries)
    )
    responses = Responses(lists, Limit(chosen.limit, 60.0, chosen.speed))
    asyncio.run(serve(responses, chosen.latency))


if __name__ == "__main__":
    main()
