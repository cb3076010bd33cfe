"""The run as plain functions: open, read people, read entries batch by batch, load, publish.

`ooo sync` calls them one after the other; the Prefect flow calls the same ones as tasks. No Prefect here.
"""

import asyncio
import contextlib
import os
import secrets
from collections.abc import Coroutine, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar

import duckdb
import polars as pl
from filelock import FileLock, Timeout

from calcom.client import CalcomClient, Connection
from calcom.errors import CalcomError
from calcom.extraction import USERS, Extraction, Progress
from calcom.landing import (
    Landing,
    RunFacts,
    ScopeResult,
    create_landing,
    find_resumable,
    prune_landings,
)
from calcom.paging import Verdict
from calcom.strategy import Strategy, choose, estimate
from flows.errors import AccessRefusedError, ConfigurationError, naming_organization
from flows.settings import Notes, Settings
from flows.summary import RunSummary
from flows.tables import published_tables
from transforms.days import build_calendar, explode_entry_days, resolve_person_days
from transforms.entries import normalise_entries
from transforms.people import normalise_people
from transforms.quality import collect_rejects
from transforms.reasons import build_reasons
from warehouse.audit import audit_tables
from warehouse.connection import open_warehouse, transaction
from warehouse.days import (
    create_mart_views,
    find_changed_people,
    read_calendar_span,
    read_live_entries,
    replace_days,
    replace_dimensions,
)
from warehouse.errors import GuardError, WarehouseError
from warehouse.migrate import migrate
from warehouse.publish import Publication, publish
from warehouse.runs import (
    KnownSize,
    RunRow,
    find_run,
    insert_run,
    known_size,
    latest_snapshot_at,
)
from warehouse.snapshot import Changes, ScopeRow, Snapshot, apply_snapshot, create_staging, stage_rows

USERS_PER_BATCH = 200
ASSUMED_ENTRIES_PER_PERSON = 25
"""For an organization that was never read: about three years of entries a person."""

DAYS_AT_ONCE = 500_000
"""Days of absence derived in one go: it bounds the memory of a load."""

_T = TypeVar("_T")


class Observer(Progress, Protocol):
    """Who wants to know how far the run is."""

    def stage_started(self, name: str, detail: str) -> None:
        """The run has come to `name`."""

    def requests_expected(self, requests: int) -> None:
        """So many requests the whole run will be, as far as is known."""

    def waiting(self, seconds: float) -> None:
        """The rate limit imposes a pause."""


class Run:
    """One run's open resources and what it has found out so far."""

    def __init__(  # noqa: PLR0913 - one run's resources
        self,
        settings: Settings,
        *,
        runner: "asyncio.Runner",
        client: CalcomClient,
        landing: Landing,
        known: KnownSize | None,
        observer: Observer,
        allows_mass_delete: bool,
    ) -> None:
        """Made by `open_run` only."""
        self.settings, self.client, self.landing, self.known = settings, client, landing, known
        self.observer, self.allows_mass_delete = observer, allows_mass_delete
        self.pages_before = landing.page_count
        self.is_resumed = landing.page_count > 0
        self.strategy = Strategy(landing.facts.strategy)
        self.publication: Publication | None = None
        self.row: RunRow | None = None
        self._runner = runner
        self.extraction = Extraction(
            client, landing, progress=observer, max_concurrency=settings.max_concurrency
        )

    @property
    def organization_id(self) -> int:
        """The organization that the run reads."""
        return self.landing.facts.organization_id

    def wait_for(self, work: Coroutine[Any, Any, _T]) -> _T:
        """The result of `work`, done on the run's own event loop."""
        return self._runner.run(work)


def warehouse_path(settings: Settings) -> Path:
    """The warehouse's own file, which nobody but this program opens."""
    return settings.data_dir / "warehouse.duckdb"


