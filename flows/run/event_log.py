"""The lines that a run writes about its events: JSON objects, or one line of text per request."""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from calcom.connection import SentRequest
from calcom.errors import redact
from calcom.scopes import ScopeResult
from flows.run.progress import ProgressListener
from flows.run.telemetry import RunCounts, Sink, StageEnd, TelemetryListener
from flows.settings.environment import has_opentelemetry_exporter


class JsonLog(Sink):
    """Writes one JSON object per event and line."""

    def __init__(self, write: Callable[[str], None], *, shows_requests: bool) -> None:
        """`write` takes a line without its line end. With `shows_requests`, each request is a line, too."""
        self._write, self._shows_requests = write, shows_requests

    def stage_started(self, stage: str, counts: RunCounts) -> None:
        """Write the start."""
        self._write_line("stage_started", counts, stage=stage)

    def stage_ended(self, end: StageEnd, counts: RunCounts) -> None:
        """Write the end, with all counts so far."""
        error = f"{type(end.error).__name__}: {redact(str(end.error))}" if end.error else None
        self._write_line(
            "stage_ended", counts, stage=end.stage, seconds=round(end.seconds, 3), error=error, **end.facts
        )

    def pages_read(self, counts: RunCounts) -> None:
        """Write the counts."""
        self._write_line("pages_read", counts)

    def request_ended(self, request: SentRequest, counts: RunCounts) -> None:
        """Write the request, if requests are shown."""
        if self._shows_requests:
            facts = {"method": request.method, "path": request.path, "status": request.status}
            milliseconds = round(request.milliseconds, 1)
            self._write_line(
                "request", counts, milliseconds=milliseconds, request_id=request.request_id, **facts
            )

    def scope_ended(self, result: ScopeResult, counts: RunCounts) -> None:
        """Write the scope and its problem, if it is not complete."""
        if result.problem is not None:
            problem = redact(result.problem)
            self._write_line(
                "scope", counts, scope=result.scope.label, verdict=result.verdict.value, problem=problem
            )

    def _write_line(self, event: str, counts: RunCounts, **facts: Any) -> None:
        remaining, limit = counts.budget or (None, None)
        self._write(
            json.dumps(
                {
                    "time": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}Z",
                    "event": event,
                    "run_id": counts.run_id,
                    "organization_id": counts.organization_id,
                    **facts,
                    "pages": counts.pages,
                    "rows": counts.rows,
                    "verdicts": counts.verdicts,
                    "waited_seconds": round(counts.waited_seconds, 3),
                    "budget_remaining": remaining,
                    "budget_limit": limit,
                }
            )
        )


class RequestLines(Sink):
    """Writes one line of text per request."""

    def __init__(self, write: Callable[[str], None]) -> None:
        """`write` takes a line without its line end."""
        self._write = write

    def request_ended(self, request: SentRequest, counts: RunCounts) -> None:
        """Write the line of the request."""
        del counts
        self._write(describe_request(request))


def describe_request(request: SentRequest) -> str:
    """Return the method, the path without values, the status, the milliseconds and the request id in one line."""
    status = "no response" if request.status is None else request.status
    request_id = request.request_id or "not sent"
    return f"{request.method} {request.path} {status} {request.milliseconds:.0f} ms (request id {request_id})"


def listen(
    listener: ProgressListener, write: Callable[[str], None], *, is_json: bool, shows_requests: bool = False
) -> ProgressListener:
    """Return the listener, with telemetry if lines of JSON, lines of requests or OpenTelemetry are requested."""
    sinks: list[Sink] = []
    if is_json:
        sinks.append(JsonLog(write, shows_requests=shows_requests))
    elif shows_requests:
        sinks.append(RequestLines(write))
    if has_opentelemetry_exporter() or "opentelemetry.sdk.trace" in sys.modules:
        from flows.run.tracing import Tracing, has_providers, set_up_providers  # noqa: PLC0415 - takes 50 ms

        if has_opentelemetry_exporter():
            set_up_providers()
        if has_providers():
            sinks.append(Tracing())
    return TelemetryListener(listener, sinks) if sinks else listener
