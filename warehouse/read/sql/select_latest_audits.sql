-- Purpose: return the results of the latest audits, including those that stopped a publication.
-- Grain: one audit of the latest run with audits.
-- Second run: returns the same; the statement only reads.
SELECT audit, severity, promise, offending_rows
FROM ops.audits
WHERE run_id = (SELECT run_id FROM ops.audits ORDER BY checked_at DESC, run_id DESC LIMIT 1)
ORDER BY audit;
