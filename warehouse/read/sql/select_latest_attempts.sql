-- Purpose: return the latest run of each organization, and every run that failed before its organization was known.
-- An older publication has fewer columns.
-- Grain: one run, oldest first.
-- Second run: returns the same; the statement only reads.
FROM runs
QUALIFY organization_id IS NULL OR started_at = max(started_at) OVER (PARTITION BY organization_id)
ORDER BY started_at, run_id;
