-- Purpose: the row of a run whose snapshot is part of the warehouse already.
-- Grain: one run, if it is. Parameters: $run_id. Reads only.
SELECT
    run_id, organization_id, started_at, finished_at, strategy, outcome, requests, retries, waited_seconds,
    rows_in, rows_inserted, rows_updated, rows_unchanged, rows_quarantined, rows_deleted,
    scopes_complete, scopes_unproven, scopes_failed, error
FROM ops.runs
WHERE run_id = $run_id AND outcome <> 'failed';
