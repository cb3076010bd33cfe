-- Purpose: the last runs, newest first.
-- Grain: one run, five at most. Reads only, the published tables.
SELECT
    run_id, finished_at, strategy, outcome, rows_in, rows_inserted, rows_updated, rows_deleted,
    rows_quarantined, scopes_unproven + scopes_failed AS scopes_not_complete
FROM runs
ORDER BY started_at DESC
LIMIT 5;
