"""Maintenance: removes old landings and leftovers, purges erased bytes from files, and compacts the warehouse."""

import contextlib
import shutil
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass
from typing import Any

from calcom.wording import count_of
from flows.run.context import open_own_warehouse
from flows.run.publication import publish_tables
from flows.settings import Settings
from flows.settings.clock import utc_now
from flows.settings.data_folder import has_file, landing_root, lock_data_folder, warehouse_path
from flows.settings.errors import ConfigurationError, UnknownPersonError
from landing.files import remove_leftovers
from landing.retention import prune_landings, purge_landings
from warehouse.connection import open_warehouse, run_statement
from warehouse.load.erasure import ERASURE, compact, pending_purges
from warehouse.load.migrate import BACKUPS, migrate
from warehouse.load.runs import repair_future_instants

MEMORY_LIMIT = "500MB"


@dataclass(frozen=True)
class Maintenance:
    """The result of one maintenance."""

    landings_removed: int
    bytes_before: int
    bytes_after: int
    instants_repaired: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return the figures as JSON types."""
        return asdict(self)

    def as_text(self) -> str:
        """Return the figures as text for a terminal."""
        return (
            f"{count_of(self.landings_removed, 'landing')} removed; warehouse.duckdb {self.bytes_before:,} bytes,"
            f" now {self.bytes_after:,}"
            + (
                f"; {count_of(self.instants_repaired, 'instant')} in the future moved"
                if self.instants_repaired
                else ""
            )
        )


def maintain(settings: Settings, *, repairs_clock: bool = False) -> Maintenance:
    """Complete pending purges, remove old landings, and rewrite the warehouse as a file of its rows only.

    Changes no row and publishes nothing, except to complete an erasure. With `repairs_clock`, instants in the future
    are moved to just before now. Raises `WarehouseError` if a run is writing.
    """
    path, landings = warehouse_path(settings), landing_root(settings)
    if not has_file(path):
        message = f"no warehouse at {path}; run `ooo sync` first, or set OOO_DATA_DIR"
        raise ConfigurationError(message)
    with lock_data_folder(settings.data_dir, settings.file_permissions):
        remove_leftovers(settings.data_dir)
        repaired = _repair_clock(settings) if repairs_clock else 0
        complete_purges(settings)
        removed = prune_landings(landings, keep=settings.keep_landings)
        before = path.stat().st_size
        compact(path, memory_limit=settings.memory_limit)
        return Maintenance(len(removed), before, path.stat().st_size, repaired)


def _repair_clock(settings: Settings) -> int:
    with open_warehouse(warehouse_path(settings)) as connection:
        migrate(connection)
        return repair_future_instants(connection, utc_now())


@contextlib.contextmanager
def completing_interrupted_purge(settings: Settings) -> Iterator[None]:
    """Complete an erasure or a removal that was interrupted, and then run the block, which begins another one.

    The rows of the interrupted one are gone already, so the block cannot find its person or organization again. The
    error of the block then says so. The caller holds the lock of the data folder.
    """
    was_interrupted = complete_purges(settings)
    try:
        yield
    except (ConfigurationError, UnknownPersonError) as error:
        if not was_interrupted:
            raise
        message = f"{error}. Before that, an erasure or a removal that had been interrupted was completed"
        raise type(error)(message) from error


def complete_purges(settings: Settings) -> bool:
    """Publish the tables again if an erasure is pending, and then complete all pending purges.

    Returns True if an erasure was pending. The caller holds the lock of the data folder, and has closed the warehouse.
    """
    with open_own_warehouse(settings, memory_limit=settings.memory_limit or MEMORY_LIMIT) as connection:
        reasons = pending_purges(connection)
        if ERASURE in reasons:
            runs = run_statement(connection, "load/sql/select_latest_run")
            # The removal of the last organization leaves no run, and the empty tables are published.
            run_id = runs[0][0] if runs else f"{utc_now():%Y%m%dT%H%M%S%f}Z-removal"
            publish_tables(connection, settings, run_id=run_id)
    purge_files(settings, reasons)
    return ERASURE in reasons


def purge_files(settings: Settings, reasons: AbstractSet[str]) -> None:
    """Remove erased people, and notes that are not to be stored, from the landings and the warehouse file.

    A run calls this once, after the load and the publication, with the `reasons` of the pending purges. After an
    erasure, all landings are removed. The warehouse is compacted last: the compacted file has no pending purge.
    """
    path, landings = warehouse_path(settings), landing_root(settings)
    if ERASURE in reasons:
        purge_landings(landings, may_stay=lambda _: False)
    elif not settings.keeps_notes:
        purge_landings(landings, may_stay=lambda facts: not facts.keeps_notes)
    if reasons:
        shutil.rmtree(path.parent / BACKUPS, ignore_errors=True)
        compact(path, memory_limit=settings.memory_limit or MEMORY_LIMIT)
