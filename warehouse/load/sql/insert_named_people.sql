-- Purpose: insert the people that only entries name, because they joined after the users list was read.
-- Grain: one person.
-- Second run: inserts nothing.
INSERT INTO core.people (organization_id, user_id, first_seen_at, last_seen_at)
SELECT DISTINCT e.organization_id, e.user_id, n.observed_at AS first_seen_at, n.observed_at AS last_seen_at
FROM staged_entries AS e
JOIN staged_snapshots AS n ON n.organization_id = e.organization_id
WHERE NOT EXISTS (
    FROM core.people AS p WHERE p.organization_id = e.organization_id AND p.user_id = e.user_id
);
