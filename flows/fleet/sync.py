"""The sync of a fleet in one process: read the organizations concurrently, load those that are ready, publish once.

The Prefect flow `fleet` calls the same extraction and the same loader.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any

from calcom.errors import OooError
from flows.fleet.extraction import extract_organization
from flows.fleet.identity import find_identities, raise_if_repeated
from flows.fleet.loader import Loader, open_loader
from flows.fleet.organizations import Organization
from flows.fleet.summary import FleetSummary
from flows.run.progress import ProgressListener
from flows.settings import Settings


def sync_fleet(
    settings: Settings,
    organizations: Sequence[Organization],
    *,
    read_block: Callable[[str], Any],
    listener_for: Callable[[str], ProgressListener],
    allows_mass_delete: bool = False,
) -> FleetSummary:
    """Extract the organizations (several concurrently), load those that are ready together, and publish once.

    Raises `ConfigurationError` before anything is read if two names are the same organization.
    """
    listeners = {organization.name: listener_for(organization.name) for organization in organizations}
    opening = open_loader(
        settings, organizations, listener=listener_for("loader"), allows_mass_delete=allows_mass_delete
    )
    with opening as loader, ThreadPoolExecutor(settings.fleet_concurrency) as pool:
        identities = find_identities(
            organizations, read_block=read_block, concurrency=settings.fleet_concurrency, listeners=listeners
        )
        raise_if_repeated(identities)
        reading: dict[Future[str], str] = {}
        for organization in organizations:
            identity = identities[organization.name]
            if isinstance(identity, OooError):
                loader.record_failure(organization.name, identity.exit_code, str(identity))
                continue
            identified = organization.model_copy(update={"organization_id": identity})
            extraction = pool.submit(
                extract_organization,
                identified,
                read_block=read_block,
                listener=listeners[organization.name],
                size=loader.read_size(identified),
            )
            reading[extraction] = organization.name
        _load_as_they_end(loader, reading)
        return loader.publish()


def _load_as_they_end(loader: Loader, reading: dict[Future[str], str]) -> None:
    """Load the landings of the extractions that have ended, again and again until all have ended."""
    while reading:
        ended, _ = wait(reading, return_when=FIRST_COMPLETED)
        ready = []
        for extraction in ended:
            name, error = reading.pop(extraction), extraction.exception()
            if error is None:
                ready.append(name)
            elif isinstance(error, OooError):
                loader.record_failure(name, error.exit_code, str(error))
            else:
                raise error
        loader.load_all(ready)
