"""The memory of a load is bounded by steps: the days of a person with many entries are derived in ranges of dates."""

import random
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

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
