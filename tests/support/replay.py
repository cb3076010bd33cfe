"""A server that responds from the recordings alone: entries and users by `skip` and `take`, and refusals.

It shares no code with the simulator, so it is an independent witness of Cal.com's own request classes.
"""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.recordings import load_exchanges, load_truth, load_users

OWNER_KEY = "cal_replay_owner"
MEMBER_KEY = "cal_replay_member"
_ROUTE = re.compile(r"/v2/organizations/(\d+)/(?:(users)|ooo|users/(\d+)/ooo)")


class _Recordings:
    """The recorded organization, and the recorded responses that refuse a request."""

    def __init__(self) -> None:
        self.entries, self.users = load_truth(), load_users()
        self.members = {user["id"] for user in self.users}
        self.by_user: dict[int, list[dict[str, Any]]] = {}
        for entry in self.entries:
            self.by_user.setdefault(entry["userId"], []).append(entry)
        exchanges = {exchange.name: exchange for exchange in load_exchanges()}
        self.headers = exchanges["org_ooo/take25_skip0"].response_headers
        self.bad_key = exchanges["errors/401_bad_cal_key"]
        self.member_key = exchanges["errors/403_member_key"]
        self.unknown_user = exchanges["errors/403_unknown_user"]

    def respond(self, target: str, authorization: str) -> tuple[int, Any]:
        """Return the status and the body for one request."""
        url = urlsplit(target)
        route = _ROUTE.fullmatch(url.path)
        if authorization == f"Bearer {MEMBER_KEY}":
            return self.member_key.status, self.member_key.body
        if authorization != f"Bearer {OWNER_KEY}" or route is None:
            return self.bad_key.status, self.bad_key.body
        if route[3] and int(route[3]) not in self.members:
            return self.unknown_user.status, self.unknown_user.body
        rows = self.users if route[2] else self.entries
        if route[3]:
            rows = self.by_user.get(int(route[3]), [])
        query = parse_qs(url.query)
        assert not {"sortStart", "sortEnd"} & query.keys(), "a snapshot must not request a sort"
        skip, take = int(query.get("skip", ["0"])[0]), int(query.get("take", ["250"])[0])
        return 200, {"status": "success", "data": rows[skip : skip + take]}


@contextmanager
def serve_recordings() -> Iterator[tuple[str, list[str]]]:
    """Yield the URL of a replay server, and the list of the targets that clients request from it."""
    recordings = _Recordings()
    targets: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            targets.append(self.path)
            status, document = recordings.respond(self.path, self.headers.get("Authorization", ""))
            body = json.dumps(document).encode()
            self.send_response(status)
            for name, value in recordings.headers.items():
                if name.lower() in {"x-request-id", "content-type"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", targets
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
