"""Who may read what is written: the owner alone, or for what readers get the owner's group too.

A umask says it once for every library that creates a file (DuckDB, pyarrow, Delta), whatever the one
that the process was started with. It is the process's, so a run holds it from its first file to its last.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path

READER_NAMES = ("ooo.duckdb", "exports", "reports")
"""What readers get; everything else in a data folder is the owner's alone."""


class FilePermissions(StrEnum):
    """Who may read what is published."""

    OWNER = "owner"
    """Nobody but the user whom the program runs as."""
    GROUP = "group"
    """Members of that user's group too."""


@contextlib.contextmanager
def created_with(share: FilePermissions) -> Iterator[None]:
    """What is created meanwhile is readable by `share`, and by nobody else."""
    former = os.umask(0o027 if share is FilePermissions.GROUP else 0o077)
    try:
        yield
    finally:
        os.umask(former)


def restrict(data_dir: Path, share: FilePermissions) -> None:
    """What earlier runs left in `data_dir` is readable by `share` and nobody else; the rest by its owner.

    The data folder itself, which may be an administrator's, only opens for a group, and never closes.
    """
    if share is FilePermissions.GROUP:
        _set_mode(data_dir, data_dir.stat().st_mode | 0o050)
    for path in data_dir.iterdir():
        is_shared = path.name in READER_NAMES and share is FilePermissions.GROUP
        # What is in a folder that is its owner's alone is too.
        inside: Iterable[Path] = path.rglob("*") if is_shared and path.is_dir() else ()
        for one in (path, *inside):
            if not one.is_symlink():
                widest = 0o750 if is_shared else 0o700
                _set_mode(one, widest if one.is_dir() else widest & 0o666)


def _set_mode(path: Path, mode: int) -> None:
    # Someone else's file is theirs to open or close, and one that another run prunes is gone.
    with contextlib.suppress(PermissionError, FileNotFoundError):
        if path.stat().st_mode & 0o777 != mode & 0o777:
            path.chmod(mode & 0o777)
