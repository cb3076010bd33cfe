-- Audit: warning. Promise: every organization has a snapshot of the last 36 hours, and its latest attempt did not fail.
-- Purpose: count the organizations that are stale, or whose latest snapshot is older than $fresh_for, measured from the
-- start of the run; from $checked_at if the run has no row.
-- Grain: one row; an offender is an organization.
-- Parameters: $run_id, $checked_at, $fresh_for.
-- Second run: returns the same; the statement only reads.
SELECT count(*) FROM marts.attempted_organizations
WHERE is_stale
   OR observed_at < coalesce((SELECT max(started_at) FROM ops.runs WHERE run_id = $run_id), $checked_at::TIMESTAMP)
    - $fresh_for::INTERVAL;
