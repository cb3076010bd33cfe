"""The folders that landings are in, one a run: made, found again, and cleared away."""

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path

from calcom.scopes import RunFacts
from landing.errors import LandingError
from landing.folder import FINISHED_FILE, RUN_FILE, Landing, naming_path, remove_landing

FORMAT = 1


def create_landing(
    root: Path,
    facts: RunFacts,
    *,
    clock: Callable[[], float] = time.monotonic,
    erased: frozenset[int] = frozenset(),
) -> Landing:
    """A new folder under `root` for the run that `facts` describes."""
    folder = root / facts.run_id
    with naming_path(folder):
        folder.mkdir(parents=True, mode=0o700)
        aside = folder / "run.tmp"
        told = {"format": FORMAT, **asdict(facts), "started_at": facts.started_at.isoformat()}
        aside.write_text(json.dumps(told), encoding="utf-8")
        aside.replace(folder / RUN_FILE)
    return Landing(folder, facts, clock=clock, erased=erased)


def find_resumable(
    root: Path,
    facts: RunFacts,
    *,
    max_age: timedelta,
    clock: Callable[[], float] = time.monotonic,
    erased: frozenset[int] = frozenset(),
) -> Landing | None:
    """The newest unfinished landing of what `facts` would read, not older than `max_age`, or None.

    One that can't be read whole is passed over: what it has is read again.
    """
    for found in reversed(list_runs(root)):
        folder = root / found.run_id
        age = facts.started_at - found.started_at
        if not (folder / FINISHED_FILE).exists() and age <= max_age and facts.reads_the_same_as(found):
            with contextlib.suppress(LandingError):
                return Landing(folder, found, clock=clock, erased=erased)
    return None


def open_landing(folder: Path, *, clock: Callable[[], float] = time.monotonic) -> Landing:
    """The landing in `folder`, wherever it was read. Raises `LandingError` if it is none."""
    found = list_runs(folder.parent, folder.name)
    if not found:
        message = f"{folder} is not a landing of this version: expected a {RUN_FILE} of format {FORMAT}"
        raise LandingError(message)
    return Landing(folder, found[0], clock=clock)


def list_runs(root: Path, run_id: str = "*") -> list[RunFacts]:
    """What the landings under `root` read, oldest first; without those that can't say so to this version."""
    found = []
    for path in sorted(root.glob(f"{run_id}/{RUN_FILE}")):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
            told = json.loads(path.read_text(encoding="utf-8"))
            if told.pop("format") == FORMAT and told["run_id"] == path.parent.name:
                started_at = datetime.fromisoformat(told.pop("started_at"))
                found.append(RunFacts(started_at=started_at, **told))
    return found


def prune_landings(root: Path, *, keep: int, besides: Path | None = None) -> list[str]:
    """Remove all but the newest `keep` landings, and never `besides`; return the run ids of those removed."""
    folders = sorted((path for path in root.glob("*") if path.is_dir()), key=lambda path: path.name)
    doomed = [folder for folder in folders[: max(len(folders) - keep, 0)] if folder != besides]
    for folder in doomed:
        remove_landing(folder)
    return [folder.name for folder in doomed]


def purge_landings(root: Path, *, may_stay: Callable[[RunFacts], bool]) -> None:
    """No landing is left but those of runs that `may_stay`; one of which nothing can be read may not."""
    stay = {facts.run_id for facts in list_runs(root) if may_stay(facts)}
    for folder in (path for path in root.glob("*") if path.is_dir() and path.name not in stay):
        remove_landing(folder)
