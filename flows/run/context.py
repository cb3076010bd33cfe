"""The context of one run: its open resources, and the record of facts that its stages fill in.

Opening a context locks the data folder, reads the previous run and checks the settings. It never publishes,
audits or compacts.
"""

import asyncio
import contextlib
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import duckdb
import httpx

from calcom.client import CalcomClient
from calcom.errors import ApiError, ErrorKind
from calcom.extraction import Extraction
from calcom.models import Me
from calcom.rate_limit import USUAL_WINDOW_SECONDS
from calcom.requester import Connection, SentRequest
from calcom.strategy import Strategy
from flows.run.attempts import recording_failed_start, start_record
from flows.run.progress import ProgressListener
from flows.run.telemetry import request_callback
from flows.settings import Settings
from flows.settings.calendars import read_policy
from flows.settings.clock import utc_now
from flows.settings.data_folder import landing_root, lock_data_folder, warehouse_path
from flows.settings.errors import ClockError, ConfigurationError
from flows.settings.permissions import restrict
from landing.folder import Landing, create_landing, find_resumable, prune_landings, remove_landing
from landing.run_facts import UNKNOWN_ORGANIZATION, ExtractionStats, RunFacts
from transforms.calendars import CalendarPolicy
from transforms.runs import RunRecord
from warehouse.connection import open_warehouse
from warehouse.load.audit import Audit
from warehouse.load.days import create_mart_views
from warehouse.load.erasure import erased_people
from warehouse.load.migrate import migrate
from warehouse.load.runs import Difference, OrganizationSize, read_api_url, read_organization_size
from warehouse.load.snapshot import raise_if_moved
from warehouse.publish.publication import Publication

BYTES_PER_ENTRY = 140
"""The size of the warehouse file per entry, with its version and its days."""


FindOrganization = Callable[[asyncio.Runner, CalcomClient], int]
"""Finds the organization of the credential's owner."""


@dataclass(frozen=True)
class PreviousRun:
    """The state that earlier runs left in the warehouse for one organization."""

    size: OrganizationSize | None = None
    """None before the first run."""
    erased: frozenset[int] = frozenset()
    """The ids of erased people, whose records may not be stored."""
    api_url: str | None = None
    """The API from which the organization was read."""


@dataclass
class Source:
    """The open connection to Cal.com of a run that reads, and the extraction that uses it."""

    runner: asyncio.Runner
    client: CalcomClient
    extraction: Extraction
    is_resumed: bool
    pages_before: int
    """Pages that an earlier, killed run had landed."""

    def stats(self, strategy: Strategy) -> ExtractionStats:
        """Return the cost of reading so far."""
        return ExtractionStats(
            strategy=strategy.value,
            is_resumed=self.is_resumed,
            requests=self.pages_before + self.client.traffic.requests,
            retries=self.client.traffic.retries,
            throttled=self.client.traffic.throttled,
            waited_seconds=self.client.rate_limiter.waited_seconds,
        )


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
        """Return the cost of reading: so far, if this run reads, else as the landing states it."""
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


