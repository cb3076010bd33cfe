-- Purpose: absence by person from from_date to to_date, both included.
-- Grain: one person who is absent in the range.
-- Formula: absence_days = days with at least one entry, each counted once; sick_days = those that count
--   as sick; first_on and last_on = the first and last of these days.
-- Source: as absence_by_reason.
-- Caveats: personal data: keep its readers few. Who has no day in the range has no row.
-- Second run: makes the same macro again.
CREATE OR REPLACE MACRO absence_by_person(from_date, to_date) AS TABLE
SELECT
    d.organization_id, d.user_id, p.name, p.email,
    count(*) AS absence_days,
    count(*) FILTER (d.is_working_day) AS absence_working_days,
    count(*) FILTER (d.reason = 'sick') AS sick_days,
    min(d.date_on) AS first_on,
    max(d.date_on) AS last_on
FROM fct_absence_days AS d
JOIN dim_people AS p USING (organization_id, user_id)
WHERE d.date_on BETWEEN from_date::DATE AND to_date::DATE
GROUP BY d.organization_id, d.user_id, p.name, p.email
ORDER BY d.organization_id, absence_days DESC, d.user_id;
