-- Purpose: days from from_date to to_date, both included, on which the cover is absent too.
-- Grain: one absent person and day.
-- Formula: a person-day of absence that names a cover who has a person-day of absence on the same date.
-- Source: none: this program's own rule.
-- Caveats: only the cover that counts for the day is looked at; a cover of the cover is in cover_chains.
--   Whoever names themselves conflicts with themselves.
-- Second run: makes the same macro again.
CREATE OR REPLACE MACRO coverage_conflicts(from_date, to_date) AS TABLE
SELECT
    d.organization_id, d.date_on, d.user_id, p.name, d.reason, d.covering_user_id,
    c.name AS covering_name, a.reason AS covering_reason, d.is_working_day
FROM fct_absence_days AS d
JOIN fct_absence_days AS a
    ON a.organization_id = d.organization_id AND a.user_id = d.covering_user_id AND a.date_on = d.date_on
JOIN dim_people AS p ON p.organization_id = d.organization_id AND p.user_id = d.user_id
JOIN dim_people AS c ON c.organization_id = d.organization_id AND c.user_id = d.covering_user_id
WHERE d.date_on BETWEEN from_date::DATE AND to_date::DATE
ORDER BY d.organization_id, d.date_on, d.user_id;
