-- Purpose: remove the rows that runs left when they failed, before their final rows are inserted.
-- Grain: one run.
-- Parameters: $run_ids.
-- Second run: deletes the rows that were inserted after the first run.
DELETE FROM ops.runs WHERE list_contains($run_ids::VARCHAR[], run_id);
