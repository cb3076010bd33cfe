-- Purpose: return the last five runs.
-- Grain: one run, newest first.
-- Second run: returns the same; the statement only reads published tables.
SELECT
    run_id, finished_at, strategy, outcome, rows_in, rows_inserted, rows_updated, rows_deleted,
    rows_quarantined, scopes_unproven + scopes_failed AS scopes_not_complete
FROM runs
ORDER BY started_at DESC
LIMIT 5;
