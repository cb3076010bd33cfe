-- Purpose: count the records that the latest applied run has quarantined.
-- Grain: one kind of record and reason code.
-- Second run: returns the same; the statement only reads.
SELECT record_kind, problem, count(*) AS records
FROM ops.quarantine
WHERE run_id = (SELECT run_id FROM ops.runs WHERE outcome <> 'failed' ORDER BY started_at DESC LIMIT 1)
GROUP BY record_kind, problem
ORDER BY records DESC, problem;
