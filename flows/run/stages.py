"""The run as plain functions: read people, read entries batch by batch, load, publish.

`ooo sync` calls them one after the other; the Prefect flow calls the same ones as tasks. No Prefect here.
"""

import contextlib
from collections.abc import Iterator

import duckdb

from calcom.errors import ApiError, CalcomError, ErrorKind
from calcom.requester import Connection
from calcom.scopes import ScopeResult
from calcom.strategy import Strategy, choose, requests_for
from flows.report.page import report_path
from flows.run.context import (
    Run,
    begin_staging,
    memory_limit,
    open_own_warehouse,
    open_run,
    staging_meanwhile,
)
from flows.run.data_folder import warehouse_path
from flows.run.landed import Landed, ProgressListener, save_reading
from flows.run.load import build_run_row, load_landing
from flows.run.publication import publish_tables
from flows.run.summary import RunSummary
from flows.settings import Settings
from flows.settings.errors import AccessRefusedError, naming_organization
from warehouse.errors import GuardError, WarehouseError
from warehouse.load.runs import RunRow, find_differences, find_run, insert_run
from warehouse.publish.publication import Publication

USERS_PER_BATCH = 200
"""Users whose entries are read in one go: as many as an outage fails before the source is tried again."""

ASSUMED_ENTRIES_PER_PERSON = 25
"""For an organization that was never read: about three years of entries a person."""


def sync(
    settings: Settings,
    *,
    strategy: Strategy,
    listener: ProgressListener,
    allows_mass_delete: bool = False,
    connection: Connection | None = None,
) -> RunSummary:
    """The warehouse and the publication are as Cal.com is now, or as far as that could be proved."""
    with open_run(
        settings,
        strategy=strategy,
        listener=listener,
        allows_mass_delete=allows_mass_delete,
        connection=connection,
    ) as run:
        with recording_failure(run), staging_meanwhile(run):
            extract(run)
            load(run)
            publish(run)
        return summarise(run)


def extract(run: Run) -> None:
    """Everything is landed, with how it was read: `load` needs no more, and no connection."""
    read_people(run)
    for batch in plan_batches(run):
        read_entries(run, batch)
    read_team_members(run)
    end_reading(run)


def read_people(run: Run) -> ScopeResult:
    """The organization's users are landed, its teams if they are wanted, and the strategy is settled."""
    run.listener.stage_started("people", f"organization {run.organization_id}")
    with naming_organization(run.organization_id):
        result = run.wait_for(run.extraction.read_users())
    if run.settings.reads_teams:
        run.wait_for(run.extraction.read_teams())
    run.landing.flush()
    if run.strategy is Strategy.AUTO:
        users = len(run.landing.user_ids())
        run.strategy = choose(
            users=users,
            entries=run.known.entries if run.known else None,
            take=run.landing.facts.page_size,
        )
    missing = _estimate_requests(run, users=len(run.landing.user_ids())) - run.landing.page_count
    run.listener.requests_expected(max(missing, 0), run.client.rate_limiter)
    return result


def _estimate_requests(run: Run, *, users: int) -> int:
    entries = run.known.entries if run.known else users * ASSUMED_ENTRIES_PER_PERSON
    return requests_for(
        run.strategy,
        users=users,
        entries=entries,
        teams=len(run.landing.team_ids()) if run.settings.reads_teams else None,
        take=run.landing.facts.page_size,
    )


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
        run.listener.stage_started("entries", f"{len(user_ids)} users from id {user_ids[0]}")
        return run.wait_for(run.extraction.read_user_entries(user_ids))
    run.listener.stage_started("entries", "the whole organization")
    return _read_organization(run)


def _read_organization(run: Run) -> list[ScopeResult]:
    expected = run.known.entries if run.known else 0
    try:
        with naming_organization(run.organization_id):
            return [run.wait_for(run.extraction.read_organization(expected))]
    except (AccessRefusedError, ApiError) as error:
        is_refused = isinstance(error, AccessRefusedError) or error.kind is ErrorKind.NOT_FOUND
        if run.landing.facts.strategy != Strategy.AUTO or not is_refused:
            raise
        run.strategy = Strategy.PER_USER
        return []


def read_team_members(run: Run) -> list[ScopeResult]:
    """The memberships of every team that was read are landed, if they are wanted."""
    team_ids = run.landing.team_ids() if run.settings.reads_teams else []
    if team_ids:
        run.listener.stage_started("teams", f"members of {len(team_ids)} teams")
    return run.wait_for(run.extraction.read_team_members(team_ids))


def end_reading(run: Run) -> None:
    """The landing says that it was read to its end. Raises the first error if no entries could be read."""
    entry_scopes = [scope for scope in run.landing.results if scope.kind in ("organization", "user")]
    if entry_scopes and not any(scope in run.landing.pages for scope in entry_scopes):
        raise run.extraction.first_error or CalcomError("no scope of entries could be read")
    run.landing.flush()
    save_reading(run.landing.folder, run.reading)


def load(run: Landed) -> RunRow:
    """What was landed is in the warehouse, in one transaction, with its days and the run's row."""
    run.listener.stage_started("load", f"{run.landing.page_count} pages")
    run.landing.flush()  # whatever ends a reading: a page that is not staged would count as gone
    with open_own_warehouse(run) as connection:
        run_id = run.landing.facts.run_id
        run.row = find_run(connection, run_id) or _load_landing(connection, run)
        run.differences = find_differences(connection, run_id)
    run.landing.mark_finished()
    return run.row


def _load_landing(connection: duckdb.DuckDBPyConnection, run: Landed) -> RunRow:
    connection.execute(f"SET memory_limit = '{memory_limit(run)}'").fetchall()
    staging = run.staging.result() if run.staging else begin_staging(run, connection)
    try:
        return load_landing(staging, run)
    finally:
        staging.close()


def publish(run: Landed) -> Publication:
    """Readers see the warehouse as it is now, after it has passed its audits."""
    run.listener.stage_started("publish", str(run.settings.data_dir))
    with open_own_warehouse(run) as connection:
        run.publication, run.audits = publish_tables(
            connection, run.settings, run_id=run.landing.facts.run_id
        )
    return run.publication


@contextlib.contextmanager
def recording_failure(run: Landed) -> Iterator[None]:
    """An error leaves the run's row in an existing warehouse, with the error's text; then it goes on."""
    try:
        yield
    except Exception as error:
        if isinstance(error, GuardError):
            run.landing.mark_finished()
        # The error that ended the run matters more than the row about it.
        with contextlib.suppress(WarehouseError, OSError):
            if warehouse_path(run.settings).exists():
                with open_own_warehouse(run) as connection:
                    # What was committed stands, whatever failed after it.
                    if find_run(connection, run.landing.facts.run_id) is None:
                        insert_run(connection, build_run_row(run, outcome="failed", error=str(error)))
        raise


def summarise(run: Landed) -> RunSummary:
    """What the run read, changed and published. Only after `publish`."""
    if run.row is None or run.publication is None:
        message = "a run is summarised after it was loaded and published"
        raise RuntimeError(message)
    return RunSummary.of(
        run.row,
        run.publication,
        results=list(run.landing.results.values()),
        differences=run.differences,
        audits=run.audits,
        throttled=run.reading.throttled,
        is_resumed=run.reading.is_resumed,
        warehouse=warehouse_path(run.settings),
        report=report_path(run.settings),
    )
