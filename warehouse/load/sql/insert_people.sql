-- Purpose: insert the people that were read. A person who has returned has no `left_at`.
-- Grain: one person.
-- Parameters: $observed_at.
-- Second run: would insert the rows again; delete_seen_people runs first.
INSERT INTO core.people BY NAME
SELECT
    s.* EXCLUDE (page),
    coalesce(f.first_seen_at, $observed_at::TIMESTAMP) AS first_seen_at,
    $observed_at::TIMESTAMP AS last_seen_at,
    NULL AS left_at,
    f.entries_as_of
FROM staged_people AS s
LEFT JOIN former_people AS f USING (user_id);
