"""Write the large tables of a first run in pure SQL from a landing: the least that its load and publication cost.

python benchmarks/lower_bound.py data/landing/<run_id>

There are no checks, audits, measures, comments or pages. It prints the CPU seconds and the wall seconds.
"""

import sys
import tempfile
import time
from pathlib import Path

import duckdb

STATEMENTS = """
CREATE TABLE entries AS
SELECT
    1::BIGINT AS organization_id, id AS entry_id, uuid, user_id, to_user_id, "start"[:10]::DATE AS starts_on,
    "end"[:10]::DATE AS ends_on, coalesce(reason, 'custom') AS reason, has_notes, "start"::TIMESTAMP AS starts_at_raw,
    "end"::TIMESTAMP AS ends_at_raw, now()::TIMESTAMP AS first_seen_at, now()::TIMESTAMP AS last_seen_at
FROM read_parquet('{landing}/entries-*.parquet') WHERE problem IS NULL;
CREATE TABLE history AS SELECT *, now()::TIMESTAMP AS valid_from, NULL::TIMESTAMP AS valid_to FROM entries;
CREATE TABLE entry_days AS
SELECT organization_id, entry_id, unnest(generate_series(starts_on, ends_on, INTERVAL 1 DAY))::DATE AS date_on,
    user_id, reason
FROM entries WHERE ends_on - starts_on < 3653;
CREATE TABLE absence_days AS
SELECT organization_id, user_id, date_on, min(reason) AS reason, count(*) AS entries
FROM entry_days GROUP BY ALL;
CHECKPOINT;
ATTACH '{folder}/ooo.duckdb' AS ooo (STORAGE_VERSION 'v1.0.0');
"""
KEYS = {
    "entries": "organization_id, entry_id",
    "history": "organization_id, entry_id, valid_from",
    "entry_days": "organization_id, entry_id, date_on",
    "absence_days": "organization_id, user_id, date_on",
}


def main(landing: Path) -> None:
    """Write the tables of the landing to a temporary folder, and print the time."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect(f"{folder}/warehouse.duckdb") as connection:
        cpu, wall = time.process_time(), time.perf_counter()
        connection.execute(STATEMENTS.format(landing=landing, folder=folder)).fetchall()
        for name, key in KEYS.items():
            connection.execute(f"CREATE TABLE ooo.{name} AS FROM {name} ORDER BY {key}").fetchall()
            target = f"{folder}/{name}.parquet"
            connection.execute(f"COPY ooo.{name} TO '{target}' (COMPRESSION zstd)").fetchall()
        connection.execute("CHECKPOINT ooo").fetchall()
        print(f"{time.process_time() - cpu:.2f} s CPU, {time.perf_counter() - wall:.2f} s wall")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
