"""Retention of landings: remove those of old runs, and those whose records may no longer be stored."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from landing.folder import explaining_path, list_runs
from landing.run_facts import RUN_FILE, RunFacts

_RUN_ID = re.compile(r"\d{8}T\d{6,}Z?-")
"""The start of the name of a landing, which is the id of its run."""


def prune_landings(root: Path, *, keep: int, besides: Path | None = None) -> list[str]:
    """Remove all but the newest `keep` landings, and never `besides`. Return the run ids of the removed ones."""
    folders = _landings(root)
    doomed = [folder for folder in folders[: max(len(folders) - keep, 0)] if folder != besides]
    for folder in doomed:
        remove_landing(folder)
    return [folder.name for folder in doomed]


def purge_landings(root: Path, *, may_stay: Callable[[RunFacts], bool]) -> None:
    """Remove every landing except those for which `may_stay` is true; damaged landings are removed too."""
    remaining = {facts.run_id for facts in list_runs(root) if may_stay(facts)}
    for folder in _landings(root):
        if folder.name not in remaining:
            remove_landing(folder)


def _landings(root: Path) -> list[Path]:
    """Return the folders of landings, by name: also those without their facts, but no link and no other folder."""
    return sorted(
        path
        for path in root.glob("*")
        if not path.is_symlink()
        and path.is_dir()
        and ((path / RUN_FILE).exists() or _RUN_ID.match(path.name))
    )


def remove_landing(folder: Path) -> None:
    """Remove the folder. Its `run.json` goes first, so that a kill never leaves a folder that looks complete."""
    with explaining_path(folder):
        (folder / RUN_FILE).unlink(missing_ok=True)
        shutil.rmtree(folder)
