"""The removal of an organization from the data folder: from its rows, its files and its publications."""

from dataclasses import dataclass

import duckdb

from flows.fleet.extraction import remove_landings
from flows.run.context import open_own_warehouse
from flows.run.maintenance import MEMORY_LIMIT, complete_purges, completing_interrupted_purge
from flows.settings import Settings
from flows.settings.clock import utc_now
from flows.settings.data_folder import has_file, lock_data_folder, restrict, warehouse_path
from flows.settings.errors import ConfigurationError
from warehouse.connection import run_statement, transaction
from warehouse.load.erasure import remove_organization
from warehouse.load.runs import read_organization_names


@dataclass(frozen=True)
class Removal:
    """The result of a removal: the organization, and the number of rows removed from each table."""

    name: str
    organization_id: int | None
    removed: dict[str, int]

    def as_text(self) -> str:
        """Return the result as text for a terminal."""
        rows = ", ".join(f"{table} {rows:,}" for table, rows in sorted(self.removed.items()))
        own = "never read" if self.organization_id is None else f"organization {self.organization_id}"
        return (
            f"REMOVED  {self.name} ({own})\n"
            f"  rows       {rows or 'none'}\n"
            "  files      published again; older generations, landings, reports removed; warehouse compacted\n"
            "  from now   a fleet file with this organization reads it again"
        )


def remove_from_fleet(settings: Settings, name: str) -> Removal:
    """Remove the organization, by its name in the fleet file or its id, with its history and all of its files.

    Landings go first, then the rows. After a kill, the next run or removal completes the rest. Raises
    `ConfigurationError` if the warehouse has no such organization.
    """
    path = warehouse_path(settings)
    if not has_file(path):
        message = (
            f"there is no warehouse at {path} to remove an organization from; set OOO_DATA_DIR to its folder"
        )
        raise ConfigurationError(message)
    with lock_data_folder(settings.data_dir, settings.file_permissions):
        restrict(settings.data_dir, settings.file_permissions)
        with (
            completing_interrupted_purge(settings),
            open_own_warehouse(settings, memory_limit=settings.memory_limit or MEMORY_LIMIT) as connection,
        ):
            organization_id, fleet_name = _find(connection, name)
            # The landings of all are removed, because an earlier name of the organization may have left some.
            remove_landings(settings)
            with transaction(connection):
                removed = remove_organization(connection, organization_id, fleet_name, at=utc_now())
        complete_purges(settings)
    return Removal(fleet_name or name, organization_id, removed)


def _find(connection: duckdb.DuckDBPyConnection, name: str) -> tuple[int | None, str | None]:
    """Return the id and the name in the fleet file; the id is None for a name that was never read."""
    names = read_organization_names(connection)
    for organization_id, fleet_name in names.items():
        if name in (fleet_name, str(organization_id)):
            return organization_id, fleet_name
    unread = [unread for (unread,) in run_statement(connection, "load/sql/select_unread_names")]
    if name in unread:
        return None, name
    known = [fleet_name or str(organization_id) for organization_id, fleet_name in names.items()] + unread
    message = (
        f"the warehouse has no organization {name}; expected a name of the fleet file or an id, one of"
        f" {', '.join(known) or 'none'}. Nothing was changed"
    )
    raise ConfigurationError(message)
