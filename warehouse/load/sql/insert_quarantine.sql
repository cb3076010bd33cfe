-- Purpose: keep what could not be read, with its reason code, for people to look at.
-- Grain: one record of one run. Parameters: $run_id, $observed_at. A second run of the same id is refused earlier.
INSERT INTO ops.quarantine BY NAME
SELECT $run_id AS run_id, * EXCLUDE (page), $observed_at::TIMESTAMP AS seen_at FROM staged_rejects;
