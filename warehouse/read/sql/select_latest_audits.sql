-- Purpose: what the audits found when they were last made, whether or not that was published.
-- Grain: one audit of the latest run that has any. Reads only.
SELECT audit, severity, promise, offending_rows
FROM ops.audits
WHERE run_id = (SELECT run_id FROM ops.audits ORDER BY checked_at DESC, run_id DESC LIMIT 1)
ORDER BY audit;
