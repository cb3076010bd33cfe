"""The data folder: the paths in it, and the lock that keeps a single writer."""

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, SoftFileLock, Timeout

from flows.settings.errors import ConfigurationError
from flows.settings.model import Settings
from flows.settings.permissions import FilePermissions, created_with
from warehouse.errors import LockedError, WarehouseError

_FOLDERS = (
    *("landing", "exports", "reports", "backups", "errors", "organizations", "warehouse.duckdb.tmp"),
    *("exports/current", "exports/generations", "exports/calendars", "exports/delta"),
)
"""The folders in the data folder, in which a run writes and removes files."""

_FOLDERS_OF_FOLDERS = ("organizations", "exports/delta")
"""Those of them that hold folders of the same kind, under names from outside."""

LOCK_TIMEOUT_SECONDS = 1.0
"""The longest wait for the lock of the data folder: `ooo status` holds it for less than a second."""


def warehouse_path(settings: Settings) -> Path:
    """Return the path of the warehouse, which only this program opens."""
    return settings.data_dir / "warehouse.duckdb"


def database_path(settings: Settings) -> Path:
    """Return the path of the published database, which analysts and BI tools open."""
    return settings.data_dir / "ooo.duckdb"


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
