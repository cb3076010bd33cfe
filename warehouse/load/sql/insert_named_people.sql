-- Purpose: people that only entries name (they joined after the users list was read) get a row too.
-- Grain: one person. Parameters: $observed_at. A second run finds none.
INSERT INTO core.people (organization_id, user_id, first_seen_at, last_seen_at)
SELECT DISTINCT e.organization_id, e.user_id, $observed_at::TIMESTAMP, $observed_at::TIMESTAMP
FROM staged_entries AS e
WHERE NOT EXISTS (
    FROM core.people AS p WHERE p.organization_id = e.organization_id AND p.user_id = e.user_id
);
