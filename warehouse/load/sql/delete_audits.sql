-- Purpose: make room for the results of audits that are run again.
-- Grain: one audit of one run. Parameters: $run_id, $audits (names). A second run deletes what the first inserted.
DELETE FROM ops.audits WHERE run_id = $run_id AND audit IN (SELECT unnest($audits::VARCHAR[]));
