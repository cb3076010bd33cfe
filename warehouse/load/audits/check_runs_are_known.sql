-- Audit: error. Promise: every run has a declared strategy and outcome, and does not end before it starts.
-- Purpose: count the runs whose strategy or outcome is not a declared one, that end before they start, or that have a
-- negative count of scopes.
-- Grain: one row; an offender is a run.
-- Second run: returns the same; the statement only reads.
SELECT count(*) FROM ops.runs
WHERE outcome NOT IN ('complete', 'partial', 'failed')
   OR strategy NOT IN ('auto', 'per-user', 'org-wide', 'both')
   OR finished_at < started_at
   OR least(scopes_complete, scopes_unproven, scopes_failed) < 0;
