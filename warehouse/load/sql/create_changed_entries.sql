-- Purpose: find the live entries of the people whose days are derived again, with the calendar of the person.
-- Grain: one live entry with at least one materialized day.
-- Second run: creates the same table again, from core as applied.
CREATE OR REPLACE TEMP TABLE changed_entries AS
SELECT
    organization_id, e.entry_id, user_id, e.covering_user_id, e.starts_on, e.materialized_days, e.reason, w.calendar
FROM core.ooo_entries AS e
SEMI JOIN changed_people AS p USING (organization_id, user_id)
LEFT JOIN marts.person_calendars AS w USING (organization_id, user_id)
WHERE e.deleted_at IS NULL AND e.materialized_days > 0
ORDER BY organization_id, user_id, e.entry_id;
