"""Files that are whole or not there: written aside, flushed, renamed, and the name flushed too."""

import contextlib
import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

TEMPORARY_PREFIX = ".next-"
"""Names that begin so are of files that are being written: no reader opens them, and the next run removes them."""


def write_json(path: Path, content: dict[str, Any]) -> None:
    """`path` holds `content`, and will after a power cut; a reader meanwhile got the old one or gets this."""
    aside = path.with_name(f"{TEMPORARY_PREFIX}{path.name}")
    aside.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    flush(aside)
    replace(aside, path)


def link(path: Path, name: Path) -> None:
    """`name` leads to the file that `path` leads to, or to a copy where there are no hard links."""
    aside = name.with_name(f"{TEMPORARY_PREFIX}{name.stem}")
    try:
        os.link(path, aside)
    except OSError:  # a file system without hard links
        shutil.copyfile(path, aside)
        flush(aside)
    replace(aside, name)
    aside.unlink(missing_ok=True)  # rename() leaves the source if both are links to one file


def replace(aside: Path, path: Path) -> None:
    """`path` leads to what `aside` led to, and will after a power cut."""
    aside.replace(path)
    flush(path.parent)


def remove_folder(path: Path) -> None:
    """The folder is gone at once for readers, and then from the disk."""
    doomed = path.with_name(f"{TEMPORARY_PREFIX}{path.name}")
    path.rename(doomed)
    shutil.rmtree(doomed)


def remove_leftovers(folder: Path) -> None:
    """What a killed run left aside right in `folder` is gone."""
    for path in folder.glob(f"{TEMPORARY_PREFIX}*"):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            with contextlib.suppress(FileNotFoundError):
                path.unlink()


def flush(path: Path) -> None:
    """What was written to the file, or renamed in the folder, is on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def digest(path: Path) -> str:
    """The SHA-256 of the file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
