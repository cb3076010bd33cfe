"""Measure the core paths in one minute: decode a page, derive days, apply a snapshot, publish.

make bench-core                                                          the figures of this checkout
make bench-core BENCH="--benchmark-autosave"                             store them under .benchmarks/
make bench-core BENCH="--benchmark-compare --benchmark-compare-fail=min:20%"    fail if a path became slower

The data are invented and always the same. Compare figures of one machine only.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from benchmarks.apply_million import (
    FIRST_NIGHT,
    ORGANIZATION_ID,
    complete_scope,
    count_people,
    invent_entries,
    run_record,
    staged_rows,
)
from calcom.records import ENTRY_PARSER, Records
from calcom.simulator import World
from calcom.simulator.records import encode_json
from flows.run.load import load_snapshot
from flows.run.publication import published_measures, published_tables
from flows.settings.calendars import read_policy
from landing.segments import SEGMENT_KINDS, Rows
from transforms.days import explode_entry_days, resolve_person_days
from warehouse.connection import open_warehouse
from warehouse.load.days import create_mart_views
from warehouse.load.guards import Guards
from warehouse.load.migrate import migrate
from warehouse.load.snapshot import Changes, Snapshot
from warehouse.publish.publication import publish

TAKE, PAGES_PER_SEGMENT, ENTRIES = 250, 40, 20_000
Benchmark = Callable[..., Any]


@pytest.fixture(scope="module")
def page() -> bytes:
    """Return the body of one page of entries."""
    records = World.generate(people=100, years=3, organization_id=ORGANIZATION_ID).entries()[:TAKE]
    assert len(records) == TAKE
    return encode_json({"status": "success", "data": records})


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a warehouse file with one loaded night."""
    with open_warehouse(tmp_path / "warehouse.duckdb") as connection:
        migrate(connection)
        create_mart_views(connection)
        apply_night(connection, 1)
        yield connection


def apply_night(connection: duckdb.DuckDBPyConnection, number: int, *, changed_share: float = 0.0) -> Changes:
    """Load the invented entries of one night."""
    scopes = (complete_scope("users"), complete_scope("organization"))
    observed_at = FIRST_NIGHT + timedelta(days=number)
    snapshot = Snapshot(f"night-{number}", ORGANIZATION_ID, observed_at, scopes=scopes)
    return load_snapshot(
        connection,
        staged_rows(ENTRIES, changed_share),
        snapshot,
        run_record(snapshot),
        policy=read_policy(None),
        guards=Guards(),
    )


def test_decode_a_page(benchmark: Benchmark, page: bytes) -> None:
    """Validate one page of 250 entries."""
    records: Records = benchmark(ENTRY_PARSER.parse, page, None, path="/ooo", max_records=TAKE)
    assert len(records.accepted) == TAKE


def test_write_a_segment_as_columns(benchmark: Benchmark, page: bytes) -> None:
    """Convert 40 pages, one landing segment, to Arrow columns."""
    records = ENTRY_PARSER.parse(page, None, path="/ooo")

    def write() -> int:
        rows = Rows(SEGMENT_KINDS["entries"])
        for number in range(PAGES_PER_SEGMENT):
            rows.add(number, records, user_id=None, team_id=None)
        return int(rows.as_table().num_rows)

    assert benchmark(write) == TAKE * PAGES_PER_SEGMENT


def test_derive_the_days(benchmark: Benchmark) -> None:
    """Derive the days of 20,000 entries, per entry and per person."""
    policy = read_policy(None)
    entries = invent_entries(range(1, ENTRIES + 1), count_people(ENTRIES), 0).with_columns(
        calendar=pl.lit(policy.default)
    )

    def derive() -> int:
        entry_days = explode_entry_days(entries, policy.working_days)
        return resolve_person_days(entry_days, entries, policy.working_days).height

    assert benchmark(derive) > ENTRIES


@pytest.mark.parametrize("changed_share", [0.0, 0.01], ids=["nothing_changed", "1_percent_changed"])
def test_apply_a_snapshot(
    benchmark: Benchmark, warehouse: duckdb.DuckDBPyConnection, changed_share: float
) -> None:
    """Load 20,000 entries into a warehouse that has them already."""
    numbers = count(2)

    def apply() -> Changes:
        number = next(numbers)  # every other night changes the entries back
        return apply_night(warehouse, number, changed_share=changed_share * (number % 2 == 0))

    assert benchmark(apply).rows_in == ENTRIES


def test_publish_a_first_generation(
    benchmark: Benchmark, warehouse: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """Publish 20,000 entries without an earlier publication."""
    numbers = count(1)

    def publish_anew() -> int:
        number = next(numbers)
        publication = publish(
            warehouse,
            tmp_path / str(number),
            published_tables(publishes_notes=False),
            published_measures(publishes_bradford=False),
            run_id=f"night-{number}",
            published_at=FIRST_NIGHT,
        )
        return publication.rows["fct_ooo_entries"]

    assert benchmark(publish_anew) == ENTRIES
