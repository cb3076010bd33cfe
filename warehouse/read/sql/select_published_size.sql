-- Purpose: count the live entries of each published person of the organization.
-- Grain: one person who has not left.
-- Parameters: $organization_id.
-- Second run: returns the same; the statement only reads published tables.
SELECT count(e.entry_id) AS entries
FROM dim_people AS p
LEFT JOIN fct_ooo_entries AS e
    ON e.organization_id = p.organization_id AND e.user_id = p.user_id AND e.deleted_at IS NULL
WHERE p.organization_id = $organization_id AND p.left_at IS NULL
GROUP BY p.user_id;