@contextlib.contextmanager
def open_run(
    settings: Settings,
    *,
    strategy: Strategy,
    observer: Observer,
    allows_mass_delete: bool = False,
    connection: Connection | None = None,
) -> Iterator[Run]:
    """A run that holds the data folder, with a new landing or that of a killed run.

    What it read stays in the landing, whatever ends the run. `connection` replaces the one that the
    settings describe (another transport, another clock).
    """
    connection = connection or settings.connection()
    with _holding(settings.data_dir), asyncio.Runner() as runner:
        client = CalcomClient(connection, on_wait=observer.waiting)
        try:
            organization_id = settings.organization_id or find_organization(runner, client)
            landing = _open_landing(settings, organization_id, strategy, includes_held=allows_mass_delete)
            try:
                yield Run(
                    settings,
                    runner=runner,
                    client=client,
                    landing=landing,
                    known=read_known_size(settings, organization_id),
                    observer=observer,
                    allows_mass_delete=allows_mass_delete,
                )
            finally:
                landing.flush()
                landing.discard_if_empty()
        finally:
            runner.run(client.close())


def sync(
    settings: Settings,
    *,
    strategy: Strategy,
    observer: Observer,
    allows_mass_delete: bool = False,
    connection: Connection | None = None,
) -> RunSummary:
    """The warehouse and the publication are as Cal.com is now, or as far as that could be proved."""
    with open_run(
        settings,
        strategy=strategy,
        observer=observer,
        allows_mass_delete=allows_mass_delete,
        connection=connection,
    ) as run:
        with recording_failure(run):
            read_people(run)
            for batch in plan_batches(run):
                read_entries(run, batch)
            load(run)
            publish_run(run)
        return summarise(run)


def read_people(run: Run) -> ScopeResult:
    """The organization's users are landed, and the strategy is settled."""
    run.observer.stage_started("people", f"organization {run.organization_id}")
    with naming_organization(run.organization_id):
        result = run.wait_for(run.extraction.read_users())
    run.landing.flush()
    if run.strategy is Strategy.AUTO:
        users = len(run.landing.user_ids())
        run.strategy = choose(
            users=users,
            entries=run.known.entries if run.known else None,
            take=run.landing.facts.page_size,
        )
    run.observer.requests_expected(_estimate_requests(run, users=len(run.landing.user_ids())))
    return result


def _estimate_requests(run: Run, *, users: int) -> int:
    entries = run.known.entries if run.known else users * ASSUMED_ENTRIES_PER_PERSON
    take = max(2, run.landing.facts.page_size)
    return estimate(run.strategy, users=users, entries=entries, requests_per_minute=None, take=take).requests


def plan_batches(run: Run) -> Iterator[list[int]]:
    """The scopes to read, in batches of users; an empty batch is the whole organization in one.

    `auto` falls back to reading user by user when the org-wide endpoint is refused.
    """
    if run.strategy in (Strategy.ORG_WIDE, Strategy.BOTH):
        yield []
    if run.strategy in (Strategy.PER_USER, Strategy.BOTH):
        user_ids = run.landing.user_ids()
        for start in range(0, len(user_ids), USERS_PER_BATCH):
            yield user_ids[start : start + USERS_PER_BATCH]


def read_entries(run: Run, user_ids: list[int]) -> list[ScopeResult]:
    """The entries of `user_ids` are landed, or of the whole organization if there are none."""
    if user_ids:
        run.observer.stage_started("entries", f"{len(user_ids)} users from id {user_ids[0]}")
        results = run.wait_for(run.extraction.read_user_entries(user_ids))
    else:
        run.observer.stage_started("entries", "the whole organization")
        results = _read_organization(run)
    run.landing.flush()
    return results


def _read_organization(run: Run) -> list[ScopeResult]:
    expected = run.known.entries if run.known else 0
    try:
        with naming_organization(run.organization_id):
            return [run.wait_for(run.extraction.read_organization(expected))]
    except AccessRefusedError:
        if run.landing.facts.strategy != Strategy.AUTO:
            raise
        run.strategy = Strategy.PER_USER
        return []


def load(run: Run) -> RunRow:
    """What was landed is in the warehouse, in one transaction, with its days and the run's row."""
    _raise_if_nothing_was_read(run)
    run.observer.stage_started("load", f"{run.landing.page_count} pages")
    with _open_own_warehouse(run) as connection:
        run.row = find_run(connection, run.landing.facts.run_id) or _load_landing(connection, run)
    run.landing.mark_finished()
    return run.row


