-- Purpose: return the row of a run whose snapshot is part of the warehouse already.
-- Grain: one run, or none.
-- Parameters: $run_id.
-- Second run: returns the same; the statement only reads.
SELECT * FROM ops.runs WHERE run_id = $run_id AND outcome <> 'failed';
