-- Purpose: publish the people, with their calendar and staleness.
-- Grain: one person.
-- Second run: creates the same view again.
CREATE OR REPLACE VIEW marts.dim_people AS
SELECT
    p.organization_id, p.user_id, p.email, p.name, p.username, p.time_zone, p.locale, p.created_at,
    p.first_seen_at, p.last_seen_at, p.left_at,
    p.left_at IS NULL
        AND (p.last_seen_at < l.observed_at OR coalesce(p.entries_as_of < l.observed_at, true)) AS is_stale,
    w.calendar
FROM core.people AS p
JOIN ops.latest_snapshots AS l USING (organization_id)
LEFT JOIN marts.person_calendars AS w USING (organization_id, user_id);