def publish_run(run: Run) -> Publication:
    """Readers see the warehouse as it is now, after it has passed its audits."""
    run.observer.stage_started("publish", str(run.settings.data_dir))
    tables = published_tables(publishes_notes=run.settings.notes is Notes.PUBLISH)
    with _open_own_warehouse(run) as connection:
        audit_tables(connection, tables)
        run.publication = publish(
            connection,
            run.settings.data_dir,
            tables,
            run_id=run.landing.facts.run_id,
            published_at=utc_now(),
            keep_generations=run.settings.keep_generations,
        )
    prune_landings(_landing_root(run.settings), keep=run.settings.keep_landings)
    return run.publication


@contextlib.contextmanager
def recording_failure(run: Run) -> Iterator[None]:
    """An error leaves the run's row in an existing warehouse, with the error's text; then it goes on."""
    try:
        yield
    except Exception as error:
        if isinstance(error, GuardError):
            run.landing.mark_held()
        # The error that ended the run matters more than the row about it.
        with contextlib.suppress(WarehouseError, OSError):
            if run.row is None and warehouse_path(run.settings).exists():
                with _open_own_warehouse(run) as connection:
                    insert_run(connection, _run_row(run, outcome="failed", error=str(error)))
        raise


def summarise(run: Run) -> RunSummary:
    """What the run read, changed and published. Only after `publish_run`."""
    if run.row is None or run.publication is None:
        message = "a run is summarised after it was loaded and published"
        raise RuntimeError(message)
    return RunSummary.of(
        run.row,
        run.publication,
        results=list(run.landing.results.values()),
        throttled=run.client.traffic.throttled,
        is_resumed=run.is_resumed,
        warehouse=warehouse_path(run.settings),
    )


def utc_now() -> datetime:
    """Now, in UTC, without a zone: as the warehouse keeps instants."""
    return datetime.now(UTC).replace(tzinfo=None)


def _load_landing(connection: duckdb.DuckDBPyConnection, run: Run) -> RunRow:
    facts = run.landing.facts
    create_staging(connection)
    _stage_landing(connection, run.landing)
    latest = latest_snapshot_at(connection, facts.organization_id)
    observed_at = max(facts.started_at, latest + timedelta(microseconds=1) if latest else facts.started_at)
    snapshot = Snapshot(
        run_id=facts.run_id,
        organization_id=facts.organization_id,
        observed_at=observed_at,
        scopes=[_scope_row(result) for result in run.landing.results.values()],
    )
    with transaction(connection):
        guards = run.settings.guards(allows_mass_delete=run.allows_mass_delete)
        changes = apply_snapshot(connection, snapshot, guards)
        _derive_days(connection, snapshot)
        is_whole = all(scope.verdict == Verdict.COMPLETE for scope in snapshot.scopes)
        row = _run_row(
            run, changes, outcome="complete" if is_whole else "partial", started_at=observed_at
        )
        insert_run(connection, row)
    connection.execute("CHECKPOINT").fetchall()
    return row


def _stage_landing(connection: duckdb.DuckDBPyConnection, landing: Landing) -> None:
    organization_id = landing.facts.organization_id
    for path in landing.segments("users"):
        landed = pl.read_parquet(path)
        people = normalise_people(landed, organization_id=organization_id)
        rejects = collect_rejects(landed, organization_id=organization_id, record_kind="user")
        stage_rows(connection, "staged_people", people)
        stage_rows(connection, "staged_rejects", rejects)
    for path in landing.segments("entries"):
        landed = pl.read_parquet(path)
        entries = normalise_entries(landed, organization_id=organization_id)
        rejects = collect_rejects(landed, organization_id=organization_id, record_kind="entry")
        stage_rows(connection, "staged_entries", entries)
        stage_rows(connection, "staged_rejects", rejects)


