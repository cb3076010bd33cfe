"""The data folder: where things are in it, and who may write to it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from flows.settings import Settings
from flows.settings.errors import ConfigurationError
from flows.settings.permissions import FilePermissions, created_with
from warehouse.errors import WarehouseError

GLANCE_SECONDS = 1.0
"""How long the data folder's lock is waited for: `ooo status` takes it for an instant."""


def warehouse_path(settings: Settings) -> Path:
    """The warehouse's own file, which nobody but this program opens."""
    return settings.data_dir / "warehouse.duckdb"


def database_path(settings: Settings) -> Path:
    """The published database, which readers open."""
    return settings.data_dir / "ooo.duckdb"


def require_publication(database: Path) -> None:
    """Raise `ConfigurationError` if nothing is published as `database` yet."""
    if not database.exists():
        message = f"nothing is published at {database} yet; run `ooo sync`, or set OOO_DATA_DIR"
        raise ConfigurationError(message)


def landing_root(settings: Settings) -> Path:
    """Where the landings of all runs are."""
    return settings.data_dir / "landing"


@contextlib.contextmanager
def lock_data_folder(data_dir: Path, share: FilePermissions = FilePermissions.OWNER) -> Iterator[None]:
    """No one else has the warehouse in `data_dir` open meanwhile. The lock dies with the process.

    What is created meanwhile is readable by its owner alone; a new data folder itself by `share`.
    Raises `WarehouseError` if another run has it for longer than a glance at its state takes.
    """
    try:
        with created_with(share):
            data_dir.mkdir(parents=True, exist_ok=True)
        lock = FileLock(data_dir / ".lock", mode=0o600)
        lock.acquire(timeout=GLANCE_SECONDS)
    except Timeout:
        message = (
            f"another run is writing to {data_dir}; wait for it to end, or set OOO_DATA_DIR to another folder"
        )
        raise WarehouseError(message) from None
    except OSError as error:
        message = f"can't write to {data_dir}: {error}; correct the permissions or set OOO_DATA_DIR"
        raise WarehouseError(message) from error
    try:
        with created_with(FilePermissions.OWNER):
            yield
    finally:
        lock.release()
