"""OpenTelemetry: a span per run, stage and batch, counters, and the age of each organization's snapshot.

The standard variables of OpenTelemetry (OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER, …) configure the exporters.
This module needs the extra `otel`, except if another program has set its own providers.
"""

import threading
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from importlib.metadata import entry_points
from typing import Any

from opentelemetry import context, metrics, trace
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.util.types import AttributeValue

from calcom.connection import SentRequest
from calcom.errors import redact
from calcom.scopes import ScopeResult
from flows.run.telemetry import RunCounts, Sink, StageEnd
from flows.settings.environment import read_opentelemetry

NAME = "calcom-ooo-warehouse"

ROWS = ("inserted", "updated", "deleted", "quarantined")
"""The changes of rows that the counter `ooo.rows` has."""

_configured = threading.Lock()


def has_providers() -> bool:
    """Return True if the process has a provider of spans of the SDK, and not the one that drops every span."""
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415 - only with the extra `otel`

    return isinstance(trace.get_tracer_provider(), TracerProvider)


def set_up_providers() -> None:
    """Set the providers of spans and metrics as the environment states, unless the process has them already."""
    from opentelemetry.sdk.metrics import MeterProvider  # noqa: PLC0415 - only with the extra `otel`
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    with _configured:
        if not isinstance(trace.get_tracer_provider(), TracerProvider):
            provider = TracerProvider()
            for exporter in _exporters("traces"):
                provider.add_span_processor(BatchSpanProcessor(exporter))
            trace.set_tracer_provider(provider)
        if not isinstance(metrics.get_meter_provider(), MeterProvider):
            readers = [PeriodicExportingMetricReader(exporter) for exporter in _exporters("metrics")]
            metrics.set_meter_provider(MeterProvider(metric_readers=readers))


def _exporters(signal: str) -> Iterable[Any]:
    """Yield the exporters of `traces` or `metrics` that the environment names; an endpoint alone means `otlp`."""
    variables, kind = read_opentelemetry(), signal.upper()
    endpoints = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{kind}_ENDPOINT")
    default = "otlp" if any(name in variables for name in endpoints) else ""
    general = variables.get("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf")
    protocol = variables.get(f"OTEL_EXPORTER_OTLP_{kind}_PROTOCOL", general).partition("/")[0]
    for name in variables.get(f"OTEL_{kind}_EXPORTER", default).split(","):
        full_name = f"otlp_proto_{protocol}" if name.strip() == "otlp" else name.strip()
        for entry_point in entry_points(group=f"opentelemetry_{signal}_exporter", name=full_name):
            yield entry_point.load()()


class Tracing(Sink):
    """Sends the events of one run to OpenTelemetry."""

    def __init__(self) -> None:
        """Use the providers of the process."""
        self._tracer = trace.get_tracer(NAME)
        self._spans: list[tuple[trace.Span, Any]] = []
        meter = metrics.get_meter(NAME)
        self._requests = meter.create_counter(
            "ooo.requests", unit="{request}", description="Requests to Cal.com"
        )
        self._retries = meter.create_counter(
            "ooo.retries", unit="{request}", description="Requests that repeat a failed one"
        )
        self._throttled = meter.create_counter(
            "ooo.throttled", unit="{response}", description="HTTP 429 responses"
        )
        self._rows = meter.create_counter(
            "ooo.rows", unit="{row}", description="Changed rows of the warehouse"
        )
        meter.create_observable_gauge(
            "ooo.snapshot.age",
            [_observe_ages],
            unit="s",
            description="The age of the newest snapshot of each organization",
        )
        self._verdicts = meter.create_counter(
            "ooo.verdicts", unit="{scope}", description="Verdicts of scopes"
        )

    def stage_started(self, stage: str, counts: RunCounts) -> None:
        """Start a span inside the span of the caller."""
        span = self._tracer.start_span(stage, attributes=_identity(counts))
        self._spans.append((span, context.attach(trace.set_span_in_context(span))))

    def stage_ended(self, end: StageEnd, counts: RunCounts) -> None:
        """End the span with the counts, and count the rows of a load."""
        span, token = self._spans.pop()
        span.set_attributes({f"ooo.{name}": value for name, value in end.facts.items()})
        span.set_attributes({"ooo.pages": counts.pages, "ooo.rows": counts.rows})
        if end.error is not None:
            message = f"{type(end.error).__name__}: {redact(str(end.error))}"
            span.set_status(trace.Status(trace.StatusCode.ERROR, message))
        context.detach(token)
        span.end()
        if end.stage == "load" and end.error is None:
            organization = {"ooo.organization_id": counts.organization_id or 0}
            for change in ROWS:
                self._rows.add(end.facts.get(f"rows_{change}", 0), organization | {"ooo.change": change})

    def request_ended(self, request: SentRequest, counts: RunCounts) -> None:
        """Count the request."""
        attributes: dict[str, AttributeValue] = {
            "ooo.organization_id": counts.organization_id or 0,
            "url.template": request.path,
        }
        status = {"http.response.status_code": request.status or 0}
        self._requests.add(1, attributes | status)
        self._retries.add(int(request.is_retry), attributes)
        self._throttled.add(int(request.is_throttled), attributes)

    def scope_ended(self, result: ScopeResult, counts: RunCounts) -> None:
        """Count the verdict."""
        attributes = {"ooo.organization_id": counts.organization_id or 0, "ooo.verdict": result.verdict.value}
        self._verdicts.add(1, attributes | {"ooo.scope": result.scope.kind})

    def snapshots_published(self, snapshots: Mapping[int, datetime]) -> None:
        """Report the ages of the snapshots from now on, each time that metrics are exported."""
        _snapshots.update(
            {organization_id: at.replace(tzinfo=UTC).timestamp() for organization_id, at in snapshots.items()}
        )


_snapshots: dict[int, float] = {}
"""The Unix time of the newest snapshot of each organization of the warehouse that this process has published."""


def _observe_ages(_options: CallbackOptions) -> Iterable[Observation]:
    now = time.time()
    return [
        Observation(now - observed_at, {"ooo.organization_id": organization_id})
        for organization_id, observed_at in _snapshots.items()
    ]


def _identity(counts: RunCounts) -> dict[str, str | int]:
    return {"ooo.run_id": counts.run_id or "", "ooo.organization_id": counts.organization_id or 0}
