-- Purpose: the run's own row, with what it read and changed.
-- Grain: one run. Parameters: every column. A second run of the same id is refused earlier.
INSERT INTO ops.runs BY NAME
SELECT
    $run_id AS run_id, $organization_id AS organization_id, $started_at::TIMESTAMP AS started_at,
    $finished_at::TIMESTAMP AS finished_at, $strategy AS strategy, $outcome AS outcome,
    $requests AS requests, $retries AS retries, $waited_seconds AS waited_seconds,
    $rows_in AS rows_in, $rows_inserted AS rows_inserted, $rows_updated AS rows_updated,
    $rows_unchanged AS rows_unchanged, $rows_quarantined AS rows_quarantined,
    $rows_deleted AS rows_deleted, $scopes_complete AS scopes_complete,
    $scopes_unproven AS scopes_unproven, $scopes_failed AS scopes_failed, $error AS error;
