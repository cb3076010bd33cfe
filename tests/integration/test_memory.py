"""The memory of a sync is bounded under every response, and that of a load is bounded by steps."""

import os
import random
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import date, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from calcom.connection import MAX_RESPONSE_MB
from flows.run import load as loading
from flows.run.load import StagedRows, load_snapshot
from tests.support.naive import Absence
from tests.support.team_rows import scope_row
from tests.support.warehouse import LAX, as_policy, new_warehouse, night, read_all, staged_rows
from transforms.runs import RunRecord
from warehouse.load.snapshot import Snapshot

READING = read_all(
    tuple(
        Absence(
            entry_id,
            chosen.choice([1, 1, 1, 2]),
            first := date(2026, 1, 1) + timedelta(days=chosen.randrange(60)),
            first + timedelta(days=chosen.randrange(9)),
            reason=chosen.choice(["sick", "vacation"]),
            cover=chosen.choice([None, 2, 3]),
        )
        for chosen in [random.Random(3)]
        for entry_id in range(1, 300)
    ),
    at=night(40),
)


def derive(days_at_once: int, monkeypatch: pytest.MonkeyPatch) -> tuple[list[int], list[list[Any]]]:
    """Return the number of days in each step of a load, and the rows of the tables of days."""
    steps: list[int] = []

    def explode(*arguments: Any) -> pl.DataFrame:
        days = original(*arguments)
        steps.append(days.height)
        return days

    original = loading.explode_entry_days
    facts = {"run_id": READING.run_id, "organization_id": READING.organization_id}
    snapshot = Snapshot(
        **facts,
        observed_at=READING.at,
        scopes=[scope_row(kind, verdict) for (kind, _), verdict in READING.verdicts.items()],
    )
    record = RunRecord(
        **facts, started_at=READING.at, finished_at=READING.at, strategy="org-wide", outcome="complete"
    )
    rows: list[StagedRows] = staged_rows(READING)
    with monkeypatch.context() as patch, new_warehouse() as connection:
        patch.setattr(loading, "explode_entry_days", explode)
        load_snapshot(
            connection,
            rows,
            snapshot,
            record,
            policy=as_policy(READING.policy),
            guards=LAX,
            days_at_once=days_at_once,
            clock=lambda: READING.at,
        )
        tables = ("fct_entry_days", "person_days")
        return steps, [connection.execute(f"FROM marts.{table} ORDER BY ALL").fetchall() for table in tables]


@pytest.mark.parametrize("days_at_once", [1, 50, 400])
def test_the_days_of_one_person_are_derived_in_steps_and_equal_those_of_one_step(
    days_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole_steps, whole = derive(10**6, monkeypatch)
    steps, days = derive(days_at_once, monkeypatch)
    assert days == whole
    assert len(whole_steps) < len(steps)
    busiest_date = 40  # entries of one person on one date, which no step divides
    assert max(steps) <= days_at_once + busiest_date


EMOJI = "\U0001f600"
SIZE = MAX_RESPONSE_MB * 1_000_000 - 100
LARGEST = {
    "one_text": lambda: f'"{EMOJI}{"a" * SIZE}"',
    "one_escaped_text": lambda: f'"\\ud83d\\ude00{"a" * SIZE}"',
    "many_texts": lambda: "[" + ",".join([f'"{EMOJI}{"a" * 280}"'] * (SIZE // 300)) + "]",
    "many_numbers": lambda: f"[{'1,' * 499_000}1]",
    "nested_lists": lambda: "[" * (SIZE // 2) + "]" * (SIZE // 2),
    "one_number": lambda: f"[{'9' * SIZE}]",
}
"""The largest values of `data` that are parsed, without the characters that the bound cuts."""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak of a process is read from /proc")
@pytest.mark.parametrize("value", LARGEST.values(), ids=LARGEST)
def test_a_sync_needs_less_than_500_mb_under_the_largest_response(
    value: Callable[[], str], tmp_path: Path
) -> None:
    body = f'{{"status":"success","data":{value()}}}'.encode()
    assert len(body) <= MAX_RESPONSE_MB * 1_000_000

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    program = (
        "import atexit, sys\n"
        "atexit.register(lambda: print(open('/proc/self/status').read(), file=sys.stderr))\n"
        "from flows.cli.main import main\n"
        "main(['sync', '--quiet'])"
    )
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(Path(__file__).parents[2]),
                "CALCOM_API_URL": f"http://127.0.0.1:{server.server_port}",
                "CALCOM_API_KEY": "cal_invented",
                "CALCOM_ORG_ID": "1",
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        server.shutdown()
    assert done.returncode == 13, done.stderr
    peak = re.search(r"VmHWM:\s+(\d+) kB", done.stderr)
    assert peak, done.stderr
    assert int(peak[1]) < 500_000
