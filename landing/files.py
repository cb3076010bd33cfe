"""Atomic file operations: write to a temporary name, flush to the disk, rename, and flush the folder.

Other programs see the old file or the new one, never a part, and the new one survives a power cut.

    with write_atomically(path) as temporary:        # an empty file of that name exists
        temporary.write_text("…")
    with build_atomically(path) as temporary:        # nothing of that name exists: create a file or a folder
        temporary.mkdir()
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TEMPORARY_PREFIX = ".next-"
"""The prefix of every temporary file and folder. Other programs skip such names, and the next run removes them."""

_TEMPORARY_SUFFIX = ".part"
"""Keeps patterns such as `*.parquet` from matching temporary files: DuckDB and Polars match leading dots."""

_MOST_NAME_BYTES = 255 - len(TEMPORARY_PREFIX) - len(_TEMPORARY_SUFFIX)
"""The bytes of a name that fit between the prefix and the suffix; most file systems allow 255 bytes."""


def temporary_path(path: Path) -> Path:
    """Return the name under which `path` is written until it is complete; it is in the same folder."""
    name = os.fsdecode(os.fsencode(path.name)[:_MOST_NAME_BYTES])
    return path.with_name(f"{TEMPORARY_PREFIX}{name}{_TEMPORARY_SUFFIX}")


@contextlib.contextmanager
def write_atomically(path: Path, *, permissions: int = 0o666) -> Iterator[Path]:
    """Yield an empty temporary file, and move it to `path` when the block ends without an error.

    The file is created with `permissions` less the umask, so it is never readable by more users than `path`.
    It is always a new file: a file or a symbolic link that has the temporary name is removed, not followed.
    If the block raises, the temporary file is removed and `path` is unchanged.
    """
    with build_atomically(path) as temporary:
        os.close(os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, permissions))
        yield temporary


@contextlib.contextmanager
def build_atomically(path: Path) -> Iterator[Path]:
    """Yield a temporary path where nothing exists; move what the block creates there to `path` at its end.

    The block may create a file or a folder; every file of a folder is flushed. An existing file at `path` is
    replaced; an existing folder is not (`OSError`). If the block raises, the temporary path is removed.
    """
    temporary = temporary_path(path)
    _remove(temporary)
    try:
        yield temporary
        _flush_tree(temporary)
        replace(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            _remove(temporary)
        raise


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write `content` to `path` as JSON, atomically."""
    with write_atomically(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def link(source: Path, path: Path) -> None:
    """Link `path` to the file at `source`, atomically; without hard links, copy the file."""
    temporary = temporary_path(path)
    _remove(temporary)
    try:
        os.link(source, temporary)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, temporary)
        flush(temporary)
    replace(temporary, path)
    temporary.unlink(missing_ok=True)  # rename() leaves the source if both are links to one file


def replace(temporary: Path, path: Path) -> None:
    """Rename the flushed file or folder `temporary` to `path`, and flush the folder that holds it."""
    temporary.replace(path)
    flush(path.parent)


def remove_folder(path: Path) -> None:
    """Remove the folder: first rename it to a temporary name, so that no program sees a part of it."""
    temporary = temporary_path(path)
    _remove(temporary)
    path.rename(temporary)
    shutil.rmtree(temporary)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files and folders that a killed run left directly in `folder`."""
    for path in folder.glob(f"{TEMPORARY_PREFIX}*"):
        _remove(path)


def flush(path: Path) -> None:
    """Wait until the content of the file, or the names in the folder, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest(path: Path) -> str:
    """Return the SHA-256 checksum of the file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _flush_tree(path: Path) -> None:
    """Flush a file, or a folder with every file and folder in it."""
    for folder, _, names in os.walk(path):
        for name in names:
            flush(Path(folder, name))
        flush(Path(folder))
    if not path.is_dir():
        flush(path)


def _remove(path: Path) -> None:
    """Remove the file, link or folder if it exists; a symbolic link is removed, not followed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
