-- Purpose: publish the entries, tombstones included. Working days follow the present calendar of the person, and
-- count the days that marts.counted_entries lists.
-- Grain: one entry.
-- Second run: creates the same view again.
CREATE OR REPLACE VIEW marts.fct_ooo_entries AS
SELECT
    c.organization_id, c.entry_id, c.entry_uuid, c.user_id, c.covering_user_id, c.starts_on, c.ends_on,
    c.calendar_days,
    coalesce(z.working_day_number - a.working_day_number + a.is_working_day::INTEGER, 0) AS working_days,
    coalesce(d.materialized_days, 0)::INTEGER AS materialized_days, c.reason, c.reason_raw, c.has_notes,
    c.starts_at_raw, c.ends_at_raw, c.is_day_aligned, c.date_rule, c.first_seen_at, c.last_seen_at, c.deleted_at,
    c.deletion_cause, c.notes,
    c.deleted_at IS NULL AND (l.is_stale OR c.last_seen_at < l.observed_at) AS is_stale
FROM core.ooo_entries AS c
JOIN marts.attempted_organizations AS l USING (organization_id)
LEFT JOIN marts.counted_entries AS d USING (organization_id, entry_id)
LEFT JOIN marts.person_calendars AS w ON w.organization_id = c.organization_id AND w.user_id = c.user_id
LEFT JOIN marts.dim_calendar_days AS a ON a.calendar = w.calendar AND a.date_on = c.starts_on
LEFT JOIN marts.dim_calendar_days AS z
    ON z.calendar = w.calendar AND z.date_on = c.starts_on + d.materialized_days - 1;
