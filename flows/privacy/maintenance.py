"""Maintenance: what runs leave behind is cleared away, and the warehouse file is as small as its rows."""

from dataclasses import asdict, dataclass
from typing import Any

from flows.privacy.purges import complete_purges
from flows.run.data_folder import landing_root, lock_data_folder, warehouse_path
from flows.settings import Settings
from flows.settings.errors import ConfigurationError
from landing.catalog import prune_landings
from landing.files import remove_leftovers
from warehouse.load.compact import compact


@dataclass(frozen=True)
class Maintenance:
    """What was cleared away."""

    landings_removed: int
    bytes_before: int
    bytes_after: int

    def as_json(self) -> dict[str, Any]:
        """The figures as JSON types."""
        return asdict(self)

    def as_text(self) -> str:
        """The figures for a person."""
        return (
            f"{self.landings_removed:,} landings removed; warehouse.duckdb {self.bytes_before:,} bytes,"
            f" now {self.bytes_after:,}"
        )


def maintain(settings: Settings) -> Maintenance:
    """Pending purges are done, old landings gone, and the warehouse is a fresh file of the same rows.

    Changes no row and publishes nothing. Raises `WarehouseError` if a run is writing.
    """
    path, landings = warehouse_path(settings), landing_root(settings)
    if not path.exists():
        message = f"no warehouse at {path}; run `ooo sync` first, or set OOO_DATA_DIR"
        raise ConfigurationError(message)
    with lock_data_folder(settings.data_dir, settings.file_permissions):
        remove_leftovers(settings.data_dir)
        complete_purges(settings, warehouse=path, landings=landings)
        removed = prune_landings(landings, keep=settings.keep_landings)
        before = path.stat().st_size
        compact(path, memory_limit=settings.memory_limit)
        return Maintenance(len(removed), before, path.stat().st_size)
