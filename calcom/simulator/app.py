"""The simulator: an ASGI application that responds like Cal.com's API v2.

A request passes the same steps as in Cal.com: the router (an unknown route is a 404 that is not counted),
the throttler, the authentication, the guards and the validation. Only then, the data is read.
"""

import asyncio
import itertools
import re
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from calcom.simulator.accounts import (
    DEFAULT_LIMITS,
    OWNER_KEY,
    Clock,
    Credentials,
    Limits,
    Throttler,
    refused_headers,
    simulator_credentials,
)
from calcom.simulator.errors import RefusalError, database_error, not_found, too_many_requests
from calcom.simulator.faults import (
    JSON_TYPE,
    Fault,
    FaultScript,
    Reply,
    client_disconnects,
    complete_reply,
    damage,
    edge_reply,
    send_reply,
)
from calcom.simulator.records import encode_json, format_instant
from calcom.simulator.routes import Answer, Call, Route, match_route
from calcom.simulator.world import World

BeforeRequest = Callable[[int, Request], None]


@dataclass(frozen=True, slots=True)
class ServedRequest:
    """One request to the simulator; `status` is None if the client received no complete response."""

    number: int
    method: str
    path: str
    query: str
    status: int | None
    credential: str


class Simulator:
    """Cal.com's API v2 for one world, with its throttler, its errors and, on request, faults."""

    def __init__(  # noqa: PLR0913 (the settings of a test)
        self,
        world: World,
        *,
        limits: Limits | None = DEFAULT_LIMITS,
        clock: Clock = time.monotonic,
        api_key: str = OWNER_KEY,
        latency_seconds: float = 0.0,
        faults: Sequence[Fault] = (),
        before_request: BeforeRequest | None = None,
        page_cap: int | None = None,
        page_cap_path: str = "",
        teams_ignore_paging: bool = False,
    ) -> None:
        """Serve the world to the owner of `api_key` and to the other credentials of the simulator.

        `limits`: None disables the throttler and its headers, as self-hosted servers may.
        `before_request` is called with the number of each request, from 1, before the response is made. It
        may change the world, for example remove a user at the tenth request.
        `page_cap`: the largest number of rows per page, without an error for a larger `take`, as a server or
        gateway may limit it. `page_cap_path` is a regular expression that selects the paths with the cap.
        `teams_ignore_paging`: every request for teams returns the first 250 teams, with any query.
        """
        self.world = world
        self._credentials = _credentials_for(world, api_key, limits or DEFAULT_LIMITS)
        self._throttler = Throttler(clock) if limits is not None else None
        self._latency_seconds = latency_seconds
        self._script = FaultScript(faults)
        self._before_request = before_request
        self._page_cap, self._page_cap_path = page_cap, re.compile(page_cap_path)
        self._teams_ignore_paging = teams_ignore_paging
        self._numbers = itertools.count(1)
        self._requests: list[ServedRequest] = []
        # The next organization is empty and has an owner of its own; the one after it has no admin API.
        other_id = world.organization_id + 1
        self._worlds: Mapping[int, World | None] = {
            world.organization_id: world,
            other_id: World((), (), organization_id=other_id),
            other_id + 1: None,
        }

    @property
    def requests(self) -> list[ServedRequest]:
        """The requests served so far, in order."""
        return list(self._requests)

    def clear_requests(self) -> None:
        """Clear the list of served requests; the numbers continue."""
        self._requests.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Respond to one request."""
        if scope["type"] != "http":
            message = f"The simulator supports HTTP only, not {scope['type']}."
            raise NotImplementedError(message)
        request = Request(scope, receive)
        body = await request.body()
        number = next(self._numbers)
        if self._before_request is not None:
            self._before_request(number, request)
        await asyncio.sleep(self._latency_seconds)
        fault = self._script.next_fault(_path_and_query(request))
        is_withheld = fault is not None and fault.kind == "timeout"
        if fault is not None and is_withheld and await client_disconnects(receive, fault.seconds):
            self._log(number, request, None)
            return
        reply = complete_reply(request, self._reply(request, body, fault))
        is_reset = fault is not None and fault.kind == "reset"
        self._log(number, request, None if is_reset else reply.status)
        await send_reply(send, reply, fault)

    def _reply(self, request: Request, body: bytes, fault: Fault | None) -> Reply:
        """Return the response of the application, or of the fault that replaces or damages it."""
        if fault is None:
            return self._answer(request, body, None)
        return edge_reply(fault) or damage(fault, self._answer(request, body, fault))

    def _answer(self, request: Request, body: bytes, fault: Fault | None) -> Reply:
        """Return the application's success or refusal, with rate headers once the request is counted."""
        headers = {"X-Request-Id": str(uuid.uuid4()), "Content-Type": JSON_TYPE}
        try:
            matched = match_route(request.method, _raw_path(request))
            if matched is None:
                raise not_found(f"Cannot {request.method} {_path_and_query(request)}")
            self._throttle(request, fault, headers)
            answer = self._handle(request, body, fault, *matched)
        except RefusalError as refusal:
            now = format_instant(datetime.now(UTC))
            error = refusal.body(timestamp=now, path=_path_and_query(request))
            return Reply(refusal.status, headers, encode_json(error))
        return Reply(answer.status, headers, b'{"status":"success","data":' + answer.data + b"}")

    def _throttle(self, request: Request, fault: Fault | None, headers: dict[str, str]) -> None:
        """Count the request and add its rate headers; raise 429, or 401 for an unknown key."""
        if fault is not None and fault.kind == "429":
            headers |= refused_headers(60.0 if fault.seconds is None else fault.seconds)
            raise too_many_requests()
        if self._throttler is None:
            return
        address = request.client.host if request.client else "unknown"
        tracker, limits = self._credentials.tracker(request.headers, address)
        hit = self._throttler.hit(tracker, limits)
        headers |= hit.headers
        if hit.is_blocked:
            raise too_many_requests()

    def _handle(
        self,
        request: Request,
        body: bytes,
        fault: Fault | None,
        route: Route,
        parameters: Mapping[str, str],
    ) -> Answer:
        """Authenticate the request and return the route's result; the world does not change meanwhile."""
        account = self._credentials.authenticate(request.headers, parameters.get("clientId"))
        if fault is not None and fault.kind == "500_prisma":
            raise database_error()
        call = Call(
            self._worlds,
            account,
            parameters,
            query=request.scope["query_string"],
            body=body,
            page_cap=self._page_cap if self._page_cap_path.search(_raw_path(request)) else None,
            teams_ignore_paging=self._teams_ignore_paging,
        )
        with self.world.lock:
            return route.answer(call)

    def _log(self, number: int, request: Request, status: int | None) -> None:
        query = request.scope["query_string"].decode("latin-1")
        credential = self._credentials.kind(request.headers)
        self._requests.append(
            ServedRequest(number, request.method, _raw_path(request), query, status, credential)
        )


def _credentials_for(world: World, api_key: str, limits: Limits) -> Credentials:
    """Return the credentials: the first member is the owner, the third one a member without a role."""
    ids = [member["id"] for member in world.members()]
    owner_id = ids[0] if ids else 1
    return simulator_credentials(
        api_key=api_key,
        owner_id=owner_id,
        member_id=ids[2] if len(ids) > 2 else owner_id + 1,
        organization_id=world.organization_id,
        limits=limits,
    )


def _raw_path(request: Request) -> str:
    """Return the path as the client sent it, with its percent-encoding."""
    raw: bytes = request.scope["raw_path"]
    return raw.decode("latin-1")


def _path_and_query(request: Request) -> str:
    """Return the target as the client sent it; errors repeat it as their `path`."""
    query: bytes = request.scope["query_string"]
    return _raw_path(request) + (f"?{query.decode('latin-1')}" if query else "")
