-- Purpose: find the entries of the people whose days are derived again, with the calendar of the person.
-- Grain: one entry with at least one day.
-- Second run: creates the same table again, from core as applied.
CREATE OR REPLACE TEMP TABLE changed_entries AS
SELECT
    organization_id, e.entry_id, user_id, e.covering_user_id, e.starts_on, e.materialized_days, e.reason, w.calendar
FROM marts.counted_entries AS e
SEMI JOIN changed_people AS p USING (organization_id, user_id)
LEFT JOIN marts.person_calendars AS w USING (organization_id, user_id)
ORDER BY organization_id, user_id, e.entry_id;
