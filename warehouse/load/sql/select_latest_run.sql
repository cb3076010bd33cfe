-- Purpose: return the run whose snapshot was applied last.
-- Grain: one run; no row before the first.
-- Second run: returns the same; the statement only reads.
SELECT run_id FROM ops.runs WHERE outcome <> 'failed' ORDER BY started_at DESC LIMIT 1;
