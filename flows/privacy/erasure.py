"""The erasure of a person from the data folder: from its rows, from its files, and from every later run."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from calcom.wording import count_of
from flows.fleet.extraction import remove_landings
from flows.report.plain_text import escape_controls
from flows.run.context import open_own_warehouse
from flows.run.load import derive_days
from flows.run.maintenance import MEMORY_LIMIT, complete_purges, completing_interrupted_purge
from flows.settings import Settings
from flows.settings.calendars import read_policy
from flows.settings.clock import utc_now
from flows.settings.data_folder import has_file, lock_data_folder, restrict, warehouse_path
from flows.settings.errors import ConfigurationError, UnknownPersonError
from warehouse.connection import transaction
from warehouse.load.erasure import describe_person, erase_person, find_organizations, find_people_by_email


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


@dataclass(frozen=True)
class Person:
    """A person of the warehouse, for the question before an erasure."""

    organization_id: int
    user_id: int
    name: str | None
    email: str | None
    entries: int

    def as_text(self) -> str:
        """Return the person in words, without control characters."""
        named = " ".join(filter(None, (self.name, self.email and f"<{self.email}>"))) or "no name is known"
        return escape_controls(
            f"user {self.user_id} of organization {self.organization_id}, {named},"
            f" {count_of(self.entries, 'entry', 'entries')}"
        )


def find_person(settings: Settings, user: int | str, organization_id: int | None = None) -> Person:
    """Return the person with the id or the e-mail address `user`. Raise as `erase_user`."""
    with _locked_folder(settings), _open_warehouse(settings) as connection:
        organization_id, user_id = _settle_person(connection, user, organization_id)
        return Person(organization_id, user_id, *describe_person(connection, organization_id, user_id))


def erase_user(settings: Settings, user: int | str, organization_id: int | None = None) -> Erasure:
    """Erase the person from the data folder, and record the id so that no later run stores the person again.

    `user` is an id or an e-mail address. The record is written first: after a kill, the next run or erasure completes
    this one. Raises `UnknownPersonError` if the warehouse has no such person, or has several.
    """
    with _locked_folder(settings):
        with _open_warehouse(settings) as connection:
            organization_id, user_id = _settle_person(connection, user, organization_id)
            remove_landings(settings)
            now = utc_now()
            with transaction(connection):
                removed = erase_person(connection, organization_id, user_id, at=now)
                derive_days(connection, now, read_policy(settings.calendars))
        complete_purges(settings)
    return Erasure(organization_id, user_id, removed)


@contextlib.contextmanager
def _locked_folder(settings: Settings) -> Iterator[None]:
    """Lock the data folder, and complete an interrupted erasure. Raise `ConfigurationError` without a warehouse."""
    path = warehouse_path(settings)
    if not has_file(path):
        message = f"there is no warehouse at {path} to erase a person from; set OOO_DATA_DIR to its folder"
        raise ConfigurationError(message)
    with lock_data_folder(settings.data_dir, settings.file_permissions):
        restrict(settings.data_dir, settings.file_permissions)
        with completing_interrupted_purge(settings):
            yield


def _open_warehouse(settings: Settings) -> contextlib.AbstractContextManager[duckdb.DuckDBPyConnection]:
    return open_own_warehouse(settings, memory_limit=settings.memory_limit or MEMORY_LIMIT)


def _settle_person(
    connection: duckdb.DuckDBPyConnection, user: int | str, organization_id: int | None
) -> tuple[int, int]:
    """Return the organization and the id of the person. The messages do not repeat an e-mail address."""
    if isinstance(user, int):
        return _settle_organization(connection, user, organization_id), user
    known = find_people_by_email(connection, user)
    matching = [person for person in known if organization_id in {None, person[0]}]
    if len(matching) == 1:
        return matching[0]
    if not matching:
        where = f"organization {organization_id}" if organization_id else "any organization"
        message = (
            f"the warehouse has no person with this e-mail address in {where}; expected an address or an id from"
            " dim_people. Nothing was changed"
        )
        raise UnknownPersonError(message)
    people = ", ".join(f"user {user_id} of organization {organization}" for organization, user_id in matching)
    message = (
        f"several people have this e-mail address: {people}; erase each one by id, with --organization-id."
        " Nothing was changed"
    )
    raise UnknownPersonError(message)


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
