"""Facts of a run that stand beside its landed records: its source and settings, and the cost of reading it.

`run.json` is written first and names the source and the settings. `read.json` is written last: a landing that has
it was read to its end, so a loader on any machine needs nothing else.
"""

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from calcom.strategy import Strategy
from landing.errors import LandingError
from landing.files import write_json

RUN_FILE, READ_FILE = "run.json", "read.json"
UNKNOWN_ORGANIZATION = 0
"""Stands for the organization of a run that has not requested `/v2/me` yet; it matches each organization."""

FORMAT = 1
"""The version of the layout of a landing; a landing of another version is read again from the source."""


@dataclass(frozen=True)
class RunFacts:
    """The source that a run reads, and the settings that decide which records it lands."""

    run_id: str
    started_at: datetime
    """UTC without a zone."""
    api_url: str
    organization_id: int
    strategy: str
    page_size: int
    keeps_notes: bool

    def is_resumable_by(self, later: "RunFacts", max_age: timedelta) -> bool:
        """Return True if `later` reads the same source with the same settings, at most `max_age` afterwards.

        This is the one rule for resuming a killed run and for reusing a landing in the hand-off store.
        """
        own, others = asdict(self), asdict(later)
        ignored = {"run_id", "started_at"}
        if later.organization_id == UNKNOWN_ORGANIZATION:
            ignored.add("organization_id")
        is_same = all(own[name] == others[name] for name in own.keys() - ignored)
        return is_same and later.started_at - self.started_at <= max_age

    def as_json(self) -> dict[str, Any]:
        """Return the content of `run.json`, as JSON types."""
        return {"format": FORMAT, **asdict(self), "started_at": self.started_at.isoformat()}

    @classmethod
    def parse(cls, text: str | bytes) -> "RunFacts | None":
        """Return the facts that `run.json` holds, or None if it is damaged or of another version."""
        try:
            facts = json.loads(text)
            if facts.pop("format") != FORMAT:
                return None
            return cls(started_at=datetime.fromisoformat(facts.pop("started_at")), **facts)
        except (ValueError, TypeError, KeyError, AttributeError):
            return None


@dataclass(frozen=True)
class ExtractionStats:
    """The strategy that a run settled on, and the cost of reading."""

    strategy: str
    is_resumed: bool
    requests: int
    retries: int
    throttled: int
    """HTTP 429 responses."""
    waited_seconds: float

    def save(self, folder: Path) -> None:
        """Write `read.json` into the landing's folder: the landing is complete from then on."""
        write_json(folder / READ_FILE, asdict(self))

    @classmethod
    def load(cls, folder: Path) -> "ExtractionStats":
        """Return the stats of the landing in `folder`. Raise `LandingError` if it was not read to its end."""
        try:
            stats = cls(**json.loads((folder / READ_FILE).read_text(encoding="utf-8")))
            Strategy(stats.strategy)
        except (OSError, ValueError, TypeError) as error:
            message = (
                f"{folder} was not read to its end: expected a complete {READ_FILE}, found {error}; sync again,"
                " which resumes the landing or reads the source again"
            )
            raise LandingError(message) from error
        return stats
