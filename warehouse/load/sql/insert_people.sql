-- Purpose: insert the people that were read. A person who has returned has no `left_at`.
-- Grain: one person.
-- Second run: would insert the rows again; delete_seen_people runs first.
INSERT INTO core.people BY NAME
SELECT
    s.* EXCLUDE (page),
    coalesce(f.first_seen_at, n.observed_at) AS first_seen_at,
    n.observed_at AS last_seen_at,
    NULL AS left_at,
    f.entries_as_of
FROM staged_people AS s
JOIN staged_snapshots AS n ON n.organization_id = s.organization_id
LEFT JOIN former_people AS f ON f.organization_id = s.organization_id AND f.user_id = s.user_id;
