-- Purpose: return the people for the report pages: the members, and former members with a live entry or who cover
-- one. The hint distinguishes people with the same name: the username, or the id without one. A person without a
-- name has the username as hint. The hint is null for a unique name.
-- Grain: one person.
-- Parameters: $first_on, $last_on (both included; the range of the entries).
-- Second run: returns the same; the statement only reads.
SELECT
    organization_id, user_id, nullif(trim(name), '') AS name,
    CASE
        WHEN nullif(trim(name), '') IS NULL THEN nullif(trim(username), '')
        WHEN count(*) OVER (PARTITION BY organization_id, lower(trim(name))) > 1
        THEN coalesce(nullif(trim(username), ''), concat('#', user_id))
    END AS hint,
    calendar, left_at IS NOT NULL AS has_left
FROM dim_people
WHERE left_at IS NULL OR (organization_id, user_id) IN (
    SELECT (e.organization_id, unnest([e.user_id, e.covering_user_id])) FROM fct_ooo_entries AS e
    WHERE e.deleted_at IS NULL AND e.starts_on <= $last_on AND e.ends_on >= $first_on
)
ORDER BY organization_id, name NULLS LAST, user_id;
