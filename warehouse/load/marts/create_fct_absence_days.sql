-- Purpose: publish the days of absence, with a column that shows if the cover is absent too. The days of the covers
-- are looked up in one list per person: a join row by row would need more memory for a million entries than a load
-- may use.
-- Grain: one person and day.
-- Second run: creates the same view again.
CREATE OR REPLACE VIEW marts.fct_absence_days AS
SELECT
    d.organization_id, d.user_id, d.date_on, d.reason, d.entry_count, d.is_working_day, d.covering_user_id,
    CASE WHEN d.covering_user_id IS NOT NULL
        THEN coalesce(list_contains(c.days, d.date_on), false) END AS is_cover_absent
FROM marts.person_days AS d
LEFT JOIN (
    SELECT organization_id, user_id, list(date_on) AS days FROM marts.person_days GROUP BY organization_id, user_id
) AS c ON c.organization_id = d.organization_id AND c.user_id = d.covering_user_id;
