-- Purpose: publish the people, with their calendar, staleness and membership. The membership begins with the creation
-- of the account, or with the first entry if that is earlier; it ends on the date of the snapshot that proved the
-- departure.
-- Grain: one person.
-- Second run: creates the same view again.
CREATE OR REPLACE VIEW marts.dim_people AS
SELECT
    p.organization_id, p.user_id, p.email, p.name, p.username, p.time_zone, p.locale, p.created_at,
    p.first_seen_at, p.last_seen_at, p.left_at,
    least(coalesce(p.created_at, p.first_seen_at)::DATE, f.first_on) AS member_from_on,
    p.left_at::DATE AS member_to_on,
    p.left_at IS NULL
        AND (l.is_stale OR p.last_seen_at < l.observed_at OR coalesce(p.entries_as_of < l.observed_at, true))
        AS is_stale,
    w.calendar
FROM core.people AS p
JOIN marts.attempted_organizations AS l USING (organization_id)
LEFT JOIN marts.person_calendars AS w USING (organization_id, user_id)
LEFT JOIN (
    SELECT organization_id, user_id, min(starts_on) AS first_on FROM marts.counted_entries
    GROUP BY organization_id, user_id
) AS f USING (organization_id, user_id);
