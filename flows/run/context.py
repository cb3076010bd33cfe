"""One run's open resources: the data folder that it holds, its client, its landing and its warehouse."""

import asyncio
import contextlib
import secrets
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import httpx

from calcom.client import CalcomClient
from calcom.extraction import Extraction
from calcom.requester import Connection
from calcom.scopes import RunFacts
from calcom.strategy import Strategy
from flows.privacy.purges import complete_purges, purge_warehouse
from flows.run.clock import utc_now
from flows.run.data_folder import landing_root, lock_data_folder, warehouse_path
from flows.run.landed import Landed, ProgressListener, Reading
from flows.run.staging import Staging
from flows.settings import Settings
from flows.settings.calendars import read_policy
from flows.settings.errors import ConfigurationError
from flows.settings.permissions import restrict
from landing.catalog import create_landing, find_resumable, prune_landings
from landing.folder import Landing
from warehouse.connection import open_warehouse
from warehouse.load.compact import NOTES, pending_purges
from warehouse.load.days import create_mart_views
from warehouse.load.erasure import erased_people
from warehouse.load.migrate import migrate
from warehouse.load.runs import KnownSize, known_size

MEGABYTES_A_MILLION = 180
"""DuckDB's memory for a million entries: with it, a load of so many stays under 500 MB as a whole process."""

_T = TypeVar("_T")


class Run(Landed):
    """One run's open resources and what it has found out so far: a landing that is still being read."""

    def __init__(  # noqa: PLR0913 - one run's resources
        self,
        settings: Settings,
        *,
        runner: "asyncio.Runner",
        client: CalcomClient,
        landing: Landing,
        known: KnownSize | None,
        listener: ProgressListener,
        allows_mass_delete: bool,
    ) -> None:
        """Made by `open_run` only."""
        super().__init__(settings, landing, listener=listener, allows_mass_delete=allows_mass_delete)
        self.client, self.known = client, known
        self.pages_before = landing.page_count
        self.is_resumed = landing.page_count > 0
        self.strategy = Strategy(landing.facts.strategy)
        self._runner = runner
        self.extraction = Extraction(
            client, landing, progress=listener, max_concurrency=settings.max_concurrency
        )

    @property
    def reading(self) -> Reading:
        """How it was read so far."""
        return Reading(
            strategy=self.strategy.value,
            is_resumed=self.is_resumed,
            requests=self.pages_before + self.client.traffic.requests,
            retries=self.client.traffic.retries,
            throttled=self.client.traffic.throttled,
            waited_seconds=self.client.rate_limiter.waited_seconds,
        )

    def wait_for(self, work: Coroutine[Any, Any, _T]) -> _T:
        """The result of `work`, done on the run's own event loop."""
        return self._runner.run(work)


@contextlib.contextmanager
def open_run(  # noqa: PLR0913 - one run's facts
    settings: Settings,
    *,
    strategy: Strategy,
    listener: ProgressListener,
    allows_mass_delete: bool = False,
    connection: Connection | None = None,
    known: KnownSize | None = None,
) -> Iterator[Run]:
    """A run that holds the data folder, with a new landing or that of a killed run.

    What it read stays in the landing, whatever ends the run. `connection` replaces the one that the
    settings describe (another transport, another clock); `known` tells what a warehouse elsewhere has.
    """
    connection = connection or settings.connection()
    read_policy(settings.calendars)  # a wrong file is said before anything is asked; the load reads it again
    with lock_data_folder(settings.data_dir, settings.file_permissions), asyncio.Runner() as runner:
        restrict(settings.data_dir, settings.file_permissions)
        complete_purges(settings, warehouse=warehouse_path(settings), landings=landing_root(settings))
        landing: Landing | None = None

        def wait(seconds: float) -> None:
            if landing is not None:
                landing.flush()  # a pause is long: what was read shall survive a kill in it
            listener.waiting(seconds)

        client = make_client(connection, on_wait=wait)
        try:
            organization_id = settings.organization_id or find_organization(runner, client)
            here = read_known(settings, organization_id)
            known = known or here.size
            landing = _open_landing(settings, organization_id, strategy, Known(known, here.erased))
            prune_landings(landing_root(settings), keep=settings.keep_landings, besides=landing.folder)
            try:
                yield Run(
                    settings,
                    runner=runner,
                    client=client,
                    landing=landing,
                    known=known,
                    listener=listener,
                    allows_mass_delete=allows_mass_delete,
                )
            finally:
                landing.flush()
                landing.discard_if_empty()
        finally:
            runner.run(client.close())


