-- Purpose: remove the results of audits that are recorded again.
-- Grain: one audit of one run.
-- Parameters: $run_id, $audits (a list of names).
-- Second run: deletes the rows that were inserted after the first run.
DELETE FROM ops.audits WHERE run_id = $run_id AND audit IN (SELECT unnest($audits::VARCHAR[]));
