"""Logs and telemetry of a run: JSON lines, lines of requests, and OpenTelemetry with an exporter in memory."""

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from calcom.simulator import OWNER_KEY, Fault, Simulator, World, serve
from flows.run.event_log import listen
from flows.run.progress import SilentListener
from tests.support.program import run_ooo

pytestmark = pytest.mark.slow

RUN = {
    "run_id",
    "organization_id",
    "pages",
    "rows",
    "verdicts",
    "waited_seconds",
    "budget_remaining",
    "budget_limit",
}
"""The fields of every line about a run."""

_REQUEST = re.compile(r" GET (\S+) (\d+|no response) \d+ ms \(request id ([^)]+)\)$", flags=re.MULTILINE)
"""A line about a request: the path, the status and the request id."""

_IN_MEMORY = """
import json, sys
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from calcom.strategy import Strategy
from flows.run.event_log import listen
from flows.run.progress import SilentListener
from flows.run.stages import sync
from flows.settings import load_settings

spans, reader, provider = InMemorySpanExporter(), InMemoryMetricReader(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)
metrics.set_meter_provider(MeterProvider(metric_readers=[reader]))
for _ in range(2):
    sync(load_settings(), strategy=Strategy.PER_USER, listener=listen(SilentListener(), print, is_json=False))
names = {span.context.span_id: span.name for span in spans.get_finished_spans()}
points = [
    [metric.name, dict(point.attributes), point.value]
    for resource in reader.get_metrics_data().resource_metrics
    for scope in resource.scope_metrics
    for metric in scope.metrics
    for point in metric.data.data_points
]
finished = [
    [span.name, names.get(span.parent.span_id) if span.parent else None, dict(span.attributes)]
    for span in spans.get_finished_spans()
]
print(json.dumps({"spans": finished, "points": points}))
"""


@pytest.fixture(scope="module")
def world() -> World:
    return World.generate(people=60)