@contextlib.contextmanager
def open_own_warehouse(run: Landed) -> Iterator[duckdb.DuckDBPyConnection]:
    """The run's warehouse file, migrated to this version; what is opened meanwhile shares the opening.

    Raises what went wrong while the landing was staged, if it was.
    """
    if run.staging is not None:
        run.staging.result()  # by then it has opened the warehouse
    if run.warehouse is None:
        with _opening(run) as connection:
            yield connection
    else:
        with run.warehouse.cursor() as connection:  # its temporary tables go with it
            yield connection


@contextlib.contextmanager
def _opening(run: Landed) -> Iterator[duckdb.DuckDBPyConnection]:
    """The warehouse is open for all of the run.

    Once it is closed and all went well, it is compacted if notes in it are no longer to be kept.
    """
    with open_warehouse(warehouse_path(run.settings), memory_limit=memory_limit(run)) as connection:
        migrate(connection)
        create_mart_views(connection)
        run.warehouse = connection
        try:
            yield connection
        finally:
            run.warehouse = None
        is_compaction_due = pending_purges(connection) == {NOTES}
    if is_compaction_due:
        purge_warehouse(run.settings, warehouse_path(run.settings))


def memory_limit(run: Landed) -> str:
    """DuckDB's memory for what is landed so far."""
    landed = sum(page.rows for pages in run.landing.pages.values() for page in pages)
    return run.settings.memory_limit or f"{max(1.0, landed / 1_000_000) * MEGABYTES_A_MILLION:.0f}MB"


@contextlib.contextmanager
def staging_meanwhile(run: Landed) -> Iterator[None]:
    """What is landed meanwhile is staged at once, on a thread; the warehouse, opened there, stays open.

    What goes wrong there is the load's to say: the reading goes on, and a later run resumes from all of it.
    """
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(1, "staging") as thread:

        def stage(segment: Path, before: "Future[Staging] | None") -> Staging:
            staging = before.result() if before else begin_staging(run, stack.enter_context(_opening(run)))
            staging.stage(segment)
            return staging

        def take(segment: Path) -> None:
            run.staging = thread.submit(stage, segment, run.staging)

        run.landing.on_segment = take
        try:
            yield
        finally:
            run.landing.on_segment = None
            with contextlib.suppress(Exception):
                run.landing.flush()  # its writing thread has handed over its last by then
            run.staging = None


def begin_staging(run: Landed, warehouse: duckdb.DuckDBPyConnection) -> Staging:
    """Nothing of the run's landing is staged yet in the warehouse."""
    return Staging(warehouse.cursor(), run.landing, keeps_notes=run.settings.keeps_notes)


def make_client(connection: Connection, *, on_wait: Callable[[float], None] | None = None) -> CalcomClient:
    """A client. Raises `ConfigurationError` if the environment's proxy or certificates can't be used."""
    try:
        return CalcomClient(connection, on_wait=on_wait)
    except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:
        message = (
            f"no HTTP client can be set up: {error}; check HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and"
            " SSL_CERT_FILE"
        )
        raise ConfigurationError(message) from error


def find_organization(runner: asyncio.Runner, client: CalcomClient) -> int:
    """The organization of the credential's owner. Raises `ConfigurationError` if there is none."""
    me = runner.run(client.fetch_me())
    if me.organizationId is None:
        message = (
            "the credential's owner has no organization (/v2/me answers organizationId null); set"
            " CALCOM_ORG_ID to the organization's id"
        )
        raise ConfigurationError(message)
    return me.organizationId


@dataclass(frozen=True)
class Known:
    """What the warehouse here knows of an organization."""

    size: KnownSize | None = None
    """What the last runs saw of it; None before the first."""
    erased: frozenset[int] = frozenset()
    """The ids of the people of whom nothing may be kept."""


def read_known(settings: Settings, organization_id: int) -> Known:
    """What the warehouse here knows of the organization; nothing if there is none yet."""
    if not warehouse_path(settings).exists():
        return Known()
    with open_warehouse(warehouse_path(settings)) as connection:
        migrate(connection)
        return Known(known_size(connection, organization_id), erased_people(connection, organization_id))


def _open_landing(settings: Settings, organization_id: int, strategy: Strategy, known: Known) -> Landing:
    """The landing of a killed run, unless the warehouse has a later snapshot by now; else a new one."""
    started_at = utc_now()
    facts = RunFacts(
        run_id=f"{started_at:%Y%m%dT%H%M%S%f}Z-{secrets.token_hex(3)}",
        started_at=started_at,
        api_url=settings.api_url,
        organization_id=organization_id,
        strategy=strategy.value,
        page_size=settings.page_size,
        keeps_notes=settings.keeps_notes,
    )
    found = find_resumable(
        landing_root(settings),
        facts,
        max_age=settings.resume_within,
        erased=known.erased,
    )
    if found is not None and (known.size is None or found.facts.started_at >= known.size.observed_at):
        return found
    return create_landing(landing_root(settings), facts, erased=known.erased)
