"""Clients of simulators behind real sockets."""

import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import httpx
import pytest

from calcom.simulator import OWNER_KEY, Simulator, World, serve
from tests.support.recordings import load_truth, load_users

Connect = Callable[[Simulator], httpx.Client]

# No connection is encrypted, but httpx reads the certificates of the machine for every client without a
# context. One context for all clients makes the tests of this folder several times faster.
_TLS = ssl.create_default_context()


def new_client(url: str = "", **headers: str) -> httpx.Client:
    """Return a client that ignores the proxies of the machine."""
    return httpx.Client(base_url=url, headers=headers, timeout=5, verify=_TLS, trust_env=False)


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Return a function that returns the owner's client of a simulator; all are closed after the test."""
    with ExitStack() as stack:

        def start(simulator: Simulator) -> httpx.Client:
            server = stack.enter_context(serve(simulator))
            return stack.enter_context(new_client(server.url, Authorization=f"Bearer {OWNER_KEY}"))

        yield start


@pytest.fixture
def small_world() -> World:
    """Return a world with twelve people and one year."""
    return World.generate(people=12, years=1)


@pytest.fixture(scope="session")
def recorded_url() -> Iterator[str]:
    """Return the URL of a simulator of the recorded organization, without a throttler."""
    world = World.from_records(load_users(), load_truth())
    with serve(Simulator(world, limits=None)) as server:
        yield server.url


@pytest.fixture(scope="session")
def anonymous() -> Iterator[httpx.Client]:
    """Return a client without a credential or a base URL."""
    with new_client() as client:
        yield client
