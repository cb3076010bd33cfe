-- Purpose: days of absence as published, with whether the cover is absent too.
-- Grain: one person and day. A second run makes the same view again.
CREATE OR REPLACE VIEW marts.fct_absence_days AS
SELECT
    d.organization_id, d.user_id, d.date_on, d.reason, d.entry_count, d.is_working_day, d.covering_user_id,
    CASE WHEN d.covering_user_id IS NOT NULL THEN c.user_id IS NOT NULL END AS is_cover_absent
FROM marts.person_days AS d
LEFT JOIN marts.person_days AS c
    ON c.organization_id = d.organization_id AND c.user_id = d.covering_user_id AND c.date_on = d.date_on;
