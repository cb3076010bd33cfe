"""Telemetry of a run: its stages, pages and requests, for logs and for OpenTelemetry.

A run without telemetry has a plain progress listener, and pays nothing for this module. With telemetry, a
`TelemetryListener` passes the progress on to that listener, counts it, and reports it to each sink.
"""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import duckdb

from calcom.connection import SentRequest
from calcom.scopes import Scope, ScopeResult
from flows.run.progress import ProgressListener, RateLimit
from warehouse.load.runs import read_latest_snapshots

PAGES_PER_EVENT = 50
"""The number of pages after which a sink receives the counts."""


@dataclass
class RunCounts:
    """The identity and the counts of a run at one instant."""

    run_id: str | None = None
    organization_id: int | None = None
    pages: int = 0
    rows: int = 0
    verdicts: dict[str, int] = field(default_factory=dict)
    waited_seconds: float = 0.0
    budget: tuple[int, int] | None = None
    """The remaining requests of the rate limit, and the limit; None without a stated limit."""


@dataclass(frozen=True)
class StageEnd:
    """The end of a stage or of a batch. `facts` are the counts that the stage adds, such as changed rows."""

    stage: str
    seconds: float
    error: BaseException | None
    facts: dict[str, Any]


class Sink:
    """Receives the events of a run. This class ignores them; a subclass handles those that it needs."""

    def stage_started(self, stage: str, counts: RunCounts) -> None:
        """Handle the start of a stage or of a batch."""

    def stage_ended(self, end: StageEnd, counts: RunCounts) -> None:
        """Handle the end of a stage or of a batch."""

    def pages_read(self, counts: RunCounts) -> None:
        """Handle the counts after every `PAGES_PER_EVENT` pages."""

    def request_ended(self, request: SentRequest, counts: RunCounts) -> None:
        """Handle one request, with or without a response."""

    def scope_ended(self, result: ScopeResult, counts: RunCounts) -> None:
        """Handle the verdict of a scope."""

    def snapshots_published(self, snapshots: Mapping[int, datetime]) -> None:
        """Handle the newest snapshot of each organization, UTC without a zone."""


class TelemetryListener:
    """Passes the progress of a run on to another listener, and its events to sinks."""

    def __init__(self, listener: ProgressListener, sinks: Sequence[Sink]) -> None:
        """Take the listener that shows the progress, and the sinks that receive every event."""
        self._listener, self._sinks = listener, sinks
        self._counts = RunCounts()
        self._limit: RateLimit | None = None

    def page_read(self, scope: Scope, rows: int) -> None:
        """Count the page."""
        self._listener.page_read(scope, rows)
        self._counts.pages += 1
        self._counts.rows += rows
        if self._counts.pages % PAGES_PER_EVENT == 0:
            self._refresh()
            for sink in self._sinks:
                sink.pages_read(self._counts)

    def scope_ended(self, result: ScopeResult) -> None:
        """Count the verdict."""
        self._listener.scope_ended(result)
        verdict = result.verdict.value
        self._counts.verdicts[verdict] = self._counts.verdicts.get(verdict, 0) + 1
        for sink in self._sinks:
            sink.scope_ended(result, self._counts)

    def stage_started(self, name: str, detail: str) -> None:
        """Pass the stage on; `observe` reports its start and its end to the sinks."""
        self._listener.stage_started(name, detail)

    def requests_expected(self, sent: int, missing: int, limit: RateLimit) -> None:
        """Pass the estimate on."""
        self._listener.requests_expected(sent, missing, limit)

    def waiting(self, seconds: float) -> None:
        """Count the pause."""
        self._listener.waiting(seconds)
        self._counts.waited_seconds += seconds

    def request_ended(self, request: SentRequest) -> None:
        """Report a request."""
        for sink in self._sinks:
            sink.request_ended(request, self._counts)

    @contextlib.contextmanager
    def observe(self, run: Any, stage: str, batch: int | None = None) -> Iterator[None]:
        """Report the start and the end of the block to the sinks."""
        self._counts.run_id, self._counts.organization_id = run.record.run_id, run.record.organization_id
        self._limit = run.source.client.rate_limiter if run.source else None
        self._refresh()
        for sink in self._sinks:
            sink.stage_started(stage, self._counts)
        began_at, failure = time.monotonic(), None
        try:
            yield
        except BaseException as error:
            failure = error
            raise
        finally:
            self._refresh()
            facts = ({} if batch is None else {"batch": batch}) | _facts_of(run)
            end = StageEnd(stage, time.monotonic() - began_at, failure, facts)
            for sink in self._sinks:
                sink.stage_ended(end, self._counts)

    def snapshots_published(self, snapshots: Mapping[int, datetime]) -> None:
        """Report the newest snapshot of each organization."""
        for sink in self._sinks:
            sink.snapshots_published(snapshots)

    def _refresh(self) -> None:
        self._counts.budget = self._limit.requests_left() if self._limit else None


def observing(run: Any, stage: str, batch: int | None = None) -> contextlib.AbstractContextManager[None]:
    """Report the block, a stage or a batch of `run`, to the telemetry of the run, if there is one."""
    if isinstance(run.listener, TelemetryListener):
        return run.listener.observe(run, stage, batch)
    return contextlib.nullcontext()


def request_callback(listener: ProgressListener) -> Callable[[SentRequest], None] | None:
    """Return the function that receives each request of a client, or None for a listener without telemetry."""
    return listener.request_ended if isinstance(listener, TelemetryListener) else None


def report_load(listener: ProgressListener, run: Any) -> None:
    """Report a run that was loaded together with others, in one transaction, as a stage of its own."""
    if isinstance(listener, TelemetryListener):
        with listener.observe(run, "load"):
            pass  # it has ended


def report_snapshots(listener: ProgressListener, warehouse: duckdb.DuckDBPyConnection) -> None:
    """Report the newest snapshot of each organization to the telemetry, if there is one."""
    if isinstance(listener, TelemetryListener):
        listener.snapshots_published(read_latest_snapshots(warehouse))


def _facts_of(run: Any) -> dict[str, Any]:
    """Return the requests of the run so far, its rows once they are loaded, and its generation once published."""
    stats, record = run.stats, run.record
    facts: dict[str, Any] = {
        "requests": stats.requests,
        "retries": stats.retries,
        "throttled": stats.throttled,
    }
    if record.outcome != "failed":  # its value before the load
        facts |= {
            "outcome": record.outcome,
            "rows_inserted": record.rows_inserted,
            "rows_updated": record.rows_updated,
            "rows_deleted": record.rows_deleted,
            "rows_quarantined": record.rows_quarantined,
        }
    if run.publication is not None:
        rows = sum(run.publication.rows.values())
        facts |= {"generation": run.publication.generation, "rows_published": rows}
    return facts
