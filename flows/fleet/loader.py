"""A fleet's run as plain functions: extract each organization, load one by one, publish once.

`ooo fleet sync` does all of it in this process; the Prefect flow has each extraction done by a run of its
own, wherever a worker takes it. No Prefect here.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any

from calcom.errors import OooError
from flows.fleet.handoff import HandOffStore
from flows.fleet.organizations import Organization, settings_for
from flows.fleet.summary import FleetSummary, Outcome
from flows.run import stages as pipeline
from flows.run.clock import utc_now
from flows.run.context import open_run, read_known
from flows.run.data_folder import landing_root, lock_data_folder
from flows.run.landed import Landed, ProgressListener
from flows.settings import Settings
from flows.settings.errors import ConfigurationError
from flows.settings.permissions import FilePermissions
from landing.catalog import prune_landings, purge_landings
from warehouse.errors import GuardError
from warehouse.load.runs import KnownSize


def exchange_of(settings: Settings) -> HandOffStore:
    """Where landings change hands: OOO_EXCHANGE_URL, or a folder within the data folder."""
    folder = settings.data_dir.resolve() / "exchange"
    return HandOffStore(settings.exchange_url or folder.as_uri())


def extract_organization(
    organization: Organization,
    *,
    read_block: Callable[[str], Any],
    listener: ProgressListener,
    known: KnownSize | None = None,
) -> str:
    """A whole landing of the organization is in the exchange; return its run id.

    One that an earlier run left there, not older than a killed run may be, is taken for it. A killed
    extraction is resumed from this machine's own working folder, which holds nothing afterwards.
    """
    settings = settings_for(organization, read_block=read_block)
    exchange = exchange_of(settings)
    folder = settings.data_dir / "organizations" / organization.name
    own = settings.model_copy(update={"data_dir": folder, "file_permissions": FilePermissions.OWNER})
    strategy = organization.strategy
    found = exchange.find_fresh(organization.name, own, strategy=strategy.value, now=utc_now())
    if found is not None:
        return found
    with open_run(own, strategy=strategy, listener=listener, known=known) as run:
        pipeline.extract(run)
        exchange.offer(organization.name, run.landing)
        prune_landings(landing_root(own), keep=0)
        return run.landing.facts.run_id


class Loader:
    """The one that owns the warehouse: applies landings from the exchange one by one, and publishes once."""

    def __init__(self, settings: Settings, *, listener: ProgressListener, allows_mass_delete: bool) -> None:
        """Made by `open_loader` only."""
        self.settings, self.exchange = settings, exchange_of(settings)
        self.outcomes: dict[str, Outcome] = {}
        self._observer, self._allows_mass_delete = listener, allows_mass_delete
        self._names: dict[int, str] = {}
        self._last: Landed | None = None

    def known(self, organization: Organization) -> KnownSize | None:
        """What the warehouse knows of the organization; None if the file does not tell its id."""
        if organization.organization_id is None:
            return None
        return read_known(self.settings, organization.organization_id).size

    def load(self, name: str) -> Outcome:
        """The organization's newest landing is in the warehouse, or it is noted why not; the others go on."""
        try:
            outcome = Outcome.of(name, self._load(name))
        except OooError as error:
            return self.note_failure(name, error.exit_code, str(error))
        self.outcomes[name] = outcome
        return outcome

    def note_failure(self, name: str, exit_code: int, error: str) -> Outcome:
        """The organization failed; its rows in the warehouse stay as they are."""
        self.outcomes[name] = Outcome.failure(name, exit_code, error)
        return self.outcomes[name]

    def _load(self, name: str) -> Landed:
        offered = self.exchange.offered(name)
        if not offered:
            message = f"no landing of {name} waits at {self.exchange.url}: was it extracted to another URL?"
            raise ConfigurationError(message)
        landing = self.exchange.fetch(name, offered[-1], landing_root(self.settings))
        first = self._names.setdefault(landing.facts.organization_id, name)
        if first != name:
            self.exchange.withdraw(name)
            message = (
                f"{name} is organization {landing.facts.organization_id} of {landing.facts.api_url}, and so"
                f" is {first} in this warehouse: ids are told apart by organization alone. Give one of them"
                " a warehouse of its own"
            )
            raise ConfigurationError(message)
        landed = Landed(
            self.settings, landing, listener=self._observer, allows_mass_delete=self._allows_mass_delete
        )
        try:
            with pipeline.recording_failure(landed):
                pipeline.load(landed)
        except GuardError:
            self.exchange.withdraw(name)  # a run with --allow-mass-delete reads the source as it is then
            raise
        self.exchange.withdraw(name)
        organization_id = landing.facts.organization_id
        if read_known(self.settings, organization_id).erased:
            # The machine that read it knows of no erasure: the landing can hold what was erased here.
            root = landing_root(self.settings)
            purge_landings(root, may_stay=lambda facts: facts.organization_id != organization_id)
        self._last = landed
        return landed

    def publish(self) -> FleetSummary:
        """Readers see every organization as it is now in the warehouse, if any was loaded."""
        publication = pipeline.publish(self._last) if self._last else None
        root = landing_root(self.settings)
        prune_landings(root, keep=max(self.settings.keep_landings, 1))
        return FleetSummary.of(list(self.outcomes.values()), publication)


@contextlib.contextmanager
def open_loader(
    settings: Settings, *, listener: ProgressListener, allows_mass_delete: bool = False
) -> Iterator[Loader]:
    """A loader that holds the data folder: nobody else writes to the warehouse meanwhile."""
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
    """Every organization that can be is extracted (several at once), loaded (one by one) and published."""
    with (
        open_loader(
            settings, listener=listener_for("loader"), allows_mass_delete=allows_mass_delete
        ) as loader,
        ThreadPoolExecutor(settings.fleet_concurrency) as pool,
    ):
        extractions = {
            pool.submit(
                extract_organization,
                one,
                read_block=read_block,
                listener=listener_for(one.name),
                known=loader.known(one),
            ): one.name
            for one in organizations
        }
        for extraction in as_completed(extractions):
            name = extractions[extraction]
            error = extraction.exception()
            if error is None:
                loader.load(name)
            elif isinstance(error, OooError):
                loader.note_failure(name, error.exit_code, str(error))
            else:
                raise error
        return loader.publish()
