-- Purpose: how many organizations have no snapshot that is recent, seen from the run.
-- Grain: one row; an offender is an organization. Parameters: $run_id, $checked_at, $fresh_for. Reads only.
SELECT count(*) FROM ops.latest_snapshots
WHERE observed_at < coalesce((SELECT max(started_at) FROM ops.runs WHERE run_id = $run_id), $checked_at::TIMESTAMP)
    - $fresh_for::INTERVAL;
