"""The landing folders of all runs: creating them, finding one to resume, and removing them."""

import contextlib
import shutil
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from landing.errors import LandingError
from landing.folder import FINISHED_FILE, Landing, explaining_path
from landing.run_facts import FORMAT, RUN_FILE, RunFacts


def create_landing(
    root: Path,
    facts: RunFacts,
    *,
    clock: Callable[[], float] = time.monotonic,
    erased: frozenset[int] = frozenset(),
) -> Landing:
    """Create a folder under `root` for the run that `facts` describes, and return its landing."""
    folder = root / facts.run_id
    with explaining_path(folder):
        folder.mkdir(parents=True, mode=0o700)
        facts.save(folder)
    return Landing(folder, facts, clock=clock, erased=erased)


def find_resumable(
    root: Path,
    facts: RunFacts,
    *,
    max_age: timedelta,
    clock: Callable[[], float] = time.monotonic,
    erased: frozenset[int] = frozenset(),
) -> Landing | None:
    """Return the newest unfinished landing that the run in `facts` may resume, or None.

    A landing that cannot be read completely is skipped; its records are read from the source again.
    """
    for found in reversed(list_runs(root)):
        folder = root / found.run_id
        if not (folder / FINISHED_FILE).exists() and found.is_resumable_by(facts, max_age):
            with contextlib.suppress(LandingError):
                return Landing(folder, found, clock=clock, erased=erased)
    return None


def open_landing(folder: Path, *, clock: Callable[[], float] = time.monotonic) -> Landing:
    """Return the landing in `folder`, which any machine may have read. Raise `LandingError` if there is none."""
    found = list_runs(folder.parent, folder.name)
    if not found:
        message = f"{folder} is not a landing of this version: expected a {RUN_FILE} of format {FORMAT}"
        raise LandingError(message)
    return Landing(folder, found[0], clock=clock)


def list_runs(root: Path, run_id: str = "*") -> list[RunFacts]:
    """Return the facts of the landings under `root`, oldest first, without damaged or older ones."""
    found = []
    for path in sorted(root.glob(f"{run_id}/{RUN_FILE}")):
        with contextlib.suppress(OSError):
            facts = RunFacts.parse(path.read_bytes())
            if facts is not None and facts.run_id == path.parent.name:
                found.append(facts)
    return found


def prune_landings(root: Path, *, keep: int, besides: Path | None = None) -> list[str]:
    """Remove all but the newest `keep` landings, and never `besides`. Return the run ids of the removed ones."""
    folders = sorted((path for path in root.glob("*") if path.is_dir()), key=lambda path: path.name)
    doomed = [folder for folder in folders[: max(len(folders) - keep, 0)] if folder != besides]
    for folder in doomed:
        remove_landing(folder)
    return [folder.name for folder in doomed]


def purge_landings(root: Path, *, may_stay: Callable[[RunFacts], bool]) -> None:
    """Remove every landing except those for which `may_stay` is true; damaged landings are removed."""
    remaining = {facts.run_id for facts in list_runs(root) if may_stay(facts)}
    for folder in (path for path in root.glob("*") if path.is_dir() and path.name not in remaining):
        remove_landing(folder)


def remove_landing(folder: Path) -> None:
    """Remove the folder. Its `run.json` goes first, so that a kill never leaves a folder that looks complete."""
    with explaining_path(folder):
        (folder / RUN_FILE).unlink(missing_ok=True)
        shutil.rmtree(folder)
