"""The stages of a run as plain functions, and `sync`, which calls them in order.

`ooo sync` calls the functions directly. The Prefect flow passes the same functions wrapped as tasks. This module
imports no Prefect.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace

from calcom.connection import Connection
from calcom.errors import ApiError, CalcomError, ErrorKind
from calcom.scopes import (
    ORGANIZATION,
    TEAM_KINDS,
    TEAMS,
    USERS,
    Scope,
    Verdict,
    find_skipped,
    without_skipped,
)
from calcom.strategy import Strategy
from calcom.wording import count_of
from flows.run.comparison import settle_differences
from flows.run.context import RunContext, insert_failure, open_run
from flows.run.load import load_landing
from flows.run.maintenance import purge_files
from flows.run.plan import Batch, ReadingPlan, estimate_requests, make_reading_plan
from flows.run.progress import ProgressListener
from flows.run.publication import publish_tables
from flows.run.source import FindOrganization, Source, find_organization
from flows.run.summary import RunSummary, summarize
from flows.run.telemetry import observing, report_snapshots
from flows.settings import Settings
from flows.settings.data_folder import warehouse_path
from flows.settings.errors import AccessRefusedError, ClockError, naming_organization
from flows.settings.values import Teams
from transforms.runs import RunRecord
from warehouse.errors import GuardError, WarehouseError
from warehouse.load.erasure import pending_purges
from warehouse.load.runs import find_differences, find_run
from warehouse.read.facts import read_quarantine


def read_lists(run: RunContext) -> None:
    """Read the users of the organization, and its teams unless the settings exclude them."""
    with observing(run, "read people"):
        run.listener.stage_started("people", f"organization {run.landing.facts.organization_id}")
        source = _source_of(run)
        with naming_organization(run.landing.facts.organization_id):
            source.runner.run(source.extraction.scanner.read(USERS))
        _check_source_clock(run, source)
        if run.settings.teams is not Teams.OFF:
            source.runner.run(source.extraction.scanner.read(TEAMS))


def read_organization(run: RunContext, batch: Batch) -> bool:
    """Read all entries with the organization's endpoint. Return False if the endpoint is refused to `auto`."""
    with observing(run, "read entries", batch.number):
        run.listener.stage_started("entries", batch.label)
        source = _source_of(run)
        expected_rows = run.previous.size.entries if run.previous.size else 0
        try:
            with naming_organization(run.landing.facts.organization_id):
                source.runner.run(source.extraction.scanner.read(ORGANIZATION, expected_rows))
        except (AccessRefusedError, ApiError) as error:
            is_refused = isinstance(error, AccessRefusedError) or error.kind is ErrorKind.NOT_FOUND
            if run.landing.facts.strategy != Strategy.AUTO or not is_refused:
                raise
            return False
        return True


def read_users(run: RunContext, batch: Batch) -> None:
    """Read the entries of each user of the batch."""
    with observing(run, "read entries", batch.number):
        run.listener.stage_started("entries", batch.label)
        source = _source_of(run)
        source.runner.run(source.extraction.read_each(batch.scopes))


def read_team_members(run: RunContext, team_ids: tuple[int, ...]) -> None:
    """Read the memberships of each team."""
    with observing(run, "read team members"):
        run.listener.stage_started("teams", f"members of {count_of(len(team_ids), 'team')}")
        source = _source_of(run)
        scopes = [Scope("team", team_id=team_id) for team_id in team_ids]
        source.runner.run(source.extraction.read_each(scopes))


def settle(run: RunContext, user_ids: tuple[int, ...]) -> None:
    """Settle the open questions of reading, and compare the strategies of `both`.

    Users who were refused have left, or stay failed; users who joined meanwhile are read. Users whose entries have all
    vanished from the organization's entries have left if the users list, read again, lacks them. The ends of the
    lists of users and teams are checked. Entries that the two strategies returned differently are read again.
    """
    with observing(run, "settle"):
        source = _source_of(run)
        source.runner.run(source.extraction.settle_departures(user_ids, _find_vanished(run)))
        source.runner.run(source.extraction.check_ends("user"))
        source.runner.run(source.extraction.check_ends("team"))
        if run.strategy is Strategy.BOTH:
            run.landing.save_differences([asdict(difference) for difference in settle_differences(run)])


