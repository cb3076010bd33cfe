"""The extraction of one organization of a fleet, on any machine: it leaves a landing in the hand-off store.

This module opens no warehouse and imports no Prefect.
"""

import contextlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from calcom.errors import OooError
from flows.fleet.organizations import Organization, settings_for
from flows.run import stages
from flows.run.context import describe_run, open_run
from flows.run.progress import ProgressListener
from flows.run.stages import PLAIN_STAGES, Stages
from flows.settings import NO_CREDENTIAL, Settings, load_settings
from flows.settings.data_folder import landing_root
from flows.settings.values import FilePermissions
from landing.files import remove_folder
from landing.handoff import HandOffStore
from landing.retention import prune_landings
from landing.run_facts import UNKNOWN_ORGANIZATION
from warehouse.load.runs import OrganizationSize


def open_hand_off_store(settings: Settings) -> HandOffStore:
    """Return the store at OOO_EXCHANGE_URL, or in a folder of the data folder."""
    folder = settings.data_dir.resolve() / "exchange"
    return HandOffStore(settings.exchange_url or folder.as_uri())


def extract_organization(
    organization: Organization,
    *,
    read_block: Callable[[str], Any],
    listener: ProgressListener,
    size: OrganizationSize | None = None,
    tasks: Stages = PLAIN_STAGES,
) -> str:
    """Leave a complete landing of the organization in the hand-off store. Return its run id.

    A landing that an earlier run left there is reused if it is young enough to resume. A killed extraction is
    resumed from the working folder of this machine, which is empty afterwards. `tasks` are the functions that read.
    """
    settings = settings_for(organization, read_block=read_block)
    store = open_hand_off_store(settings)
    folder = settings.data_dir / "organizations" / organization.name
    own = settings.model_copy(update={"data_dir": folder, "file_permissions": FilePermissions.OWNER})
    facts = describe_run(own, own.organization_id or UNKNOWN_ORGANIZATION, organization.strategy)
    max_age = timedelta(hours=own.resume_hours)
    if (reusable := store.find_reusable(organization.name, facts, max_age=max_age)) is not None:
        return reusable
    with open_run(
        own, strategy=organization.strategy, listener=listener, size=size, find=tasks.find_organization
    ) as run:
        stages.extract(run, tasks)
        store.put(organization.name, run.landing)
        prune_landings(landing_root(own), keep=0)
        return run.landing.facts.run_id


def remove_landings(settings: Settings) -> None:
    """Remove the landings and the errors that extractions left in their folders and in the hand-off store.

    The organizations are read again.
    """
    folder = settings.data_dir / "organizations"
    if folder.exists():
        remove_folder(folder)
    open_hand_off_store(settings).remove_all()


def report_failure(organization: Organization, error: OooError) -> None:
    """Store the error of an extraction in another process, so that the loader reports its exit code and message."""
    with contextlib.suppress(OooError):  # the error that ended the extraction matters more
        store = open_hand_off_store(load_settings(**NO_CREDENTIAL))
        store.put_failure(organization.name, int(error.exit_code), str(error))
