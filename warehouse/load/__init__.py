"""Load: migrations, snapshots, history, days, audits and erasure in `warehouse.duckdb`."""