class RateLimitMemory:
    """Stores the end of a spent rate limit for the next process, so that a rerun does not start with a 429."""

    def __init__(self, root: Path, connection: Connection) -> None:
        """`root` is the folder of the landings; the limit belongs to the host and credential of `connection`."""
        self._path = root / "rate_limit.json"
        secret = f"{connection.base_url} {sorted(connection.credential.headers().items())}"
        self._key = hashlib.sha256(secret.encode()).hexdigest()[:16]

    def save(self, seconds: float) -> None:
        """Store the instant at which requests are allowed again. A full disk does not end the run here."""
        content = {"key": self._key, "allowed_at": time.time() + seconds}
        with contextlib.suppress(OSError):
            self._path.write_text(json.dumps(content), encoding="utf-8")

    def load(self) -> float:
        """Return the seconds until requests are allowed again; 0 without a stored limit of this credential."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            content = json.loads(self._path.read_text(encoding="utf-8"))
            if content["key"] == self._key:
                return min(max(float(content["allowed_at"]) - time.time(), 0.0), USUAL_WINDOW_SECONDS)
        return 0.0


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

        memory = RateLimitMemory(landing_root(settings), connection)
        on_request = request_callback(listener)
        client = make_client(connection, on_wait=wait, on_low=memory.save, on_request=on_request)
        if (seconds := memory.load()) > 0:
            client.rate_limiter.block_for(seconds)
        try:
            facts = describe_run(settings, settings.organization_id or UNKNOWN_ORGANIZATION, strategy)
            record = start_record(facts, settings.organization_id)
            with recording_failed_start(settings, record):
                organization_id = settings.organization_id or (find or find_organization)(runner, client)
                record.organization_id = organization_id
                previous = read_previous_run(settings, organization_id)
                _check_previous_run(settings, organization_id, previous)
                landing = _open_landing(settings, organization_id, strategy, previous)
            prune_landings(landing_root(settings), keep=settings.keep_landings, besides=landing.folder)
            extraction = Extraction(
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
                previous=PreviousRun(size or previous.size, previous.erased),
                listener=listener,
                allows_mass_delete=allows_mass_delete,
                source=Source(runner, client, extraction, landing.page_count > 0, landing.page_count),
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


def read_previous_run(settings: Settings, organization_id: int) -> PreviousRun:
    """Return the state of the organization in the warehouse here; an empty state without a warehouse."""
    if not warehouse_path(settings).exists():
        return PreviousRun()
    with open_warehouse(warehouse_path(settings)) as connection:
        migrate(connection)
        return PreviousRun(
            size=read_organization_size(connection, organization_id),
            erased=erased_people(connection, organization_id),
            api_url=read_api_url(connection, organization_id),
        )


def make_client(
    connection: Connection,
    *,
    on_wait: Callable[[float], None] | None = None,
    on_low: Callable[[float], None] | None = None,
    on_request: Callable[[SentRequest], None] | None = None,
) -> CalcomClient:
    """Return a client. Raise `ConfigurationError` if the environment's proxy or certificates are unusable."""
    try:
        return CalcomClient(connection, on_wait=on_wait, on_low=on_low, on_request=on_request)
    except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:
        message = (
            f"no HTTP client can be set up: {error}; check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and"
            " SSL_CERT_FILE"
        )
        raise ConfigurationError(message) from error


def find_owner(runner: asyncio.Runner, client: CalcomClient) -> Me:
    """Return the credential's owner. Raise `ConfigurationError` if Cal.com can't show an owner without a username."""
    try:
        return runner.run(client.fetch_me())
    except ApiError as error:
        if error.kind is not ErrorKind.INVALID_REQUEST:
            raise
        message = (
            f"/v2/me refuses the credential's owner ({error}), as it does for an owner without a username; set"
            " CALCOM_ORG_ID to the organization's id, and the other endpoints are used"
        )
        raise ConfigurationError(message) from error


def find_organization(runner: asyncio.Runner, client: CalcomClient) -> int:
    """Return the organization of the credential's owner. Raise `ConfigurationError` if there is none."""
    me = find_owner(runner, client)
    if me.organizationId is None:
        message = (
            "the credential's owner has no organization (/v2/me answers organizationId null); set"
            " CALCOM_ORG_ID to the organization's id"
        )
        raise ConfigurationError(message)
    return me.organizationId


def _check_previous_run(settings: Settings, organization_id: int, previous: PreviousRun) -> None:
    """Raise `ClockError` for a snapshot in the future, and `GuardError` if the API host has changed."""
    if previous.api_url is not None:
        guards = settings.guards(allows_mass_delete=False)
        raise_if_moved(organization_id, previous.api_url, settings.api_url, guards)
    limit = timedelta(seconds=settings.max_clock_skew_seconds)
    if previous.size is not None and previous.size.observed_at - utc_now() > limit:
        message = (
            f"the newest snapshot of organization {organization_id} is of {previous.size.observed_at} UTC, which is"
            " in the future: this machine's clock is behind, or an earlier run had a clock that was ahead. Set the"
            " clock by NTP; if the snapshot is wrong, run `ooo maintain --repair-clock`, then sync again"
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


def _open_landing(
    settings: Settings, organization_id: int, strategy: Strategy, previous: PreviousRun
) -> Landing:
    """Return the landing of a killed run, unless the warehouse has a later snapshot; else a new landing."""
    root, facts = landing_root(settings), describe_run(settings, organization_id, strategy)
    max_age = timedelta(hours=settings.resume_hours)
    resumable = find_resumable(root, facts, max_age=max_age, erased=previous.erased)
    if resumable is not None and (
        previous.size is None or resumable.facts.started_at >= previous.size.observed_at
    ):
        return resumable
    return create_landing(root, facts, erased=previous.erased)
