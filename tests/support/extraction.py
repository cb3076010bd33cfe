"""Run an extraction against the simulator, in virtual time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from calcom.client import CalcomClient
from calcom.connection import Connection
from calcom.credentials import ApiKey
from calcom.extraction import Extraction
from calcom.scanner import Scanner
from calcom.scopes import USERS, Scope, ScopeResult
from calcom.simulator import OWNER_KEY, Fault, Simulator, World
from flows.run.progress import SilentListener
from landing.folder import Landing, create_landing
from tests.support.fake_clock import run_virtually, virtual_now
from tests.support.landed import facts
from tests.support.wire import Wire

Work = Callable[[Extraction], Awaitable[Any]]


def extract(wire: Wire, landing: Landing, work: Work, *, concurrency: int = 4, key: str = OWNER_KEY) -> Any:
    """Run `work` with an extraction into the landing, and return its result."""

    async def run() -> Any:
        async with CalcomClient(connect(wire, key)) as client:
            try:
                return await work(make_extraction(client, landing, concurrency))
            finally:
                landing.flush()

    return run_virtually(run())


def connect(wire: Wire, key: str = OWNER_KEY) -> Connection:
    """Return a connection over the wire, with a virtual clock and two attempts per request."""
    return Connection(
        base_url="http://simulator",
        credential=ApiKey(SecretStr(key)),
        max_attempts=2,
        transport=wire,
        clock=virtual_now,
        sleep=asyncio.sleep,
    )


def make_extraction(client: CalcomClient, landing: Landing, concurrency: int = 4) -> Extraction:
    """Return an extraction of organization 1 into the landing."""
    scanner = Scanner(
        client,
        landing,
        organization_id=1,
        page_size=landing.facts.page_size,
        listener=SilentListener(),
        max_concurrency=concurrency,
    )
    return Extraction(scanner)


def reading(scope: Scope, expected_rows: int = 0) -> Work:
    """Return work that reads one scope."""
    return lambda extraction: extraction.scanner.read(scope, expected_rows)


def reading_each(scopes: Iterable[Scope]) -> Work:
    """Return work that reads each of the scopes."""
    listed = list(scopes)
    return lambda extraction: extraction.read_each(listed)


def reading_per_user(landing: Landing) -> Work:
    """Return work that reads the users list, and then the entries of each listed user."""

    async def work(extraction: Extraction) -> list[ScopeResult]:
        await extraction.scanner.read(USERS)
        return await extraction.read_each(user_scopes(landing))

    return work


def user_scopes(landing: Landing) -> list[Scope]:
    """Return the scope of each user in the landing."""
    return [Scope("user", user_id) for user_id in landing.user_ids()]


def simulate(world: World, *faults: Fault) -> Simulator:
    """Return a simulator of the world without a rate limit."""
    return Simulator(world, limits=None, faults=faults)


def create(root: Path, page_size: int = 250) -> Landing:
    """Return a new landing whose clock stands still."""
    return create_landing(root, facts(page_size=page_size), clock=lambda: 0.0)


def reopen(landing: Landing) -> Landing:
    """Return the landing as another process reads it from the disk."""
    return Landing(landing.folder, landing.facts, clock=lambda: 0.0)
