-- Purpose: return the entries that the two strategies of a run returned differently.
-- Grain: one entry, ascending by user and id.
-- Parameters: $run_id.
-- Second run: returns the same; the statement only reads.
SELECT user_id, entry_id, difference, columns
FROM ops.differences
WHERE run_id = $run_id
ORDER BY user_id, entry_id;