def _derive_days(connection: duckdb.DuckDBPyConnection, snapshot: Snapshot) -> None:
    """The days of everyone whose entries changed, the calendar and the reasons are up to date."""
    organization_id = snapshot.organization_id
    for user_ids in find_changed_people(connection, organization_id, days_at_once=DAYS_AT_ONCE):
        entries = read_live_entries(connection, organization_id, user_ids)
        entry_days = explode_entry_days(entries)
        replace_days(
            connection,
            organization_id,
            user_ids,
            entry_days=entry_days,
            person_days=resolve_person_days(entry_days, entries),
        )
    first_on, last_on = read_calendar_span(connection, snapshot.observed_at)
    replace_dimensions(
        connection, dates=build_calendar(first_on, last_on), reasons=build_reasons()
    )


def _run_row(
    run: Run,
    changes: Changes | None = None,
    *,
    outcome: str,
    started_at: datetime | None = None,
    error: str | None = None,
) -> RunRow:
    verdicts = [result.verdict for result in run.landing.results.values()]
    changes = changes or Changes(0, 0, 0, 0, 0, 0)
    return RunRow(
        run_id=run.landing.facts.run_id,
        organization_id=run.organization_id,
        started_at=started_at or run.landing.facts.started_at,
        finished_at=utc_now(),
        strategy=run.strategy.value,
        outcome=outcome,
        requests=run.pages_before + run.client.traffic.requests,
        retries=run.client.traffic.retries,
        waited_seconds=run.client.pacer.waited_seconds,
        rows_in=changes.rows_in,
        rows_inserted=changes.inserted,
        rows_updated=changes.updated,
        rows_unchanged=changes.unchanged,
        rows_quarantined=changes.quarantined,
        rows_deleted=changes.deleted,
        scopes_complete=verdicts.count(Verdict.COMPLETE),
        scopes_unproven=verdicts.count(Verdict.UNPROVEN),
        scopes_failed=verdicts.count(Verdict.FAILED),
        error=error,
    )


def _scope_row(result: ScopeResult) -> ScopeRow:
    return ScopeRow(
        scope_kind=result.scope.kind,
        user_id=result.scope.user_id,
        verdict=result.verdict.value,
        pages=result.pages,
        repairs=result.repairs,
        problem=result.problem,
    )


def _raise_if_nothing_was_read(run: Run) -> None:
    """Raise the first error if no scope of entries gave a single page."""
    entry_scopes = [scope for scope in run.landing.results if scope != USERS]
    if entry_scopes and not any(scope in run.landing.pages for scope in entry_scopes):
        raise run.extraction.first_error or CalcomError("no scope of entries could be read")


@contextlib.contextmanager
def _open_own_warehouse(run: Run) -> Iterator[duckdb.DuckDBPyConnection]:
    limit = run.settings.memory_limit
    with open_warehouse(warehouse_path(run.settings), memory_limit=limit) as connection:
        migrate(connection)
        create_mart_views(connection)
        yield connection


def read_known_size(settings: Settings, organization_id: int) -> KnownSize | None:
    """What the last runs saw of the organization; None before the first."""
    if not warehouse_path(settings).exists():
        return None
    with open_warehouse(warehouse_path(settings)) as connection:
        migrate(connection)
        return known_size(connection, organization_id)


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


def _landing_root(settings: Settings) -> Path:
    return settings.data_dir / "landing"


def _open_landing(
    settings: Settings, organization_id: int, strategy: Strategy, *, includes_held: bool
) -> Landing:
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
        _landing_root(settings),
        facts,
        max_age=settings.resume_within,
        includes_held=includes_held,
    )
    return found or create_landing(_landing_root(settings), facts)


@contextlib.contextmanager
def _holding(data_dir: Path) -> Iterator[None]:
    """No other run writes to `data_dir` meanwhile. The lock dies with the process."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock = FileLock(data_dir / ".lock")
        lock.acquire(timeout=0)
    except Timeout:
        message = (
            f"another run is writing to {data_dir}; wait for it to end, or set OOO_DATA_DIR to another"
            " folder"
        )
        raise WarehouseError(message) from None
    except OSError as error:
        message = f"can't write to {data_dir}: {error}; correct the permissions or set OOO_DATA_DIR"
        raise WarehouseError(message) from error
    try:
        yield
    finally:
        lock.release()
