-- Purpose: what one audit found.
-- Grain: one audit of one run. Parameters: every column. A second run is made room for by delete_audits.
INSERT INTO ops.audits BY NAME
SELECT
    $run_id AS run_id, $audit AS audit, $severity AS severity, $promise AS promise,
    $offending_rows AS offending_rows, $checked_at::TIMESTAMP AS checked_at;
