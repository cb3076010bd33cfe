-- Purpose: return the people whose id, e-mail address, user name or name is $person, and those whose name contains it.
--   Case and accents do not count.
-- Grain: one person.
-- Parameters: $person (text).
-- Second run: returns the same; the statement only reads published tables.
WITH people AS (
    SELECT
        organization_id, user_id, name, strip_accents(lower(name)) AS plain_name,
        user_id::VARCHAR = $person
        OR coalesce(lower(email) = lower($person), FALSE)
        OR coalesce(lower(username) = lower($person), FALSE)
        OR coalesce(strip_accents(lower(name)) = strip_accents(lower($person)), FALSE) AS is_exact
    FROM dim_people
)
SELECT organization_id, user_id, name, is_exact
FROM people
WHERE is_exact OR contains(plain_name, strip_accents(lower($person)))
ORDER BY organization_id, name, user_id;
