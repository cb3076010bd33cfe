"""File permissions: published files are readable by the owner alone, or by the owner's group too.

A umask applies to every library that creates a file (DuckDB, pyarrow, Delta Lake), and replaces the umask
that the process was started with. It belongs to the process, so a run sets it once for all of its files.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path

READER_NAMES = ("ooo.duckdb", "exports", "reports")
"""The published files and folders; everything else in a data folder is readable by the owner alone."""

OWNER_REPORT = "absence-report.html"
"""The report page with reasons and measures by person, in the folder reports. It is readable by the owner alone."""


class FilePermissions(StrEnum):
    """The users who may read the published files."""

    OWNER = "owner"
    """The user that the program runs as."""
    GROUP = "group"
    """That user, and the members of the user's group."""


@contextlib.contextmanager
def created_with(permissions: FilePermissions) -> Iterator[None]:
    """Create all files and folders of the block with `permissions`."""
    former = os.umask(0o027 if permissions is FilePermissions.GROUP else 0o077)
    try:
        yield
    finally:
        os.umask(former)


def restrict(data_dir: Path, permissions: FilePermissions) -> None:
    """Apply `permissions` to the published files of earlier runs, and make all other files private.

    The data folder itself may belong to an administrator: it is opened for a group, and never closed.
    """
    if permissions is FilePermissions.GROUP:
        _set_mode(data_dir, data_dir.stat().st_mode | 0o050)
    for path in data_dir.iterdir():
        is_shared = path.name in READER_NAMES and permissions is FilePermissions.GROUP
        # The files in a private folder are private without a mode of their own.
        inside: Iterable[Path] = path.rglob("*") if is_shared and path.is_dir() else ()
        for entry in (path, *inside):
            if not entry.is_symlink():
                widest = 0o750 if is_shared and entry.name != OWNER_REPORT else 0o700
                _set_mode(entry, widest if entry.is_dir() else widest & 0o666)


def _set_mode(path: Path, mode: int) -> None:
    # Another user's file keeps its mode, and a file may disappear while another run prunes.
    with contextlib.suppress(PermissionError, FileNotFoundError):
        if path.stat().st_mode & 0o777 != mode & 0o777:
            path.chmod(mode & 0o777)
