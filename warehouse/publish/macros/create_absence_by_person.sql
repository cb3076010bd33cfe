-- Purpose: Return the absence per person between from_date and to_date, both inclusive.
-- Grain: one person who is absent in the range.
-- Formula: absence_days = the number of days with at least one entry, each counted once. sick_days = the number of
--   those that count as sick. first_on and last_on = the first and the last of the days.
-- Source: as in absence_by_reason.
-- Caveats: The rows are personal data, so restrict access to them. A person without a day of absence in the range
--   has no row.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO absence_by_person(from_date, to_date) AS TABLE
WITH asked AS MATERIALIZED (
    SELECT first_on, first_on + (to_date::DATE - from_date::DATE)::INTEGER AS last_on
    FROM (
        SELECT
            CASE WHEN from_date::DATE <= to_date::DATE THEN from_date::DATE
                ELSE error(concat('expected from_date <= to_date, found ', from_date::DATE, ' and ', to_date::DATE))
            END AS first_on
    )
)
SELECT
    d.organization_id, d.user_id, p.name, p.email,
    count(*) AS absence_days,
    count(*) FILTER (d.is_working_day) AS absence_working_days,
    count(*) FILTER (d.reason = 'sick') AS sick_days,
    min(d.date_on) AS first_on,
    max(d.date_on) AS last_on
FROM fct_absence_days AS d
JOIN dim_people AS p USING (organization_id, user_id)
JOIN asked AS q ON d.date_on BETWEEN q.first_on AND q.last_on
GROUP BY d.organization_id, d.user_id, p.name, p.email
ORDER BY d.organization_id, absence_days DESC, d.user_id;
