"""The source of a run: the client of Cal.com, the owner of its credential, and the memory of its rate limit."""

import asyncio
import contextlib
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

from calcom.client import CalcomClient
from calcom.connection import Connection, SentRequest
from calcom.errors import ApiError, ErrorKind
from calcom.extraction import Extraction
from calcom.models import Me
from calcom.rate_limit import USUAL_WINDOW_SECONDS
from calcom.strategy import Strategy
from flows.settings.errors import ConfigurationError
from landing.run_facts import ExtractionStats

FindOrganization = Callable[[asyncio.Runner, CalcomClient], int]
"""Finds the organization of the credential's owner."""


@dataclass
class Source:
    """The open connection to Cal.com of a run that reads, and the extraction that uses it."""

    runner: asyncio.Runner
    client: CalcomClient
    extraction: Extraction
    is_resumed: bool
    pages_before: int
    """Pages that an earlier, killed run had landed."""

    def stats(self, strategy: Strategy) -> ExtractionStats:
        """Return the cost of reading so far."""
        return ExtractionStats(
            strategy=strategy.value,
            is_resumed=self.is_resumed,
            requests=self.pages_before + self.client.traffic.requests,
            retries=self.client.traffic.retries,
            throttled=self.client.traffic.throttled,
            waited_seconds=self.client.rate_limiter.waited_seconds,
        )


class RateLimitMemory:
    """Stores the end of a spent rate limit for the next process, so that a rerun does not start with a 429."""

    def __init__(self, root: Path, connection: Connection) -> None:
        """`root` is the folder of the landings; the limit belongs to the host and credential of `connection`."""
        self._path = root / "rate_limit.json"
        secret = f"{connection.base_url} {sorted(connection.credential.headers().items())}"
        self._key = hashlib.sha256(secret.encode()).hexdigest()[:16]

    def save(self, seconds: float) -> None:
        """Store the instant at which requests are allowed again. A full disk does not end the run here."""
        content = {"key": self._key, "allowed_at": time.time() + seconds}
        with contextlib.suppress(OSError):
            self._path.write_text(json.dumps(content), encoding="utf-8")

    def load(self) -> float:
        """Return the seconds until requests are allowed again; 0 without a stored limit of this credential."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            content = json.loads(self._path.read_text(encoding="utf-8"))
            if content["key"] == self._key:
                return min(max(float(content["allowed_at"]) - time.time(), 0.0), USUAL_WINDOW_SECONDS)
        return 0.0


def make_client(
    connection: Connection,
    *,
    root: Path | None = None,
    on_wait: Callable[[float], None] | None = None,
    on_request: Callable[[SentRequest], None] | None = None,
) -> CalcomClient:
    """Return a client. Raise `ConfigurationError` if the environment's proxy or certificates are unusable.

    With `root`, the folder of the landings, the client waits for a rate limit that an earlier process has spent.
    """
    memory = RateLimitMemory(root, connection) if root else None
    try:
        client = CalcomClient(
            connection, on_wait=on_wait, on_low=memory.save if memory else None, on_request=on_request
        )
    except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:
        message = (
            f"no HTTP client can be set up: {error}; check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and"
            " SSL_CERT_FILE"
        )
        raise ConfigurationError(message) from error
    if memory and (seconds := memory.load()) > 0:
        client.rate_limiter.block_for(seconds)
    return client


_SET_ID = "set CALCOM_ORG_ID, or organization_id in the file of a fleet, to the organization's id"


def find_owner(runner: asyncio.Runner, client: CalcomClient) -> Me:
    """Return the credential's owner. Raise `ConfigurationError` if Cal.com can't show an owner without a username."""
    try:
        return runner.run(client.fetch_me())
    except ApiError as error:
        if error.kind is not ErrorKind.INVALID_REQUEST or error.is_from_edge:
            raise
        message = (
            f"/v2/me refuses the credential's owner ({error}), as it does for an owner without a username;"
            f" {_SET_ID}, and the other endpoints are used"
        )
        raise ConfigurationError(message) from error


def find_organization(runner: asyncio.Runner, client: CalcomClient) -> int:
    """Return the organization of the credential's owner. Raise `ConfigurationError` if there is none."""
    me = find_owner(runner, client)
    if me.organizationId is None:
        message = (
            f"the credential's owner has no organization (/v2/me answers organizationId null); {_SET_ID}"
        )
        raise ConfigurationError(message)
    return me.organizationId
