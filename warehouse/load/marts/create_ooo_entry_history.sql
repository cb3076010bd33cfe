-- Purpose: publish the versions of entries. Working days follow the present calendar of the person, also for old
-- versions.
-- Grain: one version of one entry.
-- Second run: creates the same view again.
CREATE OR REPLACE VIEW marts.ooo_entry_history AS
SELECT
    h.*,
    CASE WHEN h.materialized_days = 0 THEN 0
        ELSE z.working_day_number - a.working_day_number + a.is_working_day::INTEGER END AS working_days
FROM core.ooo_entry_history AS h
LEFT JOIN marts.person_calendars AS w USING (organization_id, user_id)
LEFT JOIN marts.dim_calendar_days AS a ON a.calendar = w.calendar AND a.date_on = h.starts_on
LEFT JOIN marts.dim_calendar_days AS z
    ON z.calendar = w.calendar AND z.date_on = h.starts_on + h.materialized_days - 1;
