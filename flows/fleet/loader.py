"""The loader of a fleet, which owns the warehouse: it loads landings from the hand-off store and publishes once.

This module imports no Prefect.
"""

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

import duckdb

from calcom.errors import ExitCode, OooError
from calcom.strategy import Strategy
from calcom.wording import count_of
from flows.fleet.extraction import open_hand_off_store
from flows.fleet.organizations import Organization
from flows.fleet.summary import FleetSummary, Outcome
from flows.run import stages
from flows.run.context import (
    BYTES_PER_ENTRY,
    RunContext,
    choose_memory_limit,
    describe_run,
    insert_failure,
    open_own_warehouse,
    start_record,
)
from flows.run.load import load_snapshots, prepare_load
from flows.run.maintenance import purge_files
from flows.run.progress import ProgressListener
from flows.run.publication import publish_tables
from flows.run.summary import describe_problems
from flows.run.telemetry import report_load, report_snapshots
from flows.settings import Settings
from flows.settings.calendars import read_policy
from flows.settings.clock import utc_now
from flows.settings.data_folder import landing_root, lock_data_folder, warehouse_path
from flows.settings.errors import ConfigurationError
from landing.retention import prune_landings, purge_landings
from landing.run_facts import UNKNOWN_ORGANIZATION, RunFacts
from transforms.runs import RunRecord
from warehouse.connection import transaction
from warehouse.errors import GuardError
from warehouse.load.erasure import find_erased_organizations, pending_purges
from warehouse.load.runs import (
    OrganizationSize,
    PreviousRun,
    find_run,
    mark_left_organizations,
    read_latest_snapshots,
    read_organization_names,
    read_previous_run,
)
from warehouse.read.facts import read_quarantine

LANDINGS_PER_LOAD, ROWS_PER_LOAD = 100, 50_000
"""The bounds of one transaction. Most of the time of a small load is the planning of its statements, which one
transaction does once for all of its landings."""


