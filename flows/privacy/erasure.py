"""The erasure of a person from the data folder: from its rows, from its files, and from every later run."""

from dataclasses import dataclass

import duckdb

from flows.run.context import open_own_warehouse
from flows.run.load import derive_days
from flows.run.maintenance import MEMORY_LIMIT, complete_purges
from flows.settings import Settings
from flows.settings.calendars import read_policy
from flows.settings.clock import utc_now
from flows.settings.data_folder import lock_data_folder, warehouse_path
from flows.settings.errors import ConfigurationError, UnknownPersonError
from flows.settings.permissions import restrict
from warehouse.connection import transaction
from warehouse.load.erasure import erase_person, find_organizations


@dataclass(frozen=True)
class Erasure:
    """The result of an erasure: the person, and the number of rows removed from each table."""

    organization_id: int
    user_id: int
    removed: dict[str, int]

    def as_text(self) -> str:
        """Return the result as text for a terminal."""
        rows = ", ".join(f"{table} {rows:,}" for table, rows in sorted(self.removed.items()))
        return (
            f"ERASED  user {self.user_id} of organization {self.organization_id}\n"
            f"  rows       {rows or 'none: the person was erased before'}\n"
            "  files      published again; older generations, landings, reports removed; warehouse compacted\n"
            "  from now   every sync discards the records of this person"
        )


def erase_user(settings: Settings, user_id: int, organization_id: int | None = None) -> Erasure:
    """Erase the person from the data folder, and record the id so that no later run stores the person again.

    The record is written first: after a kill, the next run or erasure completes this one.
    Raises `UnknownPersonError` if the warehouse has no such person, or has the person in several organizations.
    """
    path = warehouse_path(settings)
    if not path.exists():
        message = f"there is no warehouse at {path} to erase a person from; set OOO_DATA_DIR to its folder"
        raise ConfigurationError(message)
    with lock_data_folder(settings.data_dir, settings.file_permissions):
        restrict(settings.data_dir, settings.file_permissions)
        with open_own_warehouse(settings, memory_limit=settings.memory_limit or MEMORY_LIMIT) as connection:
            organization_id = _settle_organization(connection, user_id, organization_id)
            now = utc_now()
            with transaction(connection):
                removed = erase_person(connection, organization_id, user_id, at=now)
                derive_days(connection, now, read_policy(settings.calendars))
        complete_purges(settings)
    return Erasure(organization_id, user_id, removed)


def _settle_organization(
    connection: duckdb.DuckDBPyConnection, user_id: int, organization_id: int | None
) -> int:
    known = find_organizations(connection, user_id)
    if organization_id is None and len(known) > 1:
        message = (
            f"user {user_id} is known in the organizations {', '.join(map(str, known))}; name one with"
            " --organization-id, once for each organization"
        )
        raise UnknownPersonError(message)
    if not known or (organization_id is not None and organization_id not in known):
        where = f"organization {organization_id}" if organization_id else "any organization"
        message = (
            f"the warehouse has no user {user_id} in {where}; expected an id from dim_people.user_id, as"
            " Cal.com numbers its users. Nothing was changed"
        )
        raise UnknownPersonError(message)
    return organization_id or known[0]
