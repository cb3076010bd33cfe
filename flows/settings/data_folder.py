"""The data folder: the paths in it, the lock that keeps a single writer, and the permissions of its files.

Published files are readable by the owner alone, or by the owner's group too. A umask applies to every library that
creates a file (DuckDB, pyarrow, Delta Lake), and replaces the umask that the process was started with. It belongs to
the process, so a run sets it once for all of its files.
"""

import contextlib
import os
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

from filelock import FileLock, SoftFileLock, Timeout

from flows.settings.errors import ConfigurationError
from flows.settings.model import Settings
from flows.settings.values import FilePermissions
from warehouse.errors import LockedError, WarehouseError

_FOLDERS = (
    *("landing", "exports", "reports", "backups", "errors", "organizations", "warehouse.duckdb.tmp"),
    *("exports/current", "exports/generations", "exports/calendars", "exports/delta"),
)
"""The folders in the data folder, in which a run writes and removes files."""

_FOLDERS_OF_FOLDERS = ("organizations", "exports/delta")
"""Those of them that hold folders of the same kind, under names from outside."""

READER_NAMES = ("ooo.duckdb", "exports", "reports")
"""The published files and folders; everything else in a data folder is readable by the owner alone."""

OWNER_REPORT = "absence-report.html"
"""The report page with reasons and measures by person, in the folder reports. It is readable by the owner alone."""

LOCK_TIMEOUT_SECONDS = 1.0
"""The longest wait for the lock of the data folder: `ooo status` holds it for less than a second."""


def warehouse_path(settings: Settings) -> Path:
    """Return the path of the warehouse, which only this program opens."""
    return settings.data_dir / "warehouse.duckdb"


def database_path(settings: Settings) -> Path:
    """Return the path of the published database, which analysts and BI tools open."""
    return settings.data_dir / "ooo.duckdb"


def is_own_file(path: Path, data_dir: Path) -> bool:
    """Return True if `path` leads to a file in `data_dir` that an output must not replace.

    These are the databases, the locks, and the files of the folders that the program writes, except reports: the next
    run writes its reports again.
    """
    folder, target = Path(os.path.realpath(data_dir)), Path(os.path.realpath(path))
    if not target.is_relative_to(folder) or target == folder:
        return False
    name = target.relative_to(folder).parts[0]
    return name != "reports" and (
        name in _FOLDERS or name.startswith((".", "warehouse.duckdb", "ooo.duckdb"))
    )


def has_file(path: Path) -> bool:
    """Return True if `path` exists. Raise `WarehouseError` if the data folder cannot be read."""
    try:
        return path.exists()
    except OSError as error:
        message = (
            f"can't read {path}: {error.strerror}; run as the owner of {path.parent}, correct the permissions,"
            " or set OOO_DATA_DIR"
        )
        raise WarehouseError(message) from error


def require_publication(database: Path) -> None:
    """Raise `ConfigurationError` if nothing is published as `database` yet, `WarehouseError` without access."""
    if not has_file(database):
        message = f"nothing is published at {database} yet; run `ooo sync`, or set OOO_DATA_DIR"
        raise ConfigurationError(message)


def landing_root(settings: Settings) -> Path:
    """Return the folder of the landings of all runs."""
    return settings.data_dir / "landing"


@contextlib.contextmanager
def lock_data_folder(
    data_dir: Path,
    permissions: FilePermissions = FilePermissions.OWNER,
    *,
    name: str = ".lock",
    timeout_seconds: float = LOCK_TIMEOUT_SECONDS,
) -> Iterator[None]:
    """Hold the lock of `data_dir`, so that no other run opens its warehouse. The lock ends with the process.

    Files that are created inside the block are readable by their owner alone; a new data folder itself has
    `permissions`. Raises `LockedError` if another run holds the lock for longer than `timeout_seconds`, and
    `WarehouseError` if the folder cannot be locked. `name` is the file of the lock.
    """
    try:
        with created_with(permissions):
            data_dir.mkdir(parents=True, exist_ok=True)
        lock = FileLock(data_dir / name, mode=0o600)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the fallback to a soft lock, which is an error here
            lock.acquire(timeout=timeout_seconds)
        if isinstance(lock, SoftFileLock):
            lock.release()
            message = (
                f"the file system of {data_dir} has no locks, so that two runs could write at the same time; set"
                " OOO_DATA_DIR to a folder on a local disk"
            )
            raise WarehouseError(message)
    except Timeout:
        message = (
            f"another run is writing to {data_dir}; wait for it to end, or set OOO_DATA_DIR to another folder"
        )
        raise LockedError(message) from None
    except (OSError, NotImplementedError) as error:
        message = f"can't write to {data_dir}: {error}; correct the permissions or set OOO_DATA_DIR"
        raise WarehouseError(message) from error
    try:
        _refuse_links(data_dir)
        with created_with(FilePermissions.OWNER):
            yield
    finally:
        lock.release()


def _refuse_links(data_dir: Path) -> None:
    """Raise `WarehouseError` if a folder in `data_dir` is a link, because a run removes files in it."""
    inner = (path for name in _FOLDERS_OF_FOLDERS for path in (data_dir / name).glob("*"))
    for path in (*(data_dir / name for name in _FOLDERS), *inner):
        if path.is_symlink():
            message = (
                f"expected a folder at {path}, found a symbolic link, which is not followed; replace it by a folder, or"
                " set OOO_DATA_DIR to the other disk"
            )
            raise WarehouseError(message)


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
