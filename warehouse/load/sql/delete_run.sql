-- Purpose: remove the row that a run left when it failed, before its final row is inserted.
-- Grain: one run.
-- Parameters: $run_id.
-- Second run: deletes the row that was inserted after the first run.
DELETE FROM ops.runs WHERE run_id = $run_id;
