"""Measure seconds and peak memory of each stage of a load and its publication, over a million entries.

python benchmarks/apply_million.py --entries 1000000

The script sends no request. It invents entries, stages them like the segments of a landing, and applies them
three times: to an empty warehouse, unchanged, and with 1 % changed.
"""

import argparse
import contextlib
import resource
import tempfile
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl

from flows.run.context import choose_memory_limit
from flows.run.load import StagedRows, load_snapshot
from flows.run.publication import EXPECTED, published_tables
from flows.settings.calendars import read_policy
from transforms.runs import RunRecord
from transforms.staged import STAGED_ENTRIES, STAGED_PEOPLE, STAGED_REJECTS
from warehouse.connection import open_warehouse
from warehouse.load.audit import audit_marts
from warehouse.load.days import create_mart_views
from warehouse.load.guards import Guards
from warehouse.load.migrate import migrate
from warehouse.load.snapshot import ScopeRow, Snapshot
from warehouse.publish.measures import find_measures
from warehouse.publish.publication import publish

ORGANIZATION_ID = 1
ENTRIES_PER_PERSON = 28
ROWS_PER_SEGMENT = 10_000
FIRST_NIGHT = datetime(2026, 1, 1, 5)  # noqa: DTZ001 - the warehouse stores UTC without a zone
REASONS = ("vacation", "vacation", "vacation", "sick", "travel", "custom", "unspecified", "public_holiday")


