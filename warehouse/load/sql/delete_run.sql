-- Purpose: make room for a run's final row, where it left one when it failed before it was resumed.
-- Grain: one run. Parameters: $run_id. A second run deletes what the first inserted.
DELETE FROM ops.runs WHERE run_id = $run_id;
