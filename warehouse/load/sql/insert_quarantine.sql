-- Purpose: store the records that failed validation, with the reason code.
-- Grain: one record of one run.
-- Parameters: $run_id, $observed_at.
-- Second run: would insert the rows again; a run id is applied once.
INSERT INTO ops.quarantine BY NAME
SELECT $run_id AS run_id, * EXCLUDE (page), $observed_at::TIMESTAMP AS seen_at FROM staged_rejects;
