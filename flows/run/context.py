"""The context of one run: its open resources, and the record of facts that its stages fill in.

Opening a context locks the data folder, reads the previous run and checks the settings. It never publishes,
audits or compacts. Each attempt that fails leaves a row in the table `runs`, with its cause.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import duckdb

from calcom.connection import Connection
from calcom.extraction import Extraction
from calcom.scanner import Scanner
from calcom.strategy import Strategy
from flows.run.progress import ProgressListener
from flows.run.source import FindOrganization, Source, find_organization, make_client
from flows.run.telemetry import request_callback
from flows.settings import Settings
from flows.settings.calendars import read_policy
from flows.settings.clock import utc_now
from flows.settings.data_folder import landing_root, lock_data_folder, restrict, warehouse_path
from flows.settings.errors import ClockError
from landing.folder import Landing, resume_or_create
from landing.retention import prune_landings, remove_landing
from landing.run_facts import UNKNOWN_ORGANIZATION, ExtractionStats, RunFacts
from transforms.calendars import CalendarPolicy
from transforms.runs import RunRecord
from warehouse.connection import open_warehouse
from warehouse.errors import WarehouseError
from warehouse.load.audit import Audit
from warehouse.load.days import create_mart_views
from warehouse.load.guards import raise_if_moved
from warehouse.load.migrate import migrate
from warehouse.load.runs import (
    Difference,
    OrganizationSize,
    PreviousRun,
    find_only_organization,
    find_run,
    insert_run,
    read_previous_run,
)
from warehouse.publish.publication import Publication

BYTES_PER_ENTRY = 140
"""The size of the warehouse file per entry, with its version and its days."""


@dataclass
class RunContext:
    """One run: its settings, landing and warehouse, and the facts that its stages fill in."""

    settings: Settings
    landing: Landing
    policy: CalendarPolicy
    previous: PreviousRun
    listener: ProgressListener
    allows_mass_delete: bool = False
    source: Source | None = None
    """None for a landing that another process or machine has read."""
    strategy: Strategy = Strategy.AUTO
    """The strategy that the plan settles on; `auto` until then."""
    record: RunRecord = field(init=False)
    """The row of the run in the table `runs`."""
    fleet_name: str | None = None
    """The name of the organization in the fleet file."""
    differences: list[Difference] = field(default_factory=list)
    quarantine: list[dict[str, Any]] = field(default_factory=list)
    """The number of quarantined records by kind of record and reason code."""
    audits: list[Audit] = field(default_factory=list)
    publication: Publication | None = None
    resources: contextlib.ExitStack = field(default_factory=contextlib.ExitStack, repr=False)
    """Closes the warehouse at its end; the creator of the context enters it."""
    _warehouse: duckdb.DuckDBPyConnection | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Start the run's record."""
        facts = self.landing.facts
        self.record = start_record(facts, facts.organization_id, fleet_name=self.fleet_name)

    @property
    def stats(self) -> ExtractionStats:
        """Return the cost of reading: the cost so far if this run reads, or else the one that the landing states."""
        return self.source.stats(self.strategy) if self.source else self.landing.stats

    def warehouse(self) -> duckdb.DuckDBPyConnection:
        """Return the connection to the warehouse, opened and migrated at the first call.

        It stays open until `close_warehouse`.
        """
        if self._warehouse is None:
            path = warehouse_path(self.settings)
            stored = path.stat().st_size // BYTES_PER_ENTRY if path.exists() else 0
            limit = choose_memory_limit(max(self.landing.count_rows(), stored))
            opening = open_own_warehouse(self.settings, memory_limit=self.settings.memory_limit or limit)
            self._warehouse = self.resources.enter_context(opening)
        return self._warehouse

    def close_warehouse(self) -> None:
        """Close the connection to the warehouse, if it is open."""
        self._warehouse = None
        self.resources.close()


@contextlib.contextmanager
def open_run(  # noqa: PLR0913 - the options of one run
    settings: Settings,
    *,
    strategy: Strategy,
    listener: ProgressListener,
    allows_mass_delete: bool = False,
    connection: Connection | None = None,
    size: OrganizationSize | None = None,
    find: FindOrganization | None = None,
) -> Iterator[RunContext]:
    """Lock the data folder and open a run with a new landing, or with the landing of a killed run.

    The landing keeps the pages that were read, however the run ends. `connection` replaces the connection that
    the settings describe (another transport, another clock). `size` is the size of the organization in a
    warehouse on another machine. `find` replaces `find_organization`, for example by a task that retries.
    """
    connection = connection or settings.connection()
    policy = read_policy(settings.calendars)
    with lock_data_folder(settings.data_dir, settings.file_permissions), asyncio.Runner() as runner:
        restrict(settings.data_dir, settings.file_permissions)
        landing: Landing | None = None

        def wait(seconds: float) -> None:
            if landing is not None:
                landing.flush()  # a pause is long, and the pages read so far have to survive a kill in it
            listener.waiting(seconds)

        root = landing_root(settings)
        client = make_client(connection, root=root, on_wait=wait, on_request=request_callback(listener))
        try:
            facts = describe_run(settings, settings.organization_id or UNKNOWN_ORGANIZATION, strategy)
            record = start_record(facts, settings.organization_id)
            with recording_failed_start(settings, record):
                organization_id = settings.organization_id or (find or find_organization)(runner, client)
                record.organization_id = organization_id
                previous = _read_previous_run(settings, organization_id)
                _check_previous_run(settings, organization_id, previous)
                landing = resume_or_create(
                    root,
                    replace(facts, organization_id=organization_id),
                    max_age=timedelta(hours=settings.resume_hours),
                    snapshot_at=previous.snapshot_at,
                    erased=previous.erased,
                )
            prune_landings(root, keep=settings.keep_landings, besides=landing.folder)
            scanner = Scanner(
                client,
                landing,
                organization_id=organization_id,
                page_size=settings.page_size,
                listener=listener,
                max_concurrency=settings.max_concurrency,
                most_teams=settings.most_teams,
            )
            context = RunContext(
                settings=settings,
                landing=landing,
                policy=policy,
                previous=replace(previous, size=size or previous.size),
                listener=listener,
                allows_mass_delete=allows_mass_delete,
                source=Source(
                    runner, client, Extraction(scanner), landing.page_count > 0, landing.page_count
                ),
                strategy=Strategy(landing.facts.strategy),
            )
            try:
                with context.resources:
                    yield context
            finally:
                landing.flush()
                if not landing.page_count:
                    remove_landing(landing.folder)
        finally:
            runner.run(client.close())


