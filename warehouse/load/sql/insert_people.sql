-- Purpose: the people that were read: new, changed, or back (`left_at` is null again).
-- Grain: one person. Parameters: $observed_at. A second run inserts the same.
INSERT INTO core.people BY NAME
SELECT
    s.* EXCLUDE (page),
    coalesce(f.first_seen_at, $observed_at::TIMESTAMP) AS first_seen_at,
    $observed_at::TIMESTAMP AS last_seen_at,
    NULL AS left_at,
    f.entries_as_of
FROM staged_people AS s
LEFT JOIN former_people AS f USING (user_id);
