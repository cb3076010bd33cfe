-- Purpose: how many runs have a strategy or an outcome that is not declared, or end before they start.
-- Grain: one row; an offender is a run. Parameters: none. Reads only.
SELECT count(*) FROM ops.runs
WHERE outcome NOT IN ('complete', 'partial', 'failed')
   OR strategy NOT IN ('auto', 'per-user', 'org-wide', 'both')
   OR scopes_complete < 0 OR scopes_unproven < 0 OR scopes_failed < 0;
