-- Purpose: store the records that failed validation, with the reason code.
-- Grain: one record of one run.
-- Second run: would insert the rows again; a run id is applied once.
INSERT INTO ops.quarantine BY NAME
SELECT n.run_id, r.* EXCLUDE (page), n.observed_at AS seen_at
FROM staged_rejects AS r
JOIN staged_snapshots AS n ON n.organization_id = r.organization_id;
