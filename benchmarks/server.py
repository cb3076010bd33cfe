"""Cal.com's lists from memory, at next to no cost: what the contenders are measured against.

The simulator is a faithful Cal.com and costs as much CPU as its clients do. This server gives the same
bytes for what a reader asks (`/v2/me`, users, an organization's entries, a user's entries) by joining
records that were encoded beforehand, so that on a small machine the figures are the clients'.

`GET /requests` tells how many were answered since it was last asked, and in how many seconds from the first
to the last; `GET /change?share=0.01` changes the ends of that share of all entries. Both are the benchmark's
own and count as no request.
"""

import argparse
import asyncio
import json
import math
import random
import time
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from urllib.parse import parse_qs

from calcom.simulator import World
from calcom.simulator.records import encode_json, entry_from_wire

ORGANIZATION_ID = 1
_CONTENT = b"Content-Type: application/json; charset=utf-8\r\nConnection: keep-alive\r\n"


class Lists:
    """The encoded records of one invented organization."""

    def __init__(self, people: int, years: int, most: int | None) -> None:
        """`most` cuts the entries off after so many."""
        world = World.generate(people=people, years=years, organization_id=ORGANIZATION_ID)
        self.me = encode_json({"id": world.users()[0]["id"], "organizationId": ORGANIZATION_ID})
        self.users = [encode_json(user) for user in world.users()]
        self._records = world.entries()[:most]
        self.entries: list[bytes] = []
        self.of_user: dict[str, list[bytes]] = {}
        self.encode()

    def encode(self) -> None:
        """What is answered is what the records are."""
        self.entries = [entry_from_wire(record).wire_bytes() for record in self._records]
        self.of_user = {}
        for record, encoded in zip(self._records, self.entries, strict=True):
            self.of_user.setdefault(str(record["userId"]), []).append(encoded)

    def change(self, share: float) -> int:
        """That share of the entries end a day later; how many that is."""
        count = int(len(self._records) * share)
        for record in random.Random(1).sample(self._records, count):  # noqa: S311 - a drawing of lots
            ends_on = date.fromisoformat(record["end"][:10]) + timedelta(days=1)
            record["end"] = f"{ends_on}T23:59:59.999Z"
        self.encode()
        return count


class Limit:
    """Cal.com's fixed window, `limit` requests in `seconds`, for clocks that run `speed` times as fast."""

    def __init__(self, limit: int, seconds: float, speed: float) -> None:
        """Open no window yet."""
        self._limit, self._seconds, self._speed = limit, seconds, speed
        self._hits, self._ends_at = 0, -math.inf

    def hit(self) -> tuple[bool, bytes]:
        """Whether the request is one too many, and the headers that say so."""
        now = time.monotonic() * self._speed
        if now >= self._ends_at:
            self._hits, self._ends_at = 0, now + self._seconds
        self._hits += 1
        left, reset = max(self._limit - self._hits, 0), math.ceil(self._ends_at - now)
        told = (("Limit", self._limit), ("Remaining", left), ("Reset", reset))
        headers = "".join(f"X-RateLimit-{name}-Default: {value}\r\n" for name, value in told)
        return self._hits > self._limit, headers.encode()


class Answers:
    """One process's answers, whatever connection they go to."""

    def __init__(self, lists: Lists, limit: Limit) -> None:
        """Answer nothing yet."""
        self.lists, self._limit, self._times = lists, limit, [0.0, 0.0]
        self._requests = 0

    def answer(self, target: str) -> bytes:
        """The whole answer to `GET target`."""
        path, _, query = target.partition("?")
        if path == "/requests":
            told = {"requests": self._requests, "seconds": self._times[1] - self._times[0]}
            self._requests = 0
            return _whole(200, b"", json.dumps(told).encode())
        asked = {key: values[-1] for key, values in parse_qs(query).items()}
        if path == "/change":
            return _whole(200, b"", str(self.lists.change(float(asked["share"]))).encode())
        self._times = [self._times[0] if self._requests else time.monotonic(), time.monotonic()]
        self._requests += 1
        is_too_many, headers = self._limit.hit()
        if is_too_many:
            return _whole(429, headers, b'{"status":"error"}')
        if path == "/v2/me":
            return _whole(200, headers, b'{"status":"success","data":' + self.lists.me + b"}")
        found = self._list_of(path)
        if found is None:
            return _whole(404, headers, b'{"status":"error"}')
        skip, take = int(asked.get("skip", 0)), int(asked.get("take", 250))
        records = b",".join(found[skip : skip + take])
        return _whole(200, headers, b'{"status":"success","data":[' + records + b"]}")

    def _list_of(self, path: str) -> Sequence[bytes] | None:
        match path.strip("/").split("/"):
            case ["v2", "organizations", _, "users"]:
                return self.lists.users
            case ["v2", "organizations", _, "ooo"]:
                return self.lists.entries
            case ["v2", "organizations", _, "users", user_id, "ooo"]:
                return self.lists.of_user.get(user_id, [])
        return None


def _whole(status: int, headers: bytes, body: bytes) -> bytes:
    reason = {200: b"OK", 404: b"Not Found", 429: b"Too Many Requests"}[status]
    head = b"HTTP/1.1 %d %b\r\n%b%bContent-Length: %d\r\n\r\n"
    return head % (status, reason, _CONTENT, headers, len(body)) + body


class Conversation(asyncio.Protocol):
    """One connection: requests without a body, one after the other."""

    def __init__(self, answers: Answers, latency_seconds: float) -> None:
        """Answer each request after `latency_seconds`."""
        self._answers, self._latency = answers, latency_seconds
        self._received = b""
        self._write: Callable[[bytes], None] = lambda _: None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        assert isinstance(transport, asyncio.WriteTransport)
        self._write = transport.write

    def data_received(self, data: bytes) -> None:
        """Answer every request that is whole."""
        self._received += data
        while b"\r\n\r\n" in self._received:
            head, _, self._received = self._received.partition(b"\r\n\r\n")
            answer = self._answers.answer(head.split(b" ", 2)[1].decode())
            if self._latency:
                asyncio.get_running_loop().call_later(self._latency, self._write, answer)
            else:
                self._write(answer)


async def serve(answers: Answers, latency_seconds: float) -> None:
    """Announce the address on standard output, and answer until the process is ended."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Conversation(answers, latency_seconds), "127.0.0.1", 0)
    facts = {"port": server.sockets[0].getsockname()[1], "people": len(answers.lists.users)}
    print(json.dumps(facts | {"entries": len(answers.lists.entries)}), flush=True)
    await server.serve_forever()


def main() -> None:
    """Serve what the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1000)
    parser.add_argument("--years", type=int, default=1)
    parser.add_argument("--entries", type=int, help="cut off after so many")
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--limit", type=int, default=100_000_000, help="requests a minute")
    parser.add_argument("--speed", type=float, default=1.0, help="how much faster the minutes pass")
    chosen = parser.parse_args()
    lists = Lists(chosen.people, chosen.years, chosen.entries)
    answers = Answers(lists, Limit(chosen.limit, 60.0, chosen.speed))
    asyncio.run(serve(answers, chosen.latency))


if __name__ == "__main__":
    main()
