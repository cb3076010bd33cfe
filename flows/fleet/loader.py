"""The sync of a fleet as plain functions: extract each organization, load one at a time, publish once.

`ooo fleet sync` does all of it in one process. In the Prefect flow, each extraction is a run of its own on any
worker. This module imports no Prefect.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import timedelta
from typing import Any

from calcom.errors import ExitCode, OooError
from flows.fleet.organizations import Organization, settings_for
from flows.fleet.summary import FleetSummary, Outcome
from flows.run import stages
from flows.run.context import (
    PreviousRun,
    RunContext,
    describe_run,
    open_own_warehouse,
    open_run,
    read_previous_run,
)
from flows.run.maintenance import complete_purges
from flows.run.progress import ProgressListener
from flows.run.publication import publish_tables
from flows.run.stages import PLAIN_STAGES, Stages
from flows.settings import NO_CREDENTIAL, Settings, load_settings
from flows.settings.calendars import read_policy
from flows.settings.data_folder import landing_root, lock_data_folder
from flows.settings.errors import ConfigurationError
from flows.settings.permissions import FilePermissions
from landing.folder import prune_landings, purge_landings
from landing.handoff import HandOffStore
from landing.run_facts import UNKNOWN_ORGANIZATION
from warehouse.errors import GuardError
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


def report_failure(organization: Organization, error: OooError) -> None:
    """Store the error of an extraction in another process, so that the loader reports its exit code and message."""
    with contextlib.suppress(OooError):  # the error that ended the extraction matters more
        store = open_hand_off_store(load_settings(**NO_CREDENTIAL))
        store.put_failure(organization.name, int(error.exit_code), str(error))


class Loader:
    """Owns the warehouse: loads landings from the hand-off store one at a time, and publishes once."""

    def __init__(self, settings: Settings, *, listener: ProgressListener, allows_mass_delete: bool) -> None:
        """Create a loader; `open_loader` does so after it has locked the data folder."""
        self.settings, self.store = settings, open_hand_off_store(settings)
        self.outcomes: dict[str, Outcome] = {}
        self._listener, self._allows_mass_delete = listener, allows_mass_delete
        self._names: dict[int, str] = {}
        self._last_run_id: str | None = None

    def read_size(self, organization: Organization) -> OrganizationSize | None:
        """Return the size of the organization in the warehouse, or None if the fleet file lacks its id."""
        if organization.organization_id is None:
            return None
        return read_previous_run(self.settings, organization.organization_id).size

    def load(self, name: str) -> Outcome:
        """Load the newest landing of the organization. A failure is recorded, and other organizations continue."""
        try:
            outcome = self._load(name)
        except OooError as error:
            return self.record_failure(name, error.exit_code, str(error))
        self.outcomes[name] = outcome
        return outcome

    def record_failure(self, name: str, exit_code: int, error: str) -> Outcome:
        """Record that the organization failed; its rows in the warehouse are unchanged."""
        self.outcomes[name] = Outcome.failure(name, exit_code, error)
        return self.outcomes[name]

    def record_failed_extraction(self, name: str, message: str) -> Outcome:
        """Record a failed extraction with the error that it stored, or with `message` if it stored none."""
        exit_code, error = self.store.take_failure(name) or (int(ExitCode.UNAVAILABLE), message)
        return self.record_failure(name, exit_code, error)

    def _load(self, name: str) -> Outcome:
        run_ids = self.store.list_runs(name)
        if not run_ids:
            message = f"no landing of {name} is at {self.store.url}: was it extracted to another URL?"
            raise ConfigurationError(message)
        root = landing_root(self.settings)
        landing = self.store.fetch(name, run_ids[-1], root)
        organization_id = landing.facts.organization_id
        first = self._names.setdefault(organization_id, name)
        if first != name:
            self.store.remove(name)
            message = (
                f"{name} is organization {organization_id} of {landing.facts.api_url}, and so is {first} in this"
                " warehouse: organizations are identified by this id alone. Give one of them a warehouse of its own"
            )
            raise ConfigurationError(message)
        run = RunContext(
            settings=self.settings,
            landing=landing,
            policy=read_policy(self.settings.calendars),
            previous=PreviousRun(),
            listener=self._listener,
            allows_mass_delete=self._allows_mass_delete,
        )
        try:
            with run.resources, stages.recording_failure(run):
                stages.load(run)
        except GuardError:
            self.store.remove(name)  # a run with --allow-mass-delete reads the source again
            raise
        self.store.remove(name)
        if read_previous_run(self.settings, organization_id).erased:
            # The machine that read the landing has no list of erased people, so the landing can hold their records.
            purge_landings(root, may_stay=lambda facts: facts.organization_id != organization_id)
        self._last_run_id = run.record.run_id
        return Outcome.of(name, run.record)

    def publish(self) -> FleetSummary:
        """Publish all organizations as they are now in the warehouse, if any was loaded."""
        publication = None
        if self._last_run_id is not None:
            self._listener.stage_started("publish", str(self.settings.data_dir))
            with open_own_warehouse(self.settings) as connection:
                publication, _ = publish_tables(connection, self.settings, run_id=self._last_run_id)
            complete_purges(self.settings)
        prune_landings(landing_root(self.settings), keep=max(self.settings.keep_landings, 1))
        return FleetSummary.of(list(self.outcomes.values()), publication)


@contextlib.contextmanager
def open_loader(
    settings: Settings, *, listener: ProgressListener, allows_mass_delete: bool = False
) -> Iterator[Loader]:
    """Yield a loader that holds the lock of the data folder, so that no other process writes to the warehouse."""
    with lock_data_folder(settings.data_dir, settings.file_permissions):
        landing_root(settings).mkdir(mode=0o700, exist_ok=True)
        yield Loader(settings, listener=listener, allows_mass_delete=allows_mass_delete)


def sync_fleet(
    settings: Settings,
    organizations: Sequence[Organization],
    *,
    read_block: Callable[[str], Any],
    listener_for: Callable[[str], ProgressListener],
    allows_mass_delete: bool = False,
) -> FleetSummary:
    """Extract the organizations (several concurrently), load them one at a time, and publish once."""
    with (
        open_loader(
            settings, listener=listener_for("loader"), allows_mass_delete=allows_mass_delete
        ) as loader,
        ThreadPoolExecutor(settings.fleet_concurrency) as pool,
    ):
        extractions = {
            pool.submit(
                extract_organization,
                organization,
                read_block=read_block,
                listener=listener_for(organization.name),
                size=loader.read_size(organization),
            ): organization.name
            for organization in organizations
        }
        for extraction in as_completed(extractions):
            name = extractions[extraction]
            error = extraction.exception()
            if error is None:
                loader.load(name)
            elif isinstance(error, OooError):
                loader.record_failure(name, error.exit_code, str(error))
            else:
                raise error
        return loader.publish()
