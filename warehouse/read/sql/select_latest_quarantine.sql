-- Purpose: count the records that the latest applied run of each organization has quarantined.
-- Grain: one organization, kind of record and reason code.
-- Second run: returns the same; the statement only reads.
SELECT organization_id, record_kind, problem, count(*) AS records
FROM ops.quarantine
WHERE run_id IN (
    SELECT max_by(run_id, started_at) FROM ops.runs WHERE outcome <> 'failed' GROUP BY organization_id
)
GROUP BY organization_id, record_kind, problem
ORDER BY organization_id, records DESC, problem;
