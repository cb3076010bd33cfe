-- Purpose: Return the days of absence between from_date and to_date, both inclusive, on which the cover is absent
--   too.
-- Grain: one absent person and day.
-- Formula: A row is a person-day of absence whose cover has a person-day of absence on the same date.
-- Source: none; it is a rule of this program.
-- Caveats: Only the cover that counts for the day is checked; cover_chains shows the covers of covers. A person who
--   is their own cover is a conflict.
-- Second run: creates the same macro again.
CREATE OR REPLACE MACRO coverage_conflicts(from_date, to_date) AS TABLE
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
    d.organization_id, d.date_on, d.user_id, p.name, d.reason, d.covering_user_id,
    c.name AS covering_name, a.reason AS covering_reason, d.is_working_day
FROM fct_absence_days AS d
JOIN fct_absence_days AS a
    ON a.organization_id = d.organization_id AND a.user_id = d.covering_user_id AND a.date_on = d.date_on
JOIN dim_people AS p ON p.organization_id = d.organization_id AND p.user_id = d.user_id
JOIN dim_people AS c ON c.organization_id = d.organization_id AND c.user_id = d.covering_user_id
JOIN asked AS q ON d.date_on BETWEEN q.first_on AND q.last_on
ORDER BY d.organization_id, d.date_on, d.user_id;