def main() -> None:
    """Print one line per stage, for each of the three nights."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument(
        "--data-dir", type=Path, help="folder for the warehouse; by default a temporary folder"
    )
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        data_dir = chosen.data_dir or Path(folder)
        data_dir.mkdir(parents=True, exist_ok=True)
        print(f"{chosen.entries:,} entries, {count_people(chosen.entries):,} people")
        for number, (name, changed_share) in enumerate(
            (("first night", 0.0), ("nothing changed", 0.0), ("1 % changed", 0.01)), start=1
        ):
            run_night(data_dir, number, name, entries=chosen.entries, changed_share=changed_share)


def run_night(data_dir: Path, number: int, name: str, *, entries: int, changed_share: float) -> None:
    """Load the entries of one night into the warehouse in `data_dir`, and publish them."""
    print(f"\n{name}")
    run_id, observed_at = f"night-{number}", FIRST_NIGHT + timedelta(days=number)
    snapshot = Snapshot(
        run_id, ORGANIZATION_ID, observed_at, scopes=(complete_scope("users"), complete_scope("organization"))
    )
    limit = choose_memory_limit(entries)
    with open_warehouse(data_dir / "warehouse.duckdb", memory_limit=limit) as connection:
        migrate(connection)
        create_mart_views(connection)
        with timed("load"):
            changes = load_snapshot(
                connection,
                staged_rows(entries, changed_share),
                snapshot,
                run_record(snapshot),
                policy=read_policy(None),
                guards=Guards(),
            )
        with timed("checkpoint"):
            connection.execute("CHECKPOINT").fetchall()
    tables = published_tables(publishes_notes=False)
    with open_warehouse(data_dir / "warehouse.duckdb", memory_limit=limit) as connection:
        with timed("audits"):
            audit_marts(connection, tables, run_id=run_id, checked_at=observed_at, expected=EXPECTED)
        with timed("publication"):
            publication = publish(
                connection, data_dir, tables, find_measures(), run_id=run_id, published_at=observed_at
            )
    assert publication.rows["fct_ooo_entries"] == entries
    print(f"  {publication.rows['fct_absence_days']:,} person-days; {changes}")


def staged_rows(entries: int, changed_share: float) -> Iterator[StagedRows]:
    """Yield the people and entries of one night, in frames of the size of a landing segment."""
    people = pl.select(user_id=pl.int_range(1, count_people(entries) + 1, dtype=pl.Int64)).with_columns(
        page=pl.lit(1, pl.Int32),
        organization_id=pl.lit(ORGANIZATION_ID, pl.Int64),
        email=pl.format("person-{}@example.com", "user_id"),
        name=pl.format("Person {}", "user_id"),
        username=pl.lit(None, pl.String),
        time_zone=pl.lit("Europe/Berlin"),
        locale=pl.lit(None, pl.String),
        created_at=pl.lit(FIRST_NIGHT, pl.Datetime("us")),
    )
    rejects = pl.DataFrame(schema=STAGED_REJECTS.polars_schema)
    yield StagedRows(STAGED_PEOPLE, people.select(STAGED_PEOPLE.polars_schema.names()), rejects)
    changed_every = round(1 / changed_share) if changed_share else 0
    for first in range(1, entries + 1, ROWS_PER_SEGMENT):
        ids = range(first, min(first + ROWS_PER_SEGMENT, entries + 1))
        yield StagedRows(STAGED_ENTRIES, invent_entries(ids, count_people(entries), changed_every), rejects)


def invent_entries(ids: range, people: int, changed_every: int) -> pl.DataFrame:
    """Return entries of one to nine days over three years; every `changed_every`th starts one day later."""
    entry_id = pl.col("entry_id")
    moved = (entry_id % changed_every == 0).cast(pl.Int64) if changed_every else pl.lit(0, pl.Int64)
    start = pl.lit(date(2024, 1, 1)) + pl.duration(days=entry_id * 7919 % 1096 + moved)
    span = entry_id % 9
    rows = pl.select(entry_id=pl.int_range(ids.start, ids.stop, dtype=pl.Int64)).with_columns(
        page=((entry_id - 1) // 250).cast(pl.Int32),
        organization_id=pl.lit(ORGANIZATION_ID, pl.Int64),
        entry_uuid=pl.format("00000000-0000-4000-8000-{}", entry_id.cast(pl.String).str.zfill(12)),
        user_id=entry_id % people + 1,
        covering_user_id=pl.when(entry_id % 3 == 0).then((entry_id + 1) % people + 1),
        starts_on=start,
        ends_on=start + pl.duration(days=span),
        calendar_days=(span + 1).cast(pl.Int32),
        reason=pl.lit(pl.Series(REASONS)).gather(entry_id % len(REASONS)),
        has_notes=pl.lit(value=False),
        is_day_aligned=pl.lit(value=True),
        date_rule=pl.lit("day_aligned"),
        notes=pl.lit(None, pl.String),
    )
    return rows.with_columns(
        materialized_days="calendar_days",
        reason_raw=pl.when(pl.col("reason") != "custom").then("reason"),
        starts_at_raw=pl.col("starts_on").cast(pl.Datetime("us")),
        ends_at_raw=pl.col("ends_on").cast(pl.Datetime("us")) + pl.duration(days=1, milliseconds=-1),
    ).select(STAGED_ENTRIES.polars_schema.names())


def count_people(entries: int) -> int:
    """Return the number of people who have that number of entries."""
    return max(entries // ENTRIES_PER_PERSON, 1)


def complete_scope(kind: str) -> ScopeRow:
    """Return the row of a scope with the verdict `complete`."""
    return ScopeRow(kind, None, "complete", 1, 1, 0, proven_spans=((0, 2**63 - 1),), problem=None)


def run_record(snapshot: Snapshot) -> RunRecord:
    """Return the record of the run; the load fills in its counts."""
    return RunRecord(
        run_id=snapshot.run_id,
        organization_id=snapshot.organization_id,
        started_at=snapshot.observed_at,
        finished_at=snapshot.observed_at,
        strategy="org-wide",
        outcome="complete",
    )


@contextlib.contextmanager
def timed(stage_name: str) -> Iterator[None]:
    """Print the wall and CPU seconds of the block, and the peak memory of the process until now."""
    wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF)
    yield
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"  {stage_name:<12} {time.perf_counter() - wall:7.2f} s wall {cpu:7.2f} s CPU"
        f"   peak {after.ru_maxrss / 1024:5.0f} MB",
        flush=True,
    )


if __name__ == "__main__":
    main()
