"""A landing on its way into the warehouse: what a load needs, wherever and whenever it was read."""

import json
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import duckdb

from calcom.extraction import Progress
from calcom.strategy import Strategy
from flows.run.staging import Staging
from flows.settings import Settings
from landing.errors import LandingError
from landing.folder import Landing
from warehouse.load.findings import Audit
from warehouse.load.runs import Difference, RunRow
from warehouse.publish.publication import Publication

READ_FILE = "read.json"
"""Written last into a landing: with it, nothing is missing that a loader needs."""


class RateLimit(Protocol):
    """What an listener may ask about the limit that requests are sent under."""

    def seconds_for(self, requests: int) -> float:
        """Seconds that the limit will impose on `requests` more requests, as far as is known."""

    def requests_left(self) -> tuple[int, int] | None:
        """(remaining, limit) until the next reset; None where no limit is stated."""


class ProgressListener(Progress, Protocol):
    """Who wants to know how far the run is."""

    def stage_started(self, name: str, detail: str) -> None:
        """The run has come to `name`."""

    def requests_expected(self, requests: int, limit: RateLimit) -> None:
        """So many requests are still to come, as far as is known, under `limit`."""

    def waiting(self, seconds: float) -> None:
        """The rate limit imposes a pause."""


@dataclass(frozen=True)
class Reading:
    """How a landing was read, and what that cost."""

    strategy: str
    """`auto` is settled by then."""
    is_resumed: bool
    requests: int
    retries: int
    throttled: int
    waited_seconds: float


class Landed:
    """One landing, what it is loaded with, and what has become of it so far."""

    def __init__(
        self, settings: Settings, landing: Landing, *, listener: ProgressListener, allows_mass_delete: bool
    ) -> None:
        """`settings` are the loader's; the landing may have been read with others, on another machine."""
        self.settings, self.landing = settings, landing
        self.listener, self.allows_mass_delete = listener, allows_mass_delete
        self.publication: Publication | None = None
        self.row: RunRow | None = None
        self.differences: list[Difference] = []
        self.audits: list[Audit] = []
        self.warehouse: duckdb.DuckDBPyConnection | None = None
        """Its warehouse while that is open; see `flows.run.context.open_own_warehouse`."""
        self.staging: Future[Staging] | None = None
        """What of it is staged there while it is still being read; see `flows.run.context.staging_meanwhile`."""

    @property
    def organization_id(self) -> int:
        """The organization that was read."""
        return self.landing.facts.organization_id

    @property
    def reading(self) -> Reading:
        """How it was read. Raises `LandingError` for a landing that is still being read."""
        return find_reading(self.landing.folder)


def save_reading(folder: Path, reading: Reading) -> None:
    """The landing in `folder` is whole: a loader needs no more than the folder."""
    aside = folder / "read.tmp"
    aside.write_text(json.dumps(asdict(reading)), encoding="utf-8")
    aside.replace(folder / READ_FILE)


def find_reading(folder: Path) -> Reading:
    """How the landing in `folder` was read. Raises `LandingError` if it was not read to its end."""
    try:
        told = Reading(**json.loads((folder / READ_FILE).read_text(encoding="utf-8")))
        Strategy(told.strategy)
    except (OSError, ValueError, TypeError) as error:
        message = (
            f"{folder} was not read to its end: expected a whole {READ_FILE}, found {error}; sync again,"
            " which resumes it or reads anew"
        )
        raise LandingError(message) from error
    return told
