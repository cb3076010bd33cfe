"""The simulator: an ASGI application that answers like Cal.com's API v2.

A request passes, as it does there, the router (an unknown route is a 404 that nobody counts), the
throttler, the authentication, the guards, the validation, and only then the data.
"""

import asyncio
import itertools
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from calcom.simulator.accounts import (
    KEY_WITH_CUSTOM_LIMITS,
    OWNER_KEY,
    Credentials,
    simulator_credentials,
)
from calcom.simulator.errors import (
    RefusalError,
    database_error,
    not_found,
    too_many_requests,
)
from calcom.simulator.faults import Fault, FaultScript, edge_reply, spoil
from calcom.simulator.limits import Clock, Limits, Throttler, refused_headers
from calcom.simulator.records import encode_json, format_instant
from calcom.simulator.replies import (
    JSON_TYPE,
    Reply,
    complete_reply,
    path_and_query,
    raw_path,
    send_reply,
    wait_for_disconnect,
)
from calcom.simulator.routes import Answer, Call, Route, match_route
from calcom.simulator.world import World

BeforeRequest = Callable[[int, Request], None]

DEFAULT_LIMITS = Limits(custom=KEY_WITH_CUSTOM_LIMITS)


@dataclass(frozen=True, slots=True)
class ServedRequest:
    """One request that the simulator met; `status` is None when it got no answer."""

    number: int
    method: str
    path: str
    query: str
    status: int | None
    credential: str


class Simulator:
    """Cal.com's API v2 over one world, with its throttler, its errors and, on demand, faults."""

    def __init__(  # noqa: PLR0913 (what a test may want to set)
        self,
        world: World,
        *,
        limits: Limits | None = DEFAULT_LIMITS,
        clock: Clock = time.monotonic,
        api_key: str = OWNER_KEY,
        latency_seconds: float = 0.0,
        faults: Sequence[Fault] = (),
        before_request: BeforeRequest | None = None,
    ) -> None:
        """Limits None switches the throttler off, with its headers, as self-hosted servers may.

        `before_request` is called with the number of the request, from 1, before it is answered.
        """
        self.world = world
        self._credentials = _credentials_for(world, api_key, limits or DEFAULT_LIMITS)
        self._throttler = Throttler(clock) if limits is not None else None
        self._latency_seconds = latency_seconds
        self._script = FaultScript(faults)
        self._before_request = before_request
        self._numbers = itertools.count(1)
        self._requests: list[ServedRequest] = []
        # The stranger's organization is empty; the one without the admin API has no world.
        other_id = world.organization_id + 1
        self._worlds: Mapping[int, World | None] = {
            world.organization_id: world,
            other_id: World((), (), organization_id=other_id),
            other_id + 1: None,
        }

    @property
    def requests(self) -> list[ServedRequest]:
        """What was served so far, in order."""
        return list(self._requests)

    def clear_requests(self) -> None:
        """Forget what was served; the numbers go on."""
        self._requests.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            message = f"The simulator speaks HTTP only, not {scope['type']}."
            raise NotImplementedError(message)
        request = Request(scope, receive)
        body = await request.body()
        number = next(self._numbers)
        if self._before_request is not None:
            self._before_request(number, request)
        await asyncio.sleep(self._latency_seconds)
        fault = self._script.next_fault(path_and_query(request))
        if fault is not None and await _client_gives_up(fault, receive):
            self._log(number, request, None)
            return
        reply = complete_reply(request, self._reply(request, body, fault))
        resets = fault is not None and fault.kind == "reset"
        self._log(number, request, None if resets else reply.status)
        await send_reply(send, reply, resets=resets, dribble_seconds=_dribble_seconds(fault))

    def _reply(self, request: Request, body: bytes, fault: Fault | None) -> Reply:
        """The answer, or the fault in its place."""
        if fault is None:
            return self._answer(request, body, None)
        return edge_reply(fault) or spoil(fault, self._answer(request, body, fault))

    def _answer(self, request: Request, body: bytes, fault: Fault | None) -> Reply:
        """The application's answer: success or refusal, with rate headers once it was counted."""
        headers = {"X-Request-Id": str(uuid.uuid4()), "Content-Type": JSON_TYPE}
        try:
            matched = match_route(request.method, raw_path(request))
            if matched is None:
                raise not_found(f"Cannot {request.method} {path_and_query(request)}")
            self._throttle(request, fault, headers)
            answer = self._handle(request, body, fault, *matched)
        except RefusalError as refusal:
            now = format_instant(datetime.now(UTC))
            error = refusal.body(timestamp=now, path=path_and_query(request))
            return Reply(refusal.status, headers, encode_json(error))
        return Reply(answer.status, headers, b'{"status":"success","data":' + answer.data + b"}")

    def _throttle(self, request: Request, fault: Fault | None, headers: dict[str, str]) -> None:
        """Count the request and add its rate headers; raises 429, or 401 for an unknown key."""
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
        """Authenticate and answer; the world stands still meanwhile."""
        account = self._credentials.authenticate(request.headers, parameters.get("clientId"))
        if fault is not None and fault.kind == "500_prisma":
            raise database_error()
        query = request.scope["query_string"]
        with self.world.lock:
            return route.answer(Call(self._worlds, account, parameters, query, body))

    def _log(self, number: int, request: Request, status: int | None) -> None:
        query = request.scope["query_string"].decode("latin-1")
        credential = self._credentials.kind(request.headers)
        self._requests.append(
            ServedRequest(number, request.method, raw_path(request), query, status, credential)
        )


def _credentials_for(world: World, api_key: str, limits: Limits) -> Credentials:
    """The owner is the first member; the plain member is the third (the second administers)."""
    ids = [member["id"] for member in world.members()]
    owner_id = ids[0] if ids else 1
    return simulator_credentials(
        api_key=api_key,
        owner_id=owner_id,
        member_id=ids[2] if len(ids) > 2 else owner_id + 1,
        organization_id=world.organization_id,
        limits=limits,
    )


async def _client_gives_up(fault: Fault, receive: Receive) -> bool:
    """Whether the client left while the fault withheld the answer."""
    return fault.kind == "timeout" and await wait_for_disconnect(receive, fault.seconds)


def _dribble_seconds(fault: Fault | None) -> float:
    if fault is None or fault.kind != "slow_body":
        return 0.0
    return 0.2 if fault.seconds is None else fault.seconds
