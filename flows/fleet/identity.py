"""The identity of the organizations of a fleet: their ids at Cal.com, before anything else is read."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from calcom.errors import OooError
from flows.fleet.organizations import Organization, settings_for
from flows.run.progress import ProgressListener
from flows.run.source import find_organization, make_client
from flows.run.telemetry import request_callback
from flows.settings.data_folder import landing_root
from flows.settings.errors import ConfigurationError


def find_identities(
    organizations: Sequence[Organization],
    *,
    read_block: Callable[[str], Any],
    concurrency: int,
    listeners: Mapping[str, ProgressListener],
) -> dict[str, int | OooError]:
    """Return for each name the id of its organization, or the error that prevents it.

    An id in the fleet file needs no request. For each other organization, one request reads the owner of the
    credential. `listeners` are the progress listeners of the organizations, by name.
    """

    def find(organization: Organization) -> int | OooError:
        try:
            return organization.organization_id or _find_id(
                organization, read_block, listeners[organization.name]
            )
        except OooError as error:
            return error

    with ThreadPoolExecutor(concurrency) as pool:
        return dict(
            zip(
                (organization.name for organization in organizations),
                pool.map(find, organizations),
                strict=True,
            )
        )


def raise_if_repeated(identities: Mapping[str, int | OooError]) -> None:
    """Raise `ConfigurationError` if two names are the same organization."""
    names: dict[int, list[str]] = {}
    for name, identity in identities.items():
        if isinstance(identity, int):
            names.setdefault(identity, []).append(name)
    repeated = [
        f"{' and '.join(same)} are organization {organization_id}"
        for organization_id, same in names.items()
        if len(same) > 1
    ]
    if repeated:
        message = (
            f"the fleet has the same organization twice: {'; '.join(repeated)}. Organizations are identified by this"
            " id alone, in every region; remove all names but one, or give the others a warehouse of their own."
            " Nothing was read"
        )
        raise ConfigurationError(message)


def _find_id(organization: Organization, read_block: Callable[[str], Any], listener: ProgressListener) -> int:
    settings = settings_for(organization, read_block=read_block)
    own = settings.model_copy(update={"data_dir": settings.data_dir / "organizations" / organization.name})
    client = make_client(own.connection(), root=landing_root(own), on_request=request_callback(listener))
    with asyncio.Runner() as runner:
        try:
            return find_organization(runner, client)
        finally:
            runner.run(client.close())
