-- Purpose: what the days of some people are derived from.
-- Grain: one entry, ascending by person and id. Parameters: $first_user_id, $last_user_id. Reads only.
FROM changed_entries
WHERE user_id BETWEEN $first_user_id AND $last_user_id
ORDER BY user_id, entry_id;
