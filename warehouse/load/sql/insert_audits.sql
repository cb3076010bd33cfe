-- Purpose: what the audits of a run found.
-- Grain: one audit of one run. Parameters: $run_id, $checked_at, and one list a column: $audits (names), $severities,
-- $promises, $offending_rows. A second run is made room for by delete_audits.
INSERT INTO ops.audits BY NAME
SELECT
    $run_id AS run_id, unnest($audits::VARCHAR[]) AS audit, unnest($severities::VARCHAR[]) AS severity,
    unnest($promises::VARCHAR[]) AS promise, unnest($offending_rows::BIGINT[]) AS offending_rows,
    $checked_at::TIMESTAMP AS checked_at;
