-- Purpose: what the two strategies of a run did not read alike, by user.
-- Grain: one entry. Parameters: $run_id. Reads only.
SELECT user_id, entry_id, difference, columns
FROM ops.differences
WHERE run_id = $run_id
ORDER BY user_id, entry_id;
