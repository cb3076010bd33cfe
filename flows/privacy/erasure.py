"""Erasing a person from the data folder, for good: rows, files, and every later run."""

from dataclasses import dataclass

import duckdb

from flows.privacy.purges import MEMORY_LIMIT, complete_purges
from flows.run.clock import utc_now
from flows.run.data_folder import landing_root, lock_data_folder, warehouse_path
from flows.run.load import derive_days
from flows.settings import Settings
from flows.settings.calendars import read_policy
from flows.settings.errors import ConfigurationError, UnknownPersonError
from flows.settings.permissions import restrict
from warehouse.connection import open_warehouse, transaction
from warehouse.load.days import create_mart_views
from warehouse.load.erasure import erase_person, find_organizations
from warehouse.load.migrate import migrate


@dataclass(frozen=True)
class Erasure:
    """Who was erased, and the rows of the warehouse that went with them, by table."""

    organization_id: int
    user_id: int
    removed: dict[str, int]

    def as_text(self) -> str:
        """The erasure for a person."""
        rows = ", ".join(f"{table} {rows:,}" for table, rows in sorted(self.removed.items()))
        return (
            f"ERASED  user {self.user_id} of organization {self.organization_id}\n"
            f"  rows       {rows or 'none: they had been erased before'}\n"
            "  files      published anew; older generations, landings, reports removed; warehouse compacted\n"
            "  from now   no sync keeps anything of them"
        )


def erase_user(settings: Settings, user_id: int, organization_id: int | None = None) -> Erasure:
    """Nothing in the data folder says anything of the person, and no later run brings them back.

    What is recorded first is that they are erased: a run or an erasure after a kill completes this one.
    Raises `UnknownPersonError` for someone the warehouse has never met, or met in several organizations.
    """
    path = warehouse_path(settings)
    if not path.exists():
        message = f"there is no warehouse at {path} to erase anyone from; set OOO_DATA_DIR to its folder"
        raise ConfigurationError(message)
    with lock_data_folder(settings.data_dir, settings.file_permissions):
        restrict(settings.data_dir, settings.file_permissions)
        with open_warehouse(path, memory_limit=settings.memory_limit or MEMORY_LIMIT) as connection:
            migrate(connection)
            create_mart_views(connection)
            organization_id = _settle_organization(connection, user_id, organization_id)
            now = utc_now()
            with transaction(connection):
                removed = erase_person(connection, organization_id, user_id, at=now)
                derive_days(connection, now, read_policy(settings.calendars))
        complete_purges(settings, warehouse=path, landings=landing_root(settings))
    return Erasure(organization_id, user_id, removed)


def _settle_organization(
    connection: duckdb.DuckDBPyConnection, user_id: int, organization_id: int | None
) -> int:
    known = find_organizations(connection, user_id)
    if organization_id is None and len(known) > 1:
        message = (
            f"user {user_id} is known in the organizations {', '.join(map(str, known))}; say which with"
            " --organization-id, once for each"
        )
        raise UnknownPersonError(message)
    if not known or (organization_id is not None and organization_id not in known):
        where = f"organization {organization_id}" if organization_id else "any organization"
        message = (
            f"the warehouse knows no user {user_id} in {where}; expected an id from dim_people.user_id, as"
            " Cal.com numbers its users. Nothing was changed"
        )
        raise UnknownPersonError(message)
    return organization_id or known[0]