def _find_vanished(run: RunContext) -> frozenset[int]:
    """Return the listed users who have live entries in the warehouse, and none in the organization's entries.

    They have deleted them, or have left after the users list was read.
    """
    entries = run.landing.results.get(ORGANIZATION)
    if entries is None or entries.verdict is not Verdict.COMPLETE or not run.previous.people_with_entries:
        return frozenset()
    listed = run.previous.people_with_entries.intersection(run.landing.user_ids())
    return listed.difference(run.landing.entry_owner_ids())


def load(run: RunContext) -> None:
    """Load the landing into the warehouse, in one transaction, unless the warehouse has the run already."""
    with observing(run, "load"):
        run.listener.stage_started("load", count_of(run.landing.page_count, "page"))
        record_stats(run)
        connection = run.warehouse()
        if (row := find_run(connection, run.record.run_id)) is not None:
            run.record = RunRecord.from_row(row)
        else:
            load_landing(run)
        run.differences = find_differences(connection, run.record.run_id)
        own = run.landing.facts.organization_id
        run.quarantine = [
            {name: group[name] for name in ("record_kind", "problem", "records")}
            for group in read_quarantine(connection)
            if group["organization_id"] == own
        ]
        run.landing.mark_finished()


def publish(run: RunContext) -> None:
    """Publish the warehouse as it is now, after it has passed its audits."""
    with observing(run, "publish"):
        run.listener.stage_started("publish", str(run.settings.data_dir))
        run.publication, run.audits = publish_tables(run.warehouse(), run.settings, run_id=run.record.run_id)
        report_snapshots(run.listener, run.warehouse())


@dataclass(frozen=True)
class Stages:
    """The functions that a run calls, in this order; Prefect replaces each by a task around it."""

    find_organization: FindOrganization = find_organization
    read_lists: Callable[[RunContext], None] = read_lists
    read_organization: Callable[[RunContext, Batch], bool] = read_organization
    read_users: Callable[[RunContext, Batch], None] = read_users
    read_team_members: Callable[[RunContext, tuple[int, ...]], None] = read_team_members
    settle: Callable[[RunContext, tuple[int, ...]], None] = settle
    load: Callable[[RunContext], None] = load
    publish: Callable[[RunContext], None] = publish


PLAIN_STAGES = Stages()


def sync(  # noqa: PLR0913 - the options of one run
    settings: Settings,
    *,
    strategy: Strategy,
    listener: ProgressListener,
    allows_mass_delete: bool = False,
    connection: Connection | None = None,
    stages: Stages = PLAIN_STAGES,
) -> RunSummary:
    """Read the organization, load the records that are proved, publish the tables, and return a summary."""
    with open_run(
        settings,
        strategy=strategy,
        listener=listener,
        allows_mass_delete=allows_mass_delete,
        connection=connection,
        find=stages.find_organization,
    ) as run:
        with recording_failure(run), observing(run, "run"):
            extract(run, stages)
            stages.load(run)
            stages.publish(run)
        purges = pending_purges(run.warehouse())
        run.close_warehouse()
        purge_files(settings, purges)
        return summarize(run)


def extract(run: RunContext, stages: Stages = PLAIN_STAGES) -> None:
    """Read every scope of the plan into the landing; a loader on any machine needs nothing else afterwards."""
    stages.read_lists(run)
    plan = _plan(run)
    if plan.reads_organization and not stages.read_organization(run, Batch(1, (ORGANIZATION,))):
        plan = plan.reading_per_user()
        run.strategy = plan.strategy
    for batch in plan.user_batches():
        stages.read_users(run, batch)
    if plan.team_ids:
        stages.read_team_members(run, plan.team_ids)
    stages.settle(run, plan.user_ids)
    _complete_landing(run, plan)


