-- Purpose: remove the results of audits that are recorded again, or all results of the run.
-- Grain: one audit of one run.
-- Parameters: $run_id, $audits (a list of names), $replaces_run (true for all results of the run).
-- Second run: deletes the rows that were inserted after the first run.
DELETE FROM ops.audits
WHERE run_id = $run_id AND ($replaces_run OR audit IN (SELECT unnest($audits::VARCHAR[])));
