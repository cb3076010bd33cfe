-- Purpose: return the entries from which the days of some people of one organization are derived, each cut to the
--   days from $first_on to $last_on.
-- Grain: one entry with a day in the range, ascending by person and id.
-- Parameters: $organization_id, $first_user_id, $last_user_id, $first_on, $last_on (all included).
-- Second run: returns the same; the statement only reads.
SELECT * REPLACE (
    greatest(starts_on, $first_on::DATE) AS starts_on,
    (least(starts_on + materialized_days - 1, $last_on::DATE) - greatest(starts_on, $first_on::DATE) + 1)::INTEGER
        AS materialized_days
)
FROM changed_entries
WHERE organization_id = $organization_id AND user_id BETWEEN $first_user_id AND $last_user_id
  AND starts_on <= $last_on::DATE AND starts_on + materialized_days > $first_on::DATE
ORDER BY user_id, entry_id;