def _plan(run: RunContext) -> ReadingPlan:
    size, page_size = run.previous.size, run.landing.facts.page_size
    is_skipped = run.settings.teams is Teams.OFF or find_skipped(run.landing.results.values()) is not None
    plan = make_reading_plan(
        Strategy(run.landing.facts.strategy),
        user_ids=run.landing.user_ids(),
        team_ids=None if is_skipped else run.landing.team_ids(),
    )
    run.strategy = plan.strategy
    missing = estimate_requests(plan, size=size, page_size=page_size) - run.landing.page_count
    if is_skipped:
        missing += len(run.landing.pages.get(TEAMS, []))
    source = _source_of(run)
    sent = source.stats(plan.strategy).requests
    run.listener.requests_expected(sent, max(missing, 0), source.client.rate_limiter)
    return plan


def _complete_landing(run: RunContext, plan: ReadingPlan) -> None:
    """Mark the landing complete. Raise the first error if no entry at all could be read."""
    source, results = _source_of(run), run.landing.results
    if missing := plan.scopes - results.keys():
        message = (
            f"{len(missing)} planned scopes were not read, such as {min(scope.label for scope in missing)}"
        )
        raise CalcomError(message)
    entry_scopes = [scope for scope in results if scope.kind in ("organization", "user")]
    if entry_scopes and not any(scope in run.landing.pages for scope in entry_scopes):
        errors = (
            error for scope, error in source.extraction.scanner.errors.items() if scope.kind not in TEAM_KINDS
        )
        raise next(errors, CalcomError("no scope of entries could be read"))
    run.landing.mark_complete(run.stats)


def record_stats(run: RunContext) -> None:
    """Fill in the cost of reading and the counts of verdicts."""
    stats = run.stats
    verdicts = [result.verdict for result in without_skipped(run.landing.results.values())]
    run.record.scopes_complete = verdicts.count(Verdict.COMPLETE)
    run.record.scopes_unproven = verdicts.count(Verdict.UNPROVEN)
    run.record.scopes_failed = verdicts.count(Verdict.FAILED)
    run.record.strategy, run.record.requests = stats.strategy, stats.requests
    run.record.retries, run.record.waited_seconds = stats.retries, stats.waited_seconds


@contextlib.contextmanager
def recording_failure(run: RunContext) -> Iterator[None]:
    """Insert the run's row with the error into an existing warehouse if the block raises, then raise again."""
    try:
        yield
    except Exception as error:
        if isinstance(error, GuardError):
            run.landing.mark_finished()
        # The error that ended the run matters more than the row about it.
        with contextlib.suppress(WarehouseError, OSError):
            if warehouse_path(run.settings).exists():
                # A committed load stands, although a later stage failed.
                record_stats(run)
                failed = replace(run.record, started_at=run.landing.facts.started_at)
                insert_failure(run.warehouse(), failed, str(error))
        raise


def _check_source_clock(run: RunContext, source: Source) -> None:
    """Raise `ClockError` if this machine's clock differs too much from the header `Date` of Cal.com."""
    skew, limit = source.client.clock_skew_seconds, run.settings.max_clock_skew_seconds
    if skew is not None and abs(skew) > limit:
        message = (
            f"this machine's clock is {abs(skew):,.0f} s {'ahead of' if skew > 0 else 'behind'} Cal.com's clock;"
            f" expected at most {limit:g} s. Set the clock by NTP, or raise OOO_MAX_CLOCK_SKEW_SECONDS"
        )
        raise ClockError(message)


def _source_of(run: RunContext) -> Source:
    if run.source is None:
        message = "a landing that was read elsewhere has no source to read from"
        raise RuntimeError(message)
    return run.source