def choose_memory_limit(entries: int) -> str:
    """Return DuckDB's memory for that number of entries, in DuckDB's notation.

    A publication of 200,000 entries needs 90 MB. With these limits, the whole process stays under 500 MB for a
    million entries, and grows in proportion beyond.
    """
    millions = entries / 1_000_000
    return f"{max(100 + 80 * millions, 180 * millions):.0f}MB"


@contextlib.contextmanager
def open_own_warehouse(
    settings: Settings, *, memory_limit: str | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection to the warehouse of the data folder, migrated to this version."""
    with open_warehouse(warehouse_path(settings), memory_limit=memory_limit) as connection:
        migrate(connection)
        create_mart_views(connection)
        yield connection


@contextlib.contextmanager
def _open_existing_warehouse(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection | None]:
    """Yield a connection to the warehouse of the data folder, migrated, or None before the first load."""
    path = warehouse_path(settings)
    if not path.exists():
        yield None
        return
    with open_warehouse(path) as connection:
        migrate(connection)
        yield connection


def _read_previous_run(settings: Settings, organization_id: int) -> PreviousRun:
    """Return the state of the organization in the warehouse here; an empty state without a warehouse."""
    with _open_existing_warehouse(settings) as connection:
        return read_previous_run(connection, organization_id) if connection else PreviousRun()


def _check_previous_run(settings: Settings, organization_id: int, previous: PreviousRun) -> None:
    """Raise `ClockError` for a snapshot in the future, and `GuardError` if the API host has changed."""
    guards = settings.guards(allows_mass_delete=False)
    raise_if_moved(organization_id, previous.api_url, settings.api_url, guards)
    if previous.snapshot_at is not None:
        raise_if_in_future(settings, organization_id, previous.snapshot_at)


def raise_if_in_future(settings: Settings, organization_id: int, snapshot_at: datetime) -> None:
    """Raise `ClockError` if the newest snapshot is in the future: each later run would be dated after it."""
    if snapshot_at - utc_now() > timedelta(seconds=settings.max_clock_skew_seconds):
        message = (
            f"the newest snapshot of organization {organization_id} is of {snapshot_at} UTC, which is in the future:"
            " this machine's clock is behind, or an earlier run had a clock that was ahead. Set the clock by NTP; if"
            " the snapshot is wrong, run `ooo maintain --repair-clock`, then sync again"
        )
        raise ClockError(message)


def describe_run(settings: Settings, organization_id: int, strategy: Strategy) -> RunFacts:
    """Return the facts of a run that starts now, with a new run id."""
    started_at = utc_now()
    return RunFacts(
        run_id=f"{started_at:%Y%m%dT%H%M%S%f}Z-{secrets.token_hex(3)}",
        started_at=started_at,
        api_url=settings.api_url,
        organization_id=organization_id,
        strategy=strategy.value,
        page_size=settings.page_size,
        keeps_notes=settings.keeps_notes,
    )


def start_record(facts: RunFacts, organization_id: int | None, *, fleet_name: str | None = None) -> RunRecord:
    """Return the record of a run that has not succeeded yet."""
    return RunRecord(
        run_id=facts.run_id,
        organization_id=organization_id,
        started_at=facts.started_at,
        finished_at=facts.started_at,
        strategy=facts.strategy,
        outcome="failed",
        fleet_name=fleet_name,
    )


def insert_failure(connection: duckdb.DuckDBPyConnection, record: RunRecord, error: str) -> None:
    """Insert the row of a failed run, unless its snapshot is part of the warehouse already."""
    if find_run(connection, record.run_id) is None:
        now = max(utc_now(), record.started_at)
        insert_run(connection, replace(record, finished_at=now, outcome="failed", error=error).as_row())


@contextlib.contextmanager
def recording_failed_start(settings: Settings, record: RunRecord) -> Iterator[None]:
    """Insert `record` as a failed run into an existing warehouse if the block raises, then raise again.

    The id of the organization is unknown if its credential is refused. The run then belongs to the only
    organization of the warehouse; if there are several, its id is null.
    """
    try:
        yield
    except Exception as error:
        # The error that ended the run matters more than the row about it.
        with (
            contextlib.suppress(WarehouseError, OSError),
            _open_existing_warehouse(settings) as connection,
        ):
            if connection:
                if record.organization_id is None:
                    record.organization_id = find_only_organization(connection)
                insert_failure(connection, record, str(error))
        raise
