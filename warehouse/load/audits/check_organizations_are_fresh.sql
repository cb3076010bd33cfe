-- Audit: warning. Promise: every organization has a snapshot of the last 36 hours.
-- Purpose: count the organizations whose latest snapshot is older than $fresh_for, measured from the start of the run;
-- from $checked_at if the run has no row.
-- Grain: one row; an offender is an organization.
-- Parameters: $run_id, $checked_at, $fresh_for.
-- Second run: returns the same; the statement only reads.
SELECT count(*) FROM ops.latest_snapshots
WHERE observed_at < coalesce((SELECT max(started_at) FROM ops.runs WHERE run_id = $run_id), $checked_at::TIMESTAMP)
    - $fresh_for::INTERVAL;
