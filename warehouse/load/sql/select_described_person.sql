-- Purpose: return the name and the e-mail address of a person, and the number of entries, deleted ones included.
-- Grain: one person.
-- Parameters: $organization_id, $user_id.
-- Second run: returns the same; the statement only reads.
SELECT
    any_value(p.name) AS name, any_value(p.email) AS email,
    (
        SELECT count(*) FROM core.ooo_entries AS e
        WHERE e.organization_id = $organization_id AND e.user_id = $user_id
    ) AS entries
FROM core.people AS p
WHERE p.organization_id = $organization_id AND p.user_id = $user_id;