class Loader:
    """Owns the warehouse: loads landings from the hand-off store, many in one transaction, and publishes once."""

    def __init__(
        self,
        settings: Settings,
        organizations: Sequence[Organization],
        *,
        listener: ProgressListener,
        allows_mass_delete: bool,
    ) -> None:
        """Create a loader; `open_loader` does so after it has locked the data folder, and closes it."""
        self.settings, self.store = settings, open_hand_off_store(settings)
        self.organizations = {organization.name: organization for organization in organizations}
        self.outcomes: dict[str, Outcome] = {}
        self._fetched: dict[str, RunFacts] = {}
        self._failures: list[tuple[str, RunFacts, str]] = []
        self._listener, self._allows_mass_delete = listener, allows_mass_delete
        self._policy = read_policy(settings.calendars)
        self._names: dict[int, str] = {}
        self._last_run_id: str | None = None
        self._resources = contextlib.ExitStack()
        self._connection: duckdb.DuckDBPyConnection | None = None

    def close(self) -> None:
        """Close the warehouse, if it is open."""
        self._connection = None
        self._resources.close()

    def _warehouse(self) -> duckdb.DuckDBPyConnection:
        """Return the connection to the warehouse, which stays open from load to load."""
        if self._connection is None:
            opening = open_own_warehouse(self.settings, memory_limit=self._memory_limit())
            self._connection = self._resources.enter_context(opening)
        return self._connection

    def _memory_limit(self, rows: int = 0) -> str:
        """Return DuckDB's memory for a load of that number of rows."""
        path = warehouse_path(self.settings)
        stored = path.stat().st_size // BYTES_PER_ENTRY if path.exists() else 0
        return self.settings.memory_limit or choose_memory_limit(max(rows, stored))

    def read_size(self, organization: Organization) -> OrganizationSize | None:
        """Return the size of the organization in the warehouse, or None if its id is not known yet."""
        if organization.organization_id is None or not warehouse_path(self.settings).exists():
            return None
        return read_previous_run(self._warehouse(), organization.organization_id).size

    def load(self, name: str) -> Outcome:
        """Load the newest landing of one organization, as `load_all` does."""
        self.load_all([name])
        return self.outcomes[name]

    def load_all(self, names: Iterable[str]) -> None:
        """Load the newest landing of each organization, as many in one transaction as its bounds allow.

        A failure is recorded, and the other organizations continue.
        """
        batch: list[RunContext] = []
        rows = 0
        for name in names:
            try:
                run = self._fetch(name)
            except OooError as error:
                self._fail(name, error)
                continue
            rows += run.landing.count_rows()
            if batch and (rows > ROWS_PER_LOAD or len(batch) == LANDINGS_PER_LOAD):
                self._load_batch(batch)
                batch, rows = [], run.landing.count_rows()
            batch.append(run)
        if batch:
            self._load_batch(batch)

    def record_failure(
        self, name: str, exit_code: int, error: str, *, facts: RunFacts | None = None
    ) -> Outcome:
        """Record that the organization failed; its rows in the warehouse are unchanged.

        The attempt gets a row in the table `runs` before the publication. `facts` are those of its landing, if any.
        """
        self.outcomes[name] = Outcome.failure(name, exit_code, error)
        strategy = self.organizations[name].strategy if name in self.organizations else Strategy.AUTO
        facts = facts or describe_run(self.settings, UNKNOWN_ORGANIZATION, strategy)
        self._failures.append((name, facts, error))
        return self.outcomes[name]

    def record_failed_extraction(self, name: str, message: str) -> Outcome:
        """Record a failed extraction with the error that it stored, or with `message` if it stored none."""
        exit_code, error = self.store.take_failure(name) or (int(ExitCode.UNAVAILABLE), message)
        return self.record_failure(name, exit_code, error)

    def _fail(self, name: str, error: OooError) -> None:
        if isinstance(error, GuardError):
            self.store.remove(name)  # a run with --allow-mass-delete reads the source again
        self.record_failure(name, error.exit_code, str(error), facts=self._fetched.get(name))

    def _fetch(self, name: str) -> RunContext:
        """Copy the newest landing of the organization from the store, and return its run."""
        run_ids = self.store.list_runs(name)
        if not run_ids:
            message = f"no landing of {name} is at {self.store.url}: was it extracted to another URL?"
            raise ConfigurationError(message)
        landing = self.store.fetch(name, run_ids[-1], landing_root(self.settings))
        self._fetched[name] = landing.facts
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
            policy=self._policy,
            previous=PreviousRun(),
            listener=self._listener,
            allows_mass_delete=self._allows_mass_delete,
            fleet_name=name,
        )
        stages.record_stats(run)
        return run

    def _load_batch(self, runs: Sequence[RunContext]) -> None:
        """Load the runs in one transaction; if it fails as a whole, load each in a transaction of its own."""
        self._listener.stage_started("load", count_of(len(runs), "organization"))
        try:
            errors = self._apply(runs)
        except OooError as error:
            self.close()  # a connection after an error may be unusable
            if len(runs) > 1:
                for run in runs:
                    self._load_batch([run])
                return
            errors = {runs[0].landing.facts.organization_id: error}
        for run in runs:
            name, facts = cast("str", run.fleet_name), run.landing.facts
            if (refused := errors.get(facts.organization_id)) is not None:
                if isinstance(refused, GuardError):
                    run.landing.mark_finished()
                self._fail(name, refused)
                continue
            run.landing.mark_finished()
            self.store.remove(name)
            self.outcomes[name] = Outcome.of(
                name, run.record, describe_problems(run.landing.results.values())
            )
            self._last_run_id = facts.run_id
            report_load(self._listener, run)

    def _apply(self, runs: Sequence[RunContext]) -> dict[int, OooError]:
        """Load the runs that the warehouse lacks. Return the error of each organization that was refused."""
        connection = self._warehouse()
        rows = sum(run.landing.count_rows() for run in runs)
        connection.execute(f"SET memory_limit = '{self._memory_limit(rows)}'")
        new = []
        for run in runs:
            if (row := find_run(connection, run.record.run_id)) is None:
                new.append(run)
            else:
                run.record = RunRecord.from_row(row)
        latest = read_latest_snapshots(connection)
        loads = [prepare_load(run, latest) for run in new]
        outcomes = load_snapshots(
            connection,
            loads,
            policy=self._policy,
            guards=self.settings.guards(allows_mass_delete=self._allows_mass_delete),
            keeps_notes=self.settings.keeps_notes and all(run.landing.facts.keeps_notes for run in new),
        )
        loaded = {run.landing.facts.organization_id for run in runs}
        if erased := loaded & find_erased_organizations(connection):
            # The machine that read a landing has no list of erased people: the landing can hold their records.
            purge_landings(
                landing_root(self.settings), may_stay=lambda facts: facts.organization_id not in erased
            )
        return {own: outcome for own, outcome in outcomes.items() if isinstance(outcome, OooError)}

    def publish(self) -> FleetSummary:
        """Record the failed attempts and the organizations that left the file, then publish if any was loaded."""
        publication = None
        self.close()
        with open_own_warehouse(self.settings, memory_limit=self._memory_limit()) as connection:
            present = self._record_attempts(connection)
            left = mark_left_organizations(connection, present, utc_now())
            quarantine = read_quarantine(connection)
            if self._last_run_id is not None:
                self._listener.stage_started("publish", str(self.settings.data_dir))
                publication, _ = publish_tables(connection, self.settings, run_id=self._last_run_id)
                report_snapshots(self._listener, connection)
            purges = pending_purges(connection)
        if publication is not None:
            purge_files(self.settings, purges)
        prune_landings(landing_root(self.settings), keep=max(self.settings.keep_landings, 1))
        return FleetSummary.of(self._outcomes_in_order(quarantine), left, publication)

    def _outcomes_in_order(self, quarantine: Iterable[dict[str, Any]]) -> list[Outcome]:
        """Return the outcomes in the order of the fleet file, each with its groups of quarantined records."""
        groups = defaultdict(list)
        for group in quarantine:
            groups[group.pop("organization_id")].append(group)
        names = dict.fromkeys([*self.organizations, *self.outcomes])
        outcomes = [self.outcomes[name] for name in names if name in self.outcomes]
        return [
            replace(outcome, quarantine=groups[outcome.organization_id]) if outcome.run_id else outcome
            for outcome in outcomes
        ]

    def _record_attempts(self, connection: duckdb.DuckDBPyConnection) -> dict[int, str]:
        """Insert a row for each failed attempt. Return the ids of the file's organizations with their names.

        The id of an organization whose credential is refused is the one in the fleet file, or the one that the
        warehouse has for its name; else it is null.
        """
        read = {name: outcome.organization_id for name, outcome in self.outcomes.items() if outcome.run_id}
        read |= {name: facts.organization_id for name, facts, _ in self._failures if facts.organization_id}
        known = {
            name: own
            for own, name in read_organization_names(connection).items()
            if name is not None and own not in read.values()  # else the organization has another name now
        }
        ids = {
            name: read.get(name) or organization.organization_id or known.get(name)
            for name, organization in self.organizations.items()
        }
        with transaction(connection):
            for name, facts, error in self._failures:
                own = facts.organization_id or ids.get(name)
                insert_failure(connection, start_record(facts, own, fleet_name=name), error)
                self.outcomes[name] = replace(self.outcomes[name], organization_id=own)
        self._failures.clear()
        return {own: name for name, own in (read | ids).items() if own is not None}


@contextlib.contextmanager
def open_loader(
    settings: Settings,
    organizations: Sequence[Organization] = (),
    *,
    listener: ProgressListener,
    allows_mass_delete: bool = False,
) -> Iterator[Loader]:
    """Yield a loader that holds the lock of the data folder, so that no other process writes to the warehouse."""
    with lock_data_folder(settings.data_dir, settings.file_permissions):
        landing_root(settings).mkdir(mode=0o700, exist_ok=True)
        loader = Loader(settings, organizations, listener=listener, allows_mass_delete=allows_mass_delete)
        with contextlib.closing(loader):
            yield loader
