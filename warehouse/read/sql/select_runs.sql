-- Purpose: return the last runs of each organization, for the report page.
-- Grain: one run, newest first per organization.
-- Parameters: $most (rows per organization).
-- Second run: returns the same; the statement only reads.
SELECT
    organization_id, run_id, started_at, finished_at, strategy, outcome, requests, rows_in, rows_inserted,
    rows_updated, rows_deleted, rows_quarantined, scopes_complete, scopes_unproven, scopes_failed
FROM runs
QUALIFY row_number() OVER (PARTITION BY organization_id ORDER BY started_at DESC) <= $most
ORDER BY organization_id, started_at DESC;
