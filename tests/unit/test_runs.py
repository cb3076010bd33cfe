"""The record of a run declares each column of the table `runs` once, and is the same after a round trip."""

from dataclasses import fields
from datetime import datetime
from typing import Any

import polars as pl

from transforms.runs import RUNS, RunRecord

RECORD = RunRecord(
    run_id="20260301T060000Z-aaaaaa",
    organization_id=1,
    started_at=datetime(2026, 3, 1, 6),  # noqa: DTZ001 - UTC without a zone
    finished_at=datetime(2026, 3, 1, 6, 7),  # noqa: DTZ001 - as above
    strategy="org-wide",
    outcome="partial",
    requests=12,
    waited_seconds=1.5,
    scopes_failed=1,
    error="user 7: failed",
)


def test_the_table_of_runs_has_each_field_of_the_record_once_and_in_order() -> None:
    names = [column.name for column in RUNS.columns]
    assert names == [field.name for field in fields(RunRecord)]
    assert len(names) == len(set(names))
    assert all(column.meaning.endswith(".") for column in RUNS.columns)


def test_a_run_may_lack_an_error_and_one_of_its_names_and_only_the_error_can_name_a_person() -> None:
    nullable = [column.name for column in RUNS.columns if column.is_nullable]
    assert nullable == ["organization_id", "error", "fleet_name"]
    assert [column.name for column in RUNS.columns if column.personal] == ["error"]


def test_a_record_is_the_same_after_it_was_a_row_of_a_frame() -> None:
    frame = RUNS.check(pl.DataFrame([RECORD.as_row()], schema=RUNS.polars_schema))
    (row,) = frame.to_dicts()
    assert RunRecord.from_row(row) == RECORD


def test_the_counts_of_a_new_record_are_zero_and_it_has_no_error() -> None:
    own = ("run_id", "organization_id", "started_at", "finished_at", "strategy", "outcome")
    new = RunRecord(*(getattr(RECORD, name) for name in own))
    others: dict[str, Any] = {name: value for name, value in new.as_row().items() if name not in own}
    assert (others.pop("error"), others.pop("fleet_name")) == (None, None)
    assert set(others.values()) == {0}