@pytest.fixture
def settings(world: World, request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Serve the world with one failure, and return the settings to read it. Only one test needs the rate limit."""
    faults = [Fault("502_html", path="/organizations/1/users", times=1)]
    simulator = Simulator(world, faults=faults)
    if "json_lines" not in request.node.name:
        simulator = Simulator(world, faults=faults, limits=None)
    with serve(simulator) as server:
        yield {
            "CALCOM_API_URL": server.url,
            "CALCOM_API_KEY": OWNER_KEY,
            "OOO_PAGE_SIZE": "20",
            "OOO_TEAMS": "false",
        }


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_json_lines_have_the_stages_and_counts_of_the_run(
    settings: dict[str, str], world: World, tmp_path: Path
) -> None:
    # --quiet hides the progress for people alone
    done = run_ooo("sync", "--quiet", "--log-format", "json", "--json", cwd=tmp_path, **settings)
    assert done.returncode == 0, done.stderr
    summary, lines = json.loads(done.stdout), lines_of(done.stderr)
    assert {line["event"] for line in lines} == {"stage_started", "stage_ended", "pages_read"}
    assert all(line.keys() > RUN for line in lines)
    assert {(line["run_id"], line["organization_id"]) for line in lines} == {(summary["run_id"], 1)}
    ended = {line["stage"]: line for line in lines if line["event"] == "stage_ended"}
    assert list(ended) == ["read people", "read entries", "settle", "load", "publish", "run"]
    assert ended["run"]["requests"] == summary["requests"]
    assert ended["run"]["retries"] == summary["retries"] == 1
    assert ended["run"]["verdicts"] == {"complete": summary["scopes"]["complete"]}
    assert ended["load"]["rows_inserted"] == len(world.entries())
    assert ended["publish"]["generation"] == summary["generation"]
    assert ended["run"]["pages"] >= 50
    assert ended["read entries"]["budget_limit"] > ended["read entries"]["budget_remaining"]
    assert all(line["seconds"] >= 0 and line["error"] is None for line in ended.values())


def test_verbose_shows_each_request_without_ids_and_secrets(
    settings: dict[str, str], world: World, tmp_path: Path
) -> None:
    done = run_ooo("sync", "-v", "--strategy", "per-user", cwd=tmp_path, **settings)
    assert done.returncode == 0, done.stderr
    requests = _REQUEST.findall(done.stderr)
    read = re.search(r"in ([\d,]+) requests", done.stdout)
    assert read is not None
    assert len(requests) == int(read[1].replace(",", ""))
    assert {path for path, _, _ in requests} == {
        "/v2/me",
        "/v2/organizations/{id}/users",
        "/v2/organizations/{id}/users/{id}/ooo",
    }
    assert {status for _, status, _ in requests} == {"200", "502"}
    in_json = run_ooo("sync", "-v", "--log-format", "json", cwd=tmp_path, **settings)
    assert {line["event"] for line in lines_of(in_json.stderr)} >= {"request", "stage_ended"}
    for text in (done.stderr, in_json.stderr):
        assert "?" not in text
        for secret in (OWNER_KEY, *(user["email"] for user in world.users())):
            assert secret not in text


@pytest.mark.parametrize("command", ["plan", "doctor"])
def test_plan_and_doctor_show_each_request_too(
    command: str, settings: dict[str, str], world: World, tmp_path: Path
) -> None:
    shown = run_ooo(command, "--verbose", cwd=tmp_path, **settings)
    silent = run_ooo(command, cwd=tmp_path, **settings)
    assert (shown.returncode, silent.returncode) == (0, 0), shown.stderr + silent.stderr
    requests = _REQUEST.findall(shown.stderr)
    expected = {"/v2/me": 1, "/v2/organizations/{id}/users": 2}
    if command == "doctor":  # it requests /v2/me once more without a credential
        expected = {"/v2/me": 2, "/v2/organizations/{id}/users": 2, "/v2/organizations/{id}/ooo": 1}
    assert Counter(path for path, _, _ in requests) == expected
    assert {status for _, status, _ in requests} == (
        {"200", "401", "502"} if command == "doctor" else {"200", "502"}
    )
    assert all(request_id for _, _, request_id in requests)
    assert not _REQUEST.search(silent.stderr)
    for secret in (OWNER_KEY, *(user["email"] for user in world.users())):
        assert secret not in shown.stdout + shown.stderr


def test_a_fleet_shows_the_requests_that_identify_its_organizations(
    settings: dict[str, str], tmp_path: Path
) -> None:
    table = f'[organizations.acme]\napi_url = "{settings["CALCOM_API_URL"]}"\napi_key = "env:ACME_KEY"\n'
    (tmp_path / "orgs.toml").write_text(table)
    done = run_ooo("fleet", "sync", "orgs.toml", "-v", cwd=tmp_path, ACME_KEY=OWNER_KEY)
    assert done.returncode == 0, done.stderr
    paths = [path for path, _, _ in _REQUEST.findall(done.stderr)]
    assert paths[0] == "/v2/me"
    assert set(paths[1:]) >= {"/v2/organizations/{id}/users", "/v2/organizations/{id}/ooo"}


def test_an_error_is_a_json_line_too(settings: dict[str, str], tmp_path: Path) -> None:
    done = run_ooo("sync", "--log-format=json", cwd=tmp_path, **settings | {"CALCOM_API_KEY": "cal_wrong"})
    assert done.returncode == 11
    *_, last = lines_of(done.stderr)
    assert (last["event"], last["exit_code"]) == ("error", 11)
    assert "401" in last["error"]


def test_open_telemetry_gets_a_span_per_stage_and_batch_and_the_counts(
    settings: dict[str, str], world: World, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _IN_MEMORY],
        cwd=tmp_path,
        env=settings | {"PATH": "/usr/bin"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    telemetry = json.loads(done.stdout.splitlines()[-1])
    first = telemetry["spans"][: len(telemetry["spans"]) // 2]
    assert [(name, parent) for name, parent, _ in first] == [
        ("read people", "run"),
        ("read entries", "run"),
        ("settle", "run"),
        ("load", "run"),
        ("publish", "run"),
        ("run", None),
    ]
    assert all(
        attributes["ooo.organization_id"] == 1 and attributes["ooo.run_id"] for _, _, attributes in first
    )

    def total(name: str, **attributes: Any) -> float:
        return sum(
            value
            for point, own, value in telemetry["points"]
            if point == name
            and attributes.items() <= {key.partition(".")[2]: own[key] for key in own}.items()
        )

    assert total("ooo.rows", change="inserted") == len(world.entries())
    assert total("ooo.rows", change="deleted") == 0
    assert total("ooo.verdicts", verdict="complete") == 2 * (len(world.users()) + 1)
    assert total("ooo.retries") == 1
    assert total("ooo.requests") > 2 * len(world.users())
    (age,) = (value for name, _, value in telemetry["points"] if name == "ooo.snapshot.age")
    assert age >= 0


def test_a_run_without_telemetry_keeps_its_own_listener() -> None:
    listener = SilentListener()
    assert listen(listener, print, is_json=False) is listener
