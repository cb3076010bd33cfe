-- Purpose: the run whose snapshot is the latest that was applied.
-- Grain: one run, if there is any. Reads only.
SELECT run_id FROM ops.runs WHERE outcome <> 'failed' ORDER BY started_at DESC LIMIT 1;
