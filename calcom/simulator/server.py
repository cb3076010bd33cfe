"""The simulator behind a real socket, for clients in other threads and processes."""

import asyncio
import itertools
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Thread

import uvicorn

from calcom.simulator.app import Simulator


@dataclass(frozen=True, slots=True)
class RunningServer:
    """The URL of a server that accepts connections, and the simulator behind it."""

    url: str
    simulator: Simulator


class _PromptServer(uvicorn.Server):
    """A server that stops immediately, without waiting for its last responses."""

    async def main_loop(self) -> None:
        """Check for the end a hundred times per second; uvicorn checks ten times."""
        for tick in itertools.count():
            if await self.on_tick(tick):
                return
            await asyncio.sleep(0.01)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listeners and every connection, with or without a response."""
        for server in self.servers:
            server.close()
        for listener in sockets or ():
            listener.close()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        for task in self.server_state.tasks:
            task.cancel()


@contextmanager
def serve(simulator: Simulator, *, host: str = "127.0.0.1", port: int = 0) -> Iterator[RunningServer]:
    """Run an HTTP server in a background thread until the block ends, and yield it.

    Port 0 selects a free port. The socket listens before the block begins. Requests that are open at the
    end of the block are dropped.
    """
    server, listener = _server(simulator), _listen(host, port)
    thread = Thread(target=server.run, kwargs={"sockets": [listener]}, name="calcom-simulator", daemon=True)
    thread.start()
    try:
        yield RunningServer(_url(listener), simulator)
    finally:
        server.should_exit = True
        thread.join()


def run_forever(simulator: Simulator, host: str, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve in the foreground until SIGINT or SIGTERM; `on_ready` is called with the URL.

    The function returns after SIGINT. SIGTERM is raised again once the server is closed, so it ends the
    process unless the caller handles it.
    """
    server, listener = _server(simulator), _listen(host, port)
    on_ready(_url(listener))
    with suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


def _server(simulator: Simulator) -> _PromptServer:
    """Return a server without logs; the simulator itself lists the served requests."""
    return _PromptServer(
        uvicorn.Config(
            simulator,
            http="h11",
            ws="none",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
        )
    )


def _listen(host: str, port: int) -> socket.socket:
    """Return a listening socket with an explicit TCP protocol, for which asyncio sends without delay."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen()
    return listener


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}"
