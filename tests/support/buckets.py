"""A local server with the S3 protocol, a bucket in it, and a proxy in front of it that can refuse requests."""

import contextlib
import itertools
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Self

import httpx

HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "content-encoding", "date", "server")


@contextlib.contextmanager
def running_s3() -> Iterator[str]:
    """Yield the address of an S3 server that runs for the block."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    program = Path(sys.executable).with_name("moto_server")
    server = subprocess.Popen(
        [program, "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def environment_for(endpoint: str) -> dict[str, str]:
    """Return the environment variables with which a program reaches the server."""
    return {
        "AWS_ACCESS_KEY_ID": "invented",
        "AWS_SECRET_ACCESS_KEY": "invented-secret",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": "us-east-1",
        "AWS_ALLOW_HTTP": "true",
    }


def create_bucket(endpoint: str, name: str) -> None:
    """Create an empty bucket of that name."""
    httpx.put(f"{endpoint}/{name}").raise_for_status()


def list_keys(endpoint: str, url: str) -> list[str]:
    """Return the first 1,000 keys of the objects below `url`, such as `s3://bucket/folder`."""
    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    response = httpx.get(f"{endpoint}/{bucket}", params={"list-type": "2", "prefix": f"{prefix}/"})
    return re.findall("<Key>(.*?)</Key>", response.raise_for_status().text)


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)
    message = f"the S3 server did not listen on port {port} within a minute"
    raise TimeoutError(message)


class Gate(ThreadingHTTPServer):
    """Forward every request to the S3 server until the `stop_at`th change, and refuse all requests from then on.

    At that change it calls `on_stop`, which can kill the client. If it does nothing, the client meets an outage.
    """

    daemon_threads = True

    def __init__(self, endpoint: str, *, stop_at: int | None = None, on_stop: Callable[[], None]) -> None:
        """Listen; requests are served in the `with` block."""
        super().__init__(("127.0.0.1", 0), _GateHandler)
        self.upstream = httpx.Client(base_url=endpoint, timeout=60)
        self.changes = itertools.count(1)
        self.stop_at = stop_at
        self.on_stop = on_stop
        self.is_stopped = False
        self.address = f"http://127.0.0.1:{self.server_address[1]}"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})

    def __enter__(self) -> Self:
        """Serve requests."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop serving."""
        self.shutdown()
        self._thread.join()
        self.server_close()
        self.upstream.close()


class _GateHandler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Gate

    def handle_any(self) -> None:
        """Forward the request, or refuse it if the gate is closed."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.command in ("PUT", "POST", "DELETE") and next(self.server.changes) == self.server.stop_at:
            self.server.is_stopped = True
            self.server.on_stop()
        if self.server.is_stopped:
            self._respond(503, {}, b"")
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        response = self.server.upstream.request(self.command, self.path, headers=headers, content=body)
        kept = {name: value for name, value in response.headers.items() if name.lower() not in HOP_BY_HOP}
        self._respond(response.status_code, kept, response.content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = handle_any  # noqa: N815 - the base class's names

    def _respond(self, status: int, headers: dict[str, str], content: bytes) -> None:
        with contextlib.suppress(OSError):  # the client may have been killed
            self.send_response(status)
            for name, value in headers.items():
                if self.command == "HEAD" or name.lower() != "content-length":
                    self.send_header(name, value)
            if self.command != "HEAD":
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Print nothing."""
