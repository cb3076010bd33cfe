-- Purpose: return the dates on which the number of simultaneous entries of a person changes, with the change.
-- Grain: one date, ascending.
-- Parameters: $organization_id, $user_id.
-- Second run: returns the same; the statement only reads.
SELECT date_on, sum(change)::BIGINT AS change
FROM (
    SELECT starts_on AS date_on, 1 AS change FROM changed_entries
    WHERE organization_id = $organization_id AND user_id = $user_id
    UNION ALL
    SELECT starts_on + materialized_days AS date_on, -1 AS change FROM changed_entries
    WHERE organization_id = $organization_id AND user_id = $user_id
)
GROUP BY date_on
ORDER BY date_on;
