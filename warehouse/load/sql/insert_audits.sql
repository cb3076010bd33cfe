-- Purpose: store the results of audits of a run.
-- Grain: one audit of one run.
-- Parameters: $run_id, $checked_at, and one list per column: $audits (names), $severities, $promises,
-- $offending_rows.
-- Second run: would insert the rows again; delete_audits runs first.
INSERT INTO ops.audits BY NAME
SELECT
    $run_id AS run_id, unnest($audits::VARCHAR[]) AS audit, unnest($severities::VARCHAR[]) AS severity,
    unnest($promises::VARCHAR[]) AS promise, unnest($offending_rows::BIGINT[]) AS offending_rows,
    $checked_at::TIMESTAMP AS checked_at;
