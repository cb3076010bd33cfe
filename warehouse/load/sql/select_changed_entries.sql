-- Purpose: return the entries from which the days of some people of one organization are derived.
-- Grain: one entry, ascending by person and id.
-- Parameters: $organization_id, $first_user_id, $last_user_id (both included).
-- Second run: returns the same; the statement only reads.
FROM changed_entries
WHERE organization_id = $organization_id AND user_id BETWEEN $first_user_id AND $last_user_id
ORDER BY user_id, entry_id;
